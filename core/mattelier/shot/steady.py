"""What is measured on each frame of a shot by itself, steadied over time.

A median over five frames takes slips away, a Gaussian what trembles. Each frame's value hangs on
so few neighbours that any part of a shot comes out as in the whole.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_MEDIAN_RADIUS_FRAMES = 2  # frames to each side that outvote one that slipped
_GAUSSIAN_SIGMA_FRAMES = 4.0
_GAUSSIAN_RADIUS_FRAMES = 12  # where the Gaussian ends

REACH_FRAMES = _GAUSSIAN_RADIUS_FRAMES + _MEDIAN_RADIUS_FRAMES
"""Frames to each side that a frame's value depends on."""


def steadied(frame: int, values: Mapping[int, NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """The values of a frame, (n,); None where nothing near it was measured.

    Parameters
    ----------
    values : mapping
        What was measured, (n,), on the frames around it, as far as `REACH_FRAMES`.
    """
    near = [other for other in sorted(values) if abs(other - frame) <= _GAUSSIAN_RADIUS_FRAMES]
    if not near:
        return None
    weights = np.exp(-0.5 * ((np.array(near) - frame) / _GAUSSIAN_SIGMA_FRAMES) ** 2)
    medians = [
        np.median([values[o] for o in values if abs(o - other) <= _MEDIAN_RADIUS_FRAMES], axis=0)
        for other in near
    ]
    mean: NDArray[np.float64] = np.average(medians, axis=0, weights=weights)
    return mean
