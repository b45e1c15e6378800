"""The matte of an exact key frame: the artist's mask."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.edge import mask_to_trimap
from mattelier.matting.refine import refine
from mattelier.requests import Quality
from mattelier.types.colour import View

_SOFT_ALPHA = (0.02, 0.98)
_MIN_SOFT_SHARE = 0.5  # soft pixels for each pixel of outline; an antialiased spline has about 1.5
_EDGE_REACH = 0.0016  # of the longer side, at least two pixels: how far a hard edge is solved again
_SIDE_MARGIN = 0.01  # by so much a pixel stays on the side of one half that it was drawn on


def key_matte(view: View, mask: NDArray[np.float32], quality: Quality) -> NDArray[np.float32]:
    """(H, W) float32 0…1: a soft mask as it is; a hard one with its edge made as soft as it is.

    The outline stays where it was drawn: what is inside it does not fall below one half, nor
    rise above it outside. Parts thinner than the band that is solved stay hard.

    Parameters
    ----------
    view : View
        The frame, H × W.
    mask : (H, W) float32 0…1
    """
    import cv2

    inside = (mask > 0.5).view(np.uint8)
    outline = int((inside - cv2.erode(inside, np.ones((3, 3), np.uint8))).sum())
    soft = int(((mask > _SOFT_ALPHA[0]) & (mask < _SOFT_ALPHA[1])).sum())
    if outline == 0 or soft >= _MIN_SOFT_SHARE * outline:
        return mask
    reach = max(2, math.ceil(_EDGE_REACH * max(mask.shape)))
    solved = refine(view, mask, trimap=mask_to_trimap(mask, reach), quality=quality)
    half = np.float32(0.5)
    limited = np.where(
        inside > 0, np.maximum(solved, half + _SIDE_MARGIN), np.minimum(solved, half - _SIDE_MARGIN)
    ).astype(np.float32)
    return np.where(_thin(inside, reach), mask, limited)


def _thin(inside: NDArray[np.uint8], reach: int) -> NDArray[np.bool_]:
    """Where the shape, or a gap in it, is too thin for the band to leave anything known."""
    import cv2

    size = 2 * reach + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    narrow = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, disc) - cv2.morphologyEx(
        inside, cv2.MORPH_OPEN, disc
    )
    # Corners are opened away as well: only what is more than a corner counts.
    core = cv2.morphologyEx(narrow, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return np.asarray(cv2.dilate(core, disc) > 0)
