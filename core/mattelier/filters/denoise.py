"""A picture without its noise: its own samples, less what a network takes for noise."""

from __future__ import annotations

import threading
import time
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.engines.denoiser import AtStrength, open_denoiser
from mattelier.engines.enlarger import Enlarger
from mattelier.engines.tiling import Band, Halving, enlarged
from mattelier.requests import DenoiseRequest, Device
from mattelier.types.colour import (
    View,
    bounded,
    from_float,
    linear_to_srgb,
    srgb_to_linear,
    to_float,
    unbounded,
)
from mattelier.types.picture import Picture
from mattelier.types.progress import stage, tell

_TILE = 768  # sides in pixels; larger ones gain little and take memory
# What the network is shown: noise around black and white, but no further from them than this.
_LOW, _HIGH = -0.5, 1.5
# Exposed linear light from which on less is removed, and from which on nothing: the view bends
# highlights so much that an error there would be magnified.
_BENT, _TOO_BRIGHT = 0.8, 2.0
_WHITE = 0.99  # of 16-bit samples, the share that may not be brighter than what counts as white


@dataclass
class DenoiseReport:
    """What was done to one picture.

    `removed` is the standard deviation of what was taken away, where the picture as the network
    saw it spans 0…1.
    """

    model: str = ""
    engine: str = ""
    device: str = ""
    note: str = ""
    removed: float = 0
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Denoised:
    """The picture without noise, and the report."""

    picture: Picture
    report: DenoiseReport


class Denoiser:
    """A network opened once, for many pictures; safe to use from several threads.

    Parameters
    ----------
    request : DenoiseRequest
    store : Store, optional
        Where models lie; by default the shipped and the user's own.

    Raises
    ------
    UsageError, ModelError, EngineError
        The model is unknown, damaged, or does not denoise; the device cannot be used.
    """

    def __init__(self, request: DenoiseRequest, *, store: Store | None = None) -> None:
        self.request = request
        self._store = store or Store()
        self._lock = threading.Lock()
        self._open: dict[tuple[str, Device], AtStrength] = {}
        self._network()

    def asked(self, request: DenoiseRequest) -> Denoiser:
        """The same opened network for another request."""
        other = copy(self)
        other.request = request
        return other

    def denoise(self, picture: Picture) -> Denoised:
        """One picture without noise, in its own sample type and colour space, alpha untouched.

        Strength 0 or grain 1 gives the picture itself. Values below 0 and above 1 stay what they
        are but for the noise; highlights of linear light too bright for the network's view keep
        theirs.

        Raises
        ------
        OutOfMemory
            Not even the smallest tile fits into memory.
        """
        request = self.request
        network = Halving(self._network())
        report = DenoiseReport(network.model, network.name, network.device, network.note)
        if request.strength == 0 or request.grain == 1:
            return Denoised(picture, report)
        started = time.perf_counter()
        with stage("denoising", 0, 1):
            colour, report.removed = _cleaned(
                picture, network, request.tile or _TILE, request.grain
            )
        report.seconds["denoise"] = round(time.perf_counter() - started, 4)
        return Denoised(replace(picture, colour=colour), report)

    def _network(self) -> Enlarger:
        key = self.request.model, self.request.device
        with self._lock:
            if key not in self._open:
                self._open[key] = open_denoiser(key[0], self._store, key[1])
            return self._open[key](self.request.strength)


def _cleaned(
    picture: Picture, network: Enlarger, size: int, grain: float
) -> tuple[NDArray[Any], float]:
    """(colour, removed): see `Denoised`."""
    shown = _Shown(picture)
    result = np.empty_like(picture.colour)
    y, squares = 0, 0.0
    for band in enlarged(shown, network, size, tell):
        rows = slice(y, y + len(band))
        given = shown.read(rows.start, rows.stop)
        if picture.grey:
            band[:] = band.mean(axis=2, keepdims=True)
        band += np.float32(grain) * (given - band)
        squares += float(np.square(given - band, dtype=np.float64).sum())
        result[rows] = from_float(shown.less(rows, given, band), picture.dtype)
        y = rows.stop
    return result, round((squares / result.size) ** 0.5, 5)


class _Shown:
    """A picture as the network sees it, near 0…1; unlike `View` with the noise below black."""

    def __init__(self, picture: Picture) -> None:
        self.height, self.width = picture.height, picture.width
        self._colour, self._linear = picture.colour, picture.transfer == "linear"
        gain = View(picture).exposure if self._linear else _gain(picture.colour)
        self._gain = np.float32(gain)

    def read(self, y0: int, y1: int) -> Band:
        """See `Rows.read`."""
        values = to_float(self._colour[y0:y1]) * self._gain
        if self._linear:
            values = linear_to_srgb(bounded(values))
        return np.clip(values, _LOW, _HIGH, out=values)

    def less(self, rows: slice, given: Band, cleaned: Band) -> Band:
        """The picture's own values in these rows, less what is missing from `given`."""
        values = to_float(self._colour[rows])
        if not self._linear:
            return values - (given - cleaned) / self._gain
        removed = (_light(given) - _light(cleaned)) / self._gain
        brightest = values.max(axis=2, keepdims=True) * self._gain
        share = np.clip((_TOO_BRIGHT - brightest) / (_TOO_BRIGHT - _BENT), 0, 1)
        result: Band = values - removed * (share * share * (3 - 2 * share))
        return result


def _light(shown: Band) -> Band:
    """Exposed linear light of what is shown; no brighter than where nothing is removed."""
    light = srgb_to_linear(shown)
    return np.minimum(unbounded(np.minimum(light, 0.999)), np.float32(2 * _TOO_BRIGHT))


def _gain(colour: NDArray[Any]) -> float:
    """What makes white of the brightest parts of 16-bit samples that use little of their range.

    A sensor's own values are so dark that their noise would look like none.
    """
    if colour.dtype == np.uint8:
        return 1.0
    step = max(1, int((colour.shape[0] * colour.shape[1] / 65536) ** 0.5))
    white = float(np.quantile(to_float(colour[::step, ::step]), _WHITE))
    return 1 / min(max(white, 1 / 256), 1.0)
