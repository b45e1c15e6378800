"""What the subject and its surroundings look like: colours of key frames, inside and outside."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

_BINS = (16, 20, 20)  # of lightness 0…100, a* and b* −80…80
_LAB_MIN, _LAB_MAX = (0, -80, -80), (100, 80, 80)
_SMOOTHING_SIGMA_BINS = 0.8  # of the Gaussian by which a colour stands for its neighbours
_SMOOTHING_TAPS = 7  # bins of that Gaussian, at most
_MIN_SHARE = 2e-4  # share of pixels below which a colour says little
_MIN_PIXELS = 3  # pixels that a colour must have had to be believed
MAX_LOG_ODDS = 3.0  # appearance alone never decides


class ColourModel:
    """A classifier of colours: smoothed histograms in CIELAB, subject against the rest.

    Parameters
    ----------
    examples : pairs of view (h, w, 3) float32 0…1 and matte (h, w) float32 0…1
    """

    def __init__(self, examples: Iterable[tuple[Map, Map]]) -> None:
        counts = np.zeros((2, int(np.prod(_BINS))), np.float32)
        for view, matte in examples:
            indices = _bin_indices(view).ravel()
            for side, weight in enumerate((matte, 1 - matte)):
                counts[side] += np.bincount(indices, weight.ravel(), counts.shape[1])
        inside, outside = map(_smooth_bins, counts)
        share = [c / max(float(c.sum()), 1e-9) + _MIN_SHARE for c in (inside, outside)]
        odds = np.log(share[0] / share[1]) * np.minimum(1, (inside + outside) / _MIN_PIXELS)
        if not counts.sum(1).all():  # all subject, or none: nothing to tell apart
            odds[:] = 0
        self._odds = np.clip(odds, -MAX_LOG_ODDS, MAX_LOG_ODDS).astype(np.float32)

    def odds(self, view: Map) -> Map:
        """Log-odds −3…3 of each pixel's being the subject by its colour: (h, w); 0: unknown."""
        import cv2

        smooth: Map = cv2.GaussianBlur(self._odds[_bin_indices(view)], (0, 0), 1.0)
        return smooth


def _smooth_bins(counts: Map) -> Map:
    """Counts of all bins, each shared with its neighbours (Gaussian)."""
    import cv2

    lines = counts.reshape(_BINS[0], _BINS[1] * _BINS[2])
    rows = cv2.GaussianBlur(
        lines, (1, _SMOOTHING_TAPS), sigmaX=_SMOOTHING_SIGMA_BINS, sigmaY=_SMOOTHING_SIGMA_BINS
    )
    for axis in (1, 2):
        turned = np.ascontiguousarray(np.moveaxis(rows.reshape(_BINS), axis, -1))
        flat = turned.reshape(-1, _BINS[axis])
        flat = cv2.GaussianBlur(
            flat, (_SMOOTHING_TAPS, 1), sigmaX=_SMOOTHING_SIGMA_BINS, sigmaY=_SMOOTHING_SIGMA_BINS
        )
        rows = np.moveaxis(flat.reshape(turned.shape), -1, axis)
    smooth: Map = np.ascontiguousarray(rows).ravel()
    return smooth


def _bin_indices(view: Map) -> NDArray[np.intp]:
    """The bin of each pixel's colour: (h, w)."""
    import cv2

    rgb = np.rint(view * np.float32(255)).astype(np.uint8)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)  # 8-bit: L* × 2.55, a* + 128, b* + 128
    tables = _bin_tables()
    indices: NDArray[np.intp] = tables[0][lab[..., 0]] + tables[1][lab[..., 1]]
    indices += tables[2][lab[..., 2]]
    return indices


@lru_cache(maxsize=1)
def _bin_tables() -> list[NDArray[np.intp]]:
    """For every 8-bit L*, a* and b*, its share of the bin's number."""
    levels = np.arange(256)
    values = (levels / 2.55, levels - 128.0, levels - 128.0)
    steps = (_BINS[1] * _BINS[2], _BINS[2], 1)
    return [
        np.clip((v - low) * bins / (high - low), 0, bins - 1).astype(np.intp) * step
        for v, low, high, bins, step in zip(values, _LAB_MIN, _LAB_MAX, _BINS, steps, strict=True)
    ]
