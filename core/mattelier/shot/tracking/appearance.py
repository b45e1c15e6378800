"""What the subject and its surroundings look like: colours of key frames, inside and outside."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

_BINS = (16, 20, 20)  # of lightness 0…100, a* and b* −80…80
_LOW, _HIGH = (0, -80, -80), (100, 80, 80)
_SPREAD, _TAPS = 0.8, 7  # bins by which a colour stands for its neighbours, and at most
_FLOOR = 2e-4  # share of pixels below which a colour says little
_FAMILIAR = 3  # pixels that a colour must have had to be believed
_MOST = 3.0  # of the log-odds: colour alone never decides


class Colours:
    """A classifier of colours: smoothed histograms in CIELAB, subject against the rest.

    Parameters
    ----------
    examples : pairs of view (h, w, 3) float32 0…1 and matte (h, w) float32 0…1
    """

    def __init__(self, examples: Iterable[tuple[Map, Map]]) -> None:
        counts = np.zeros((2, int(np.prod(_BINS))), np.float32)
        for view, matte in examples:
            places = _places(view).ravel()
            for side, weight in enumerate((matte, 1 - matte)):
                counts[side] += np.bincount(places, weight.ravel(), counts.shape[1])
        inside, outside = map(_spread, counts)
        share = [c / max(float(c.sum()), 1e-9) + _FLOOR for c in (inside, outside)]
        odds = np.log(share[0] / share[1]) * np.minimum(1, (inside + outside) / _FAMILIAR)
        if not counts.sum(1).all():  # all subject, or none: nothing to tell apart
            odds[:] = 0
        self._odds = np.clip(odds, -_MOST, _MOST).astype(np.float32)

    def odds(self, view: Map) -> Map:
        """Log-odds −3…3 of each pixel's being the subject by its colour: (h, w); 0: unknown."""
        import cv2

        smooth: Map = cv2.GaussianBlur(self._odds[_places(view)], (0, 0), 1.0)
        return smooth


def _spread(counts: Map) -> Map:
    """Counts of all bins, each shared with its neighbours (Gaussian)."""
    import cv2

    lines = counts.reshape(_BINS[0], _BINS[1] * _BINS[2])
    rows = cv2.GaussianBlur(lines, (1, _TAPS), sigmaX=_SPREAD, sigmaY=_SPREAD)
    for axis in (1, 2):
        turned = np.ascontiguousarray(np.moveaxis(rows.reshape(_BINS), axis, -1))
        flat = turned.reshape(-1, _BINS[axis])
        flat = cv2.GaussianBlur(flat, (_TAPS, 1), sigmaX=_SPREAD, sigmaY=_SPREAD)
        rows = np.moveaxis(flat.reshape(turned.shape), -1, axis)
    spread: Map = np.ascontiguousarray(rows).ravel()
    return spread


def _places(view: Map) -> NDArray[np.intp]:
    """The bin of each pixel's colour: (h, w)."""
    import cv2

    rgb = np.rint(view * np.float32(255)).astype(np.uint8)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)  # 8-bit: L* × 2.55, a* + 128, b* + 128
    tables = _tables()
    places: NDArray[np.intp] = tables[0][lab[..., 0]] + tables[1][lab[..., 1]]
    places += tables[2][lab[..., 2]]
    return places


@lru_cache(maxsize=1)
def _tables() -> list[NDArray[np.intp]]:
    """For every 8-bit L*, a* and b*, its share of the bin's number."""
    levels = np.arange(256)
    values = (levels / 2.55, levels - 128.0, levels - 128.0)
    steps = (_BINS[1] * _BINS[2], _BINS[2], 1)
    return [
        np.clip((v - low) * bins / (high - low), 0, bins - 1).astype(np.intp) * step
        for v, low, high, bins, step in zip(values, _LOW, _HIGH, _BINS, steps, strict=True)
    ]
