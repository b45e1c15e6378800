"""A picture enlarged: its detail by a network, its depth, alpha, profile and light kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue.defaults import TASK_MODELS
from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.engines.tiling import (
    Band,
    HalvingTiles,
    NetworkWrapper,
    PictureNetwork,
    Rows,
    Stream,
    Tiled,
    resample_bands,
    run_tiled,
)
from mattelier.filters.colour_fix import ColourFix
from mattelier.filters.degradation import Degradation, measure_degradation
from mattelier.filters.regrain import Regrain
from mattelier.media.size_limits import max_result_pixels
from mattelier.requests import UpscaleRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import View, expand_highlights, from_float, srgb_to_linear, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture, Window
from mattelier.types.progress import remark, stage, tell
from mattelier.types.result import Report, Result
from mattelier.types.tiles import Tile, upsample_tile

_TILE_PX = 768  # sides in pixels; larger ones gain little and take memory
_MAX_FACTOR = 16  # times, and not more than so many pixels:
_MAX_PIXELS = 1_000_000_000
# Exposed linear light up to which the network's answer counts, and from which on the plate's own
# is only stretched: the view bends highlights so much that an error there would be magnified.
_FULL_DETAIL_LIGHT, _NO_DETAIL_LIGHT = 0.8, 2.0
_MAX_OVERSHOOT = 1.5  # times the brightest sample near by: as far as sharpened light may rise
_INPAINT_MARGIN_PX = 8  # pixels around visible ones in which invisible ones are painted over
# JPEG's coarse steps and noise, in 8-bit steps, from which on clearing them is better than not, and
# over how many more clearing rises from nothing to all; see `wanted_denoise`.
_MIN_JPEG_STEP, _JPEG_STEP_SPAN = 3.0, 10.0
_MIN_NOISE, _NOISE_SPAN = 4.5, 11.0
_LEAST_DENOISE, _MOST_DENOISE = 0.05, 0.7  # what clears anything at all; more smooths textures
_MAX_ASPECT_CHANGE = 0.01  # of the aspect, from which on the user is told


class UpscaleTask(Task):
    """picture → the same picture with more pixels."""

    def settle(
        self, request: UpscaleRequest, pictures: Sequence[Picture], **inputs: Any
    ) -> dict[str, Any]:
        """How much noise and compression is cleared of each frame: as of the middle one's."""
        if not _chooses(request):
            return inputs
        wishes = sorted(wanted_denoise(measure_degradation(picture)) for picture in pictures)
        return {**inputs, "denoise": wishes[len(wishes) // 2]}

    def prepare(self, request: UpscaleRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        """Opens a model that is named; the default ones are opened when a picture needs them."""
        if (name := _model_name(request)) is not None:
            models.open(name, "upscale", request.device, blend=request.denoise)
        return inputs

    def run(
        self,
        request: UpscaleRequest,
        picture: Picture,
        models: ModelCache,
        *,
        denoise: float | None = None,
    ) -> Result:
        """One picture enlarged as the request says, in its own sample type and colour space.

        Where the request leaves it open, what the picture has been through decides how much noise
        and compression is cleared, or `denoise` for all frames of a shot. Integer colour that alpha
        hides entirely is replaced by what is visible beside it. The report measures
        `result_width`, `result_height` and `denoise`, and names all networks in their order.

        Raises
        ------
        UsageError
            The size wanted is not larger than the picture, or too large.
        OutOfMemory
            Not even the smallest tile fits into memory.
        """
        height, width = result_size(request, picture.height, picture.width)
        if _chooses(request):
            if denoise is None:
                denoise = wanted_denoise(measure_degradation(picture))
            request = replace(request, denoise=denoise)
        chain = _chain(request, models, max(height / picture.height, width / picture.width))
        wrapped = {model: _wrap_network(model) for model in chain}
        networks = [wrapped[model] for model in chain]
        grained = networks
        if request.denoise and request.grain:
            # Once, at the end: another network would take it away again.
            grained = [*networks[:-1], Regrain(networks[-1], request.grain)]
        report = Report(
            " + ".join(model.name for model in chain),
            chain[0].engine,
            chain[0].device,
            next((model.note for model in chain if model.note), ""),
            measures={
                "result_width": width,
                "result_height": height,
                "denoise": round(request.denoise or 0, 2),
            },
        )
        size = request.tile or _TILE_PX
        covered = picture.alpha is not None and bool(np.ptp(picture.alpha))
        with report.timed("upscale"):
            with stage("enlarging", 0, 0.5 if covered else 1):
                colour = _upscale_colour(picture, grained, size, height, width)
            alpha = None
            if picture.alpha is not None:
                with stage("enlarging alpha", 0.5 if covered else 1, 1):
                    alpha = _upscale_alpha(picture.alpha, networks, size, height, width)
        window = None
        if picture.window is not None:
            window = _scale_window(picture.window, height / picture.height, width / picture.width)
        return Result(report, replace(picture, colour=colour, alpha=alpha, window=window))

    def networks(
        self, request: UpscaleRequest, models: ModelCache, height: int, width: int
    ) -> dict[str, str]:
        tall, wide = result_size(request, height, width)
        wishes = (0.0, 1.0) if _chooses(request) else (request.denoise,)
        return {
            model.name: model.fingerprint
            for wish in wishes
            for model in _chain(
                replace(request, denoise=wish), models, max(tall / height, wide / width)
            )
        }


def wanted_denoise(found: Degradation) -> float:
    """How much to clear of what was found, 0…1; 0 where the faithful networks do better.

    By PSNR of 9 pictures, reduced by 2, degraded and enlarged again (faithful → clearing 0 …
    clearing 1): never JPEG 30.5 → 28.4 … 28.0, quality 90 27.7 → 27.7 … 27.5, 75 26.2 → 26.8 …
    26.7, 40 24.8 → 25.5 … 25.7; noise of 3 29.0 → 28.4, of 6 26.5 → 28.1 … 27.8, of 12 22.3 → 26.7
    … 27.0, most at 0.66.
    """
    if found.jpeg_step < _MIN_JPEG_STEP and found.noise < _MIN_NOISE:
        return 0.0
    by_jpeg = (found.jpeg_step - _MIN_JPEG_STEP) / _JPEG_STEP_SPAN
    by_noise = (found.noise - _MIN_NOISE) / _NOISE_SPAN
    return float(np.clip(max(by_jpeg, by_noise), _LEAST_DENOISE, _MOST_DENOISE))


def _chooses(request: UpscaleRequest) -> bool:
    """Whether the picture decides what is cleared."""
    return request.model == "default" and request.denoise is None


def _model_name(request: UpscaleRequest) -> str | None:
    if request.model != "default":
        return request.model
    return TASK_MODELS["upscale"].blended if request.denoise else None


def _chain(request: UpscaleRequest, models: ModelCache, factor: float) -> list[OpenModel]:
    """The networks that together enlarge at least so many times."""
    device = request.device
    if (name := _model_name(request)) is not None:
        model = models.open(name, "upscale", device, blend=request.denoise)
        chain = [model]
        while model.output.scale ** len(chain) < factor - 1e-9:
            chain.append(model)
        return chain
    chain = []
    while factor > 1 + 1e-9:
        scale = 2 if factor <= 2 + 1e-9 else 4
        chain.append(models.open(TASK_MODELS["upscale"].by_scale[scale], "upscale", device))
        factor /= scale
    return chain


def _wrap_network(model: OpenModel) -> Tiled:
    return HalvingTiles(ColourFix(PictureNetwork(model)))


def _upscale_colour(
    picture: Picture, networks: list[Tiled], size: int, height: int, width: int
) -> NDArray[Any]:
    view = View(picture)
    result = np.empty((height, width, 3), picture.dtype)
    y = 0
    for band in _upscale_bands(_Visible(picture, view), networks, size, height, width):
        if picture.grey:
            band[:] = band.mean(axis=2, keepdims=True)
        if picture.transfer == "linear":
            band = _restore_light(band, Tile(y, y + len(band), 0, width), picture, view, height)
        result[y : y + len(band)] = from_float(band, picture.dtype)
        y += len(band)
    return result


def _upscale_alpha(
    alpha: NDArray[Any], networks: list[Tiled], size: int, height: int, width: int
) -> NDArray[Any]:
    if not np.ptp(alpha):
        return np.full((height, width), alpha.flat[0], alpha.dtype)
    import cv2

    result = np.empty((height, width), alpha.dtype)
    # What is solid or clear near by stays exactly so.
    window = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(alpha, window), cv2.dilate(alpha, window)
    columns = np.arange(width) * alpha.shape[1] // width
    y = 0
    flat: list[Tiled] = [_SkipFlat(network) for network in networks]
    for band in _upscale_bands(_Coverage(alpha), flat, size, height, width):
        rows = np.arange(y, y + len(band)) * alpha.shape[0] // height
        nearest = np.ix_(rows, columns)
        answer = from_float(band.mean(axis=2), alpha.dtype)
        np.clip(answer, low[nearest], high[nearest], out=result[y : y + len(band)])
        y += len(band)
    return result


def result_size(request: UpscaleRequest, height: int, width: int) -> tuple[int, int]:
    """(height, width) of the result; tells the user where that changes the picture's shape.

    Raises
    ------
    UsageError
        It is not larger than the picture, or larger than can be made.
    """
    size = request.size
    if size is None:
        wanted = round(height * request.scale), round(width * request.scale)
    else:
        wanted = (
            size.height or max(1, round(height * (size.width or 0) / width)),
            size.width or max(1, round(width * (size.height or 0) / height)),
        )
    tall, wide = wanted[0] / height, wanted[1] / width
    if min(tall, wide) < 1 or wanted == (height, width):
        raise UsageError(
            "{wanted}×{tall} is not larger than the picture, which is {width}×{height}.",
            wanted=wanted[1],
            tall=wanted[0],
            width=width,
            height=height,
        )
    most = max_result_pixels(_MAX_PIXELS)
    if max(tall, wide) > _MAX_FACTOR or wanted[0] * wanted[1] > most:
        raise UsageError(
            "{wanted}×{tall} is too large: pictures are enlarged up to {times} "
            "times, to {most} megapixels.",
            wanted=wanted[1],
            tall=wanted[0],
            times=_MAX_FACTOR,
            most=f"{most / 1e6:g}",
        )
    if abs(tall / wide - 1) > _MAX_ASPECT_CHANGE:
        remark(
            "The picture was stretched from {width}×{height} to another shape.",
            width=width,
            height=height,
        )
    return wanted


def _upscale_bands(
    source: Rows, networks: list[Tiled], size: int, height: int, width: int
) -> Iterator[Band]:
    """All stages, one after the other, pulled band by band; the first does not tell progress."""
    rows: Rows = source
    for number, network in enumerate(networks):
        last = number == len(networks) - 1
        tall, wide = rows.height * network.scale, rows.width * network.scale
        bands = run_tiled(rows, network, size, tell if last else _ignore_progress)
        rows = Stream(_clip_bands(bands), tall, wide)
    if (rows.height, rows.width) != (height, width):
        return resample_bands(rows, height, width)
    return _read_bands(rows)


def _clip_bands(bands: Iterator[Band]) -> Iterator[Band]:
    for band in bands:
        yield np.clip(band, 0, 1, out=band)


def _read_bands(rows: Rows) -> Iterator[Band]:
    for y in range(0, rows.height, 256):
        yield rows.read(y, min(y + 256, rows.height))


def _ignore_progress(share: float) -> None:
    pass


class _Visible:
    """A picture's bounded view, in which colour that alpha hides cannot reach what is seen."""

    def __init__(self, picture: Picture, view: View) -> None:
        self.height, self.width = picture.height, picture.width
        self._view = view
        # In a float file colour without coverage is light of its own: a glow, a reflection.
        opaque_colour = picture.alpha is not None and picture.dtype != np.float32
        self._alpha = picture.alpha if opaque_colour else None

    def read(self, y0: int, y1: int) -> Band:
        if self._alpha is None or self._alpha[y0:y1].all():
            return self._view.tile(y0, y1, 0, self.width)
        import cv2

        top, bottom = max(y0 - _INPAINT_MARGIN_PX, 0), min(y1 + _INPAINT_MARGIN_PX, self.height)
        colour = self._view.tile(top, bottom, 0, self.width)
        cover = to_float(self._alpha[top:bottom])[..., None]
        window = (2 * _INPAINT_MARGIN_PX + 1, 2 * _INPAINT_MARGIN_PX + 1)
        weight = cv2.blur(cover, window, borderType=cv2.BORDER_REPLICATE)[..., None]
        near = cv2.blur(colour * cover, window, borderType=cv2.BORDER_REPLICATE)
        uncovered = (cover == 0) & (weight > 1e-6)
        visible: Band = np.where(uncovered, near / np.maximum(weight, 1e-6), colour)
        return visible[y0 - top : y0 - top + y1 - y0]


class _Coverage:
    """An alpha as a grey picture, for the same networks."""

    def __init__(self, alpha: NDArray[Any]) -> None:
        self.height, self.width = alpha.shape
        self._alpha = alpha

    def read(self, y0: int, y1: int) -> Band:
        grey = np.clip(to_float(self._alpha[y0:y1]), 0, 1)
        return np.repeat(grey[..., None], 3, axis=2)


class _SkipFlat(NetworkWrapper):
    """A network that leaves a tile of one value what it is, and at once; see `Tiled`."""

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        if np.ptp(picture):
            return self._network.run(picture)
        _, channels, height, width = picture.shape
        larger = (1, channels, height * self.scale, width * self.scale)
        return np.full(larger, picture.flat[0], np.float32)


def _restore_light(band: Band, tile: Tile, picture: Picture, view: View, height: int) -> Band:
    """Scene-linear light from the enlarged view: its detail, the plate's own highlights.

    What is too bright for the view, and what is below 0, is stretched from the plate; bilinear,
    which keeps the light's sum and overshoots nowhere.
    """
    import cv2

    reach = -(-height // picture.height)
    around = tile.expand(reach, height, tile.x1)
    plate = upsample_tile(to_float(picture.colour), around, height, tile.x1)
    side = 2 * reach + 1
    near = cv2.dilate(plate, np.ones((side, side), np.uint8))[tile.within(around)]
    plate = plate[tile.within(around)]
    exposure = np.float32(view.exposure)
    exposed = srgb_to_linear(band)
    # An overshoot in the view can lie anywhere on its shoulder, even at infinity.
    limit = np.maximum(_MAX_OVERSHOOT * near * exposure, exposed)
    detail = np.minimum(expand_highlights(exposed), limit) / exposure
    brightest = plate.max(axis=2, keepdims=True) * exposure
    share = np.clip(
        (brightest - _FULL_DETAIL_LIGHT) / (_NO_DETAIL_LIGHT - _FULL_DETAIL_LIGHT), 0, 1
    )
    share = share * share * (3 - 2 * share)
    result: Band = detail * (1 - share) + plate * share
    result += np.minimum(plate, 0) * (1 - share)
    return result.astype(np.float32, copy=False)


def _scale_window(window: Window, tall: float, wide: float) -> Window:
    return Window(
        round(window.x * wide),
        round(window.y * tall),
        round(window.full_x * wide),
        round(window.full_y * tall),
        round(window.full_width * wide),
        round(window.full_height * tall),
    )
