"""What the pinhole does not see but the lens does: surfaces continued behind nearer ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.bokeh.depth_layers import MIN_SEPARATION_PX, DepthLayers

Floats = NDArray[np.float32]

FILL_STEP = 4
"""What is hidden is only guessed, at a quarter of the size."""

_MIN_COVERAGE = 1e-4  # coverage below this is nothing


def fill_occlusion(
    layers: DepthLayers, span: tuple[float, float], left: Floats
) -> tuple[Floats | None, Floats]:
    """What may lie behind: light and cover (C + 1, h/4, w/4), and its blur (h/4, w/4).

    Behind a surface goes on, in the colours nearest to it, what is seen beside it and farther
    away.

    Parameters
    ----------
    layers : what the pinhole shows
    span : the nearest and farthest blur
    left : (h, w) float32 0…1, where the seen does not fill the picture

    Returns
    -------
    None and an empty array when there is nothing to continue
    """
    import cv2

    nothing = None, np.empty(0, np.float32)
    reach = max(math.ceil(max(-span[0], span[1]) / FILL_STEP), 1)
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    # Only what can reach a place with room left is needed.
    wanted = cv2.dilate(_downsample(left), square) > _MIN_COVERAGE
    if not wanted.any():
        return nothing
    whole = layers.pure(FILL_STEP)
    pure = whole[-2] > _MIN_COVERAGE
    blur = np.where(
        pure, whole[-1] / np.maximum(whole[-2], _MIN_COVERAGE), _downsample(layers.blur)
    )
    behind = blur + np.maximum(np.float32(MIN_SEPARATION_PX), np.float32(0.15) * np.abs(blur))
    wanted &= cv2.dilate(blur, square) > behind
    result: Floats | None = None
    for bound in _separating_blurs(float(blur.min()), float(blur.max())):
        # For what lies before this bound, and not before a nearer one.
        here = wanted & (behind <= bound)
        wanted &= ~here
        rows, columns = np.flatnonzero(here.any(1)), np.flatnonzero(here.any(0))
        if rows.size == 0:
            continue
        if result is None:
            result = np.zeros_like(whole)
        top, left_side = max(rows[0] - 2 * reach, 0), max(columns[0] - 2 * reach, 0)
        box = slice(top, rows[-1] + 2 * reach + 1), slice(left_side, columns[-1] + 2 * reach + 1)
        farther = (blur[box] >= bound) & pure[box]
        part = np.ascontiguousarray((whole[:, *box] * farther).transpose(1, 2, 0))
        filled = _propagate(part, reach).transpose(2, 0, 1)
        np.copyto(result[:, *box], filled, where=here[box])
    if result is None:
        return nothing
    return result[:-1], result[-1]


def _separating_blurs(nearest: float, farthest: float) -> list[float]:
    """Blurs that part what is before from what is behind, in steps of about a half."""
    radii = [MIN_SEPARATION_PX]
    while radii[-1] < max(-nearest, farthest):
        radii.append(1.5 * radii[-1])
    both = [-r for r in reversed(radii)] + radii
    return [r for r in both if nearest < r <= farthest]


def _propagate(source: Floats, reach: int) -> Floats:
    """Values (h, w, C) times their weight, which is the last but one, carried within reach.

    The result's weight is 1, or 0 where nothing is in reach.
    """
    import cv2

    filled = np.zeros_like(source)
    radius = 2 * reach
    while radius >= 1:  # ever nearer places, where there are any, count for more
        size = (2 * radius + 1, 2 * radius + 1)
        filled *= np.float32(1e-3)
        filled += cv2.blur(source, size, borderType=cv2.BORDER_REPLICATE)
        weight = filled[..., -2:-1]
        filled *= (weight > 1e-7) / np.maximum(weight, 1e-7)
        radius //= 2
    return filled


def _downsample(plane: Floats) -> Floats:
    import cv2

    size = (plane.shape[1] // FILL_STEP, plane.shape[0] // FILL_STEP)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
