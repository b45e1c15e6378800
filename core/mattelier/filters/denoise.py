"""A picture without its noise: its own samples, less what a network takes for noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.engines.tiling import (
    Band,
    HalvingTiles,
    NetworkWrapper,
    PictureNetwork,
    Tiled,
    run_tiled,
)
from mattelier.requests import DenoiseRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import (
    View,
    compress_highlights,
    expand_highlights,
    from_float,
    linear_to_srgb,
    srgb_to_linear,
    to_float,
)
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage, tell
from mattelier.types.result import Report, Result

STRONGEST = 55 / 255
"""The noise that a strength of 1 stands for: a standard deviation, where the picture spans 0…1."""

_TILE_PX = 768  # sides in pixels; larger ones gain little and take memory
# What the network is shown: noise around black and white, but no further from them than this.
_MIN_INPUT, _MAX_INPUT = -0.5, 1.5
# Exposed linear light from which on less is removed, and from which on nothing: the view bends
# highlights so much that an error there would be magnified.
_FULL_EFFECT_LIGHT, _NO_EFFECT_LIGHT = 0.8, 2.0
# Of 16-bit samples, the share that may not be brighter than what counts as white.
_WHITE_QUANTILE = 0.99
_MAX_FACE_ASPECT = 1.5  # of a picture that one face fills


class DenoiseTask(Task):
    """picture → the same picture without its noise."""

    def prepare(self, request: DenoiseRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        _open(request, models)
        return inputs

    def run(self, request: DenoiseRequest, picture: Picture, models: ModelCache) -> Result:
        """One picture without noise, in its own sample type and colour space, alpha untouched.

        Strength 0 or grain 1 gives the picture itself. Values below 0 and above 1 stay what they
        are but for the noise; highlights of linear light too bright for the network's view keep
        theirs. The report measures `removed`: the standard deviation of what was taken away,
        where the picture as the network saw it spans 0…1.

        Raises
        ------
        OutOfMemory
            Not even the smallest tile fits into memory.
        """
        model = _open(request, models)
        report = Report(model.name, model.engine, model.device, model.note, measures={"removed": 0})
        if request.strength == 0 or request.grain == 1:
            return Result(report, picture)
        view = _NetworkView(picture)
        with report.timed("denoise"), stage("denoising", 0, 1):
            if model.input.resize == "stretch":
                bands = iter([_mend_face(view, model, request.strength)])
            else:
                network = HalvingTiles(_apply_strength(model, request.strength))
                bands = run_tiled(view, network, request.tile or _TILE_PX, tell)
            colour, report.measures["removed"] = _remove_noise(picture, view, bands, request.grain)
        return Result(report, replace(picture, colour=colour))

    def networks(
        self, request: DenoiseRequest, models: ModelCache, height: int, width: int
    ) -> dict[str, str]:
        model = _open(request, models)
        return {model.name: model.fingerprint}


def _open(request: DenoiseRequest, models: ModelCache) -> OpenModel:
    return models.open(request.model, "denoise", request.device)


def _apply_strength(model: OpenModel, strength: float | None) -> Tiled:
    """The network at a strength 0…1, or None for as much as it sees.

    A network that takes no strength is mixed with the picture instead.
    """
    if model.input.hint is not None:
        return _NoiseGuided(model, strength)
    network = PictureNetwork(model)
    return network if strength is None else _Blended(network, strength)


class _NoiseGuided(PictureNetwork):
    """A network whose hint is the noise's level, and how much is known of it."""

    def __init__(self, model: OpenModel, strength: float | None) -> None:
        super().__init__(model)
        self._strength = strength

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        hint = np.zeros((1, 2, *picture.shape[2:]), np.float32)
        if self._strength is not None:
            hint[:, 0] = self._strength * STRONGEST
            hint[:, 1] = 1
        return self._model.run({"picture": picture, "hint": hint})["picture"]


class _Blended(NetworkWrapper):
    """So much of a network's answer, the rest of its picture."""

    def __init__(self, network: Tiled, share: float) -> None:
        super().__init__(network)
        self._share = np.float32(share)

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        return picture + self._share * (self._network.run(picture) - picture)


def _mend_face(view: _NetworkView, model: OpenModel, strength: float | None) -> Band:
    """The view of one face, mended at the size that the network knows; `strength` of its answer."""
    import cv2

    size, before = model.input.size, view.read(0, view.height)
    if max(view.height, view.width) > _MAX_FACE_ASPECT * min(view.height, view.width):
        raise UsageError(
            "The model {name} mends one face that fills a picture about as high as wide; "
            "give it the face, cut out.",
            name=model.name,
        )
    if min(view.height, view.width) > size:
        remark(
            "{name} sees faces at {size} pixels, so finer detail is lost.",
            name=model.name,
            size=size,
        )
    small = cv2.resize(np.clip(before, 0, 1), (size, size), interpolation=cv2.INTER_AREA)
    mean, std = (np.asarray(three, np.float32) for three in (model.input.mean, model.input.std))
    normal = (small - mean) / std
    answer = model.run({"picture": np.ascontiguousarray(normal.transpose(2, 0, 1)[None])})
    mended = cv2.resize(
        answer["picture"][0].transpose(1, 2, 0),
        (view.width, view.height),
        interpolation=cv2.INTER_CUBIC,
    )
    share = np.float32(1 if strength is None else strength)
    band: Band = before + share * (np.asarray(mended, np.float32) - before)
    return band


def _remove_noise(
    picture: Picture, view: _NetworkView, bands: Iterator[Band], grain: float
) -> tuple[NDArray[Any], float]:
    """The colour without noise, of the view without it, and how much was removed (a deviation)."""
    result = np.empty_like(picture.colour)
    y, squares = 0, 0.0
    for band in bands:
        rows = slice(y, y + len(band))
        samples = view.read(rows.start, rows.stop)
        if picture.grey:
            band[:] = band.mean(axis=2, keepdims=True)
        band += np.float32(grain) * (samples - band)
        squares += float(np.square(samples - band, dtype=np.float64).sum())
        result[rows] = from_float(view.subtract_noise(rows, samples, band), picture.dtype)
        y = rows.stop
    return result, round((squares / result.size) ** 0.5, 5)


class _NetworkView:
    """A picture as the network sees it, near 0…1; unlike `View` with the noise below black."""

    def __init__(self, picture: Picture) -> None:
        self.height, self.width = picture.height, picture.width
        self._colour, self._linear = picture.colour, picture.transfer == "linear"
        gain = View(picture).exposure if self._linear else _exposure(picture.colour)
        self._exposure = np.float32(gain)

    def read(self, y0: int, y1: int) -> Band:
        """See `Rows.read`."""
        values = to_float(self._colour[y0:y1]) * self._exposure
        if self._linear:
            values = linear_to_srgb(compress_highlights(values))
        return np.clip(values, _MIN_INPUT, _MAX_INPUT, out=values)

    def subtract_noise(self, rows: slice, samples: Band, denoised: Band) -> Band:
        """The picture's own values in these rows, less what is missing from `samples`."""
        values = to_float(self._colour[rows])
        if not self._linear:
            return values - (samples - denoised) / self._exposure
        removed = (_to_light(samples) - _to_light(denoised)) / self._exposure
        brightest = values.max(axis=2, keepdims=True) * self._exposure
        share = np.clip(
            (_NO_EFFECT_LIGHT - brightest) / (_NO_EFFECT_LIGHT - _FULL_EFFECT_LIGHT), 0, 1
        )
        result: Band = values - removed * (share * share * (3 - 2 * share))
        return result


def _to_light(view: Band) -> Band:
    """Exposed linear light of what is shown; no brighter than where nothing is removed."""
    light = srgb_to_linear(view)
    return np.minimum(expand_highlights(np.minimum(light, 0.999)), np.float32(2 * _NO_EFFECT_LIGHT))


def _exposure(colour: NDArray[Any]) -> float:
    """What makes white of the brightest parts of 16-bit samples that use little of their range.

    A sensor's own values are so dark that their noise would look like none.
    """
    if colour.dtype == np.uint8:
        return 1.0
    step = max(1, int((colour.shape[0] * colour.shape[1] / 65536) ** 0.5))
    white = float(np.quantile(to_float(colour[::step, ::step]), _WHITE_QUANTILE))
    return 1 / min(max(white, 1 / 256), 1.0)
