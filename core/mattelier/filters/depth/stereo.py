"""Depth from a stereo pair: two pictures of one scene, taken side by side."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import View
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import UsageError

_MATCHING_SIDE_PX = 1000  # pixels of the longer side at which pixels are matched
_MAX_SHIFT_SHARE = 0.16  # of the width: the largest shift of a pixel that is looked for
_BLOCK_PX = 5
_MAX_ISLAND_SHARE = 0.004  # of the picture's area
_TOLERANCE_PX = 1.0  # pixels by which the match from the right may differ


def stereo(left: View, right: View) -> DepthMap:
    """The left picture's depth, by semi-global matching (Hirschmüller 2008).

    The pair must be rectified: what is at one height in one picture is so in the other. Matched
    from left and from right; what only one of the two sees is filled with the farther of its
    surroundings, as it lies behind something.

    Parameters
    ----------
    left, right : View
        Of the same size.

    Returns
    -------
    DepthMap
        Relative: 0…1. At most 1000 pixels on the longer side.

    Raises
    ------
    UsageError
        The sizes differ, or nothing in the pictures matches.
    """
    import cv2

    if (left.height, left.width) != (right.height, right.width):
        raise UsageError(
            "The right picture is {width}×{height} pixels but the left is "
            "{left_width}×{left_height}; give a pair of one size.",
            width=right.width,
            height=right.height,
            left_width=left.width,
            left_height=left.height,
        )
    scale = min(1.0, _MATCHING_SIDE_PX / max(left.height, left.width))
    height, width = round(left.height * scale), round(left.width * scale)
    pair = [
        np.rint(view.resize(height, width) * 255).astype(np.uint8)[..., ::-1]
        for view in (left, right)
    ]
    shifts = max(16, 16 * math.ceil(_MAX_SHIFT_SHARE * width / 16))
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=shifts,
        blockSize=_BLOCK_PX,
        P1=8 * 3 * _BLOCK_PX**2,
        P2=32 * 3 * _BLOCK_PX**2,
        uniquenessRatio=5,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    # Room at the sides, so that matches beyond the frame's edge do not cost a strip of the map.
    wide = [
        cv2.copyMakeBorder(np.ascontiguousarray(p), 0, 0, shifts, shifts, cv2.BORDER_REPLICATE)
        for p in pair
    ]
    from_left = matcher.compute(wide[0], wide[1])[:, shifts:-shifts] / np.float32(16)
    mirrored = [np.ascontiguousarray(p[:, ::-1]) for p in wide]
    from_right = matcher.compute(mirrored[1], mirrored[0])[:, ::-1]
    from_right = from_right[:, shifts:-shifts] / np.float32(16)
    columns = np.arange(width)[None] - np.rint(from_left).astype(np.intp)
    rows = np.arange(height)[:, None]
    answer = from_right[rows, np.clip(columns, 0, width - 1)]
    agreed = (from_left >= 0) & (columns >= 0) & (np.abs(answer - from_left) <= _TOLERANCE_PX)
    # Islands of agreement by chance, as along the frame's edges, are smaller than real things.
    islands = np.where(agreed, np.rint(from_left * 16), -16).astype(np.int16)
    cv2.filterSpeckles(islands, -16, round(_MAX_ISLAND_SHARE * height * width), 16)
    agreed &= islands >= 0
    if agreed.mean() < 0.1:
        raise UsageError(
            "The two pictures hardly match; give a rectified stereo pair, the left one first."
        )
    filled = _fill_unmatched(from_left.astype(np.float32), agreed)
    smooth = cv2.medianBlur(filled, 5)
    return DepthMap(smooth / np.float32(max(float(smooth.max()), 1e-6)), False, "stereo")


def _fill_unmatched(
    disparity: NDArray[np.float32], matched: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Unknown pixels get the smaller of the nearest known values to the left and to the right."""
    height, width = disparity.shape
    columns = np.broadcast_to(np.arange(width), (height, width))
    last = np.maximum.accumulate(np.where(matched, columns, -1), axis=1)
    following = np.where(matched, columns, width)
    following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(height)[:, None]
    from_left = np.where(last >= 0, disparity[rows, np.maximum(last, 0)], np.inf)
    from_right = np.where(
        following < width, disparity[rows, np.minimum(following, width - 1)], np.inf
    )
    filled = np.minimum(from_left, from_right)
    farthest = disparity[matched].min()
    return np.where(np.isfinite(filled), filled, farthest).astype(np.float32)
