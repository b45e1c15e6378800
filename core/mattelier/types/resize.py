"""Plain resampling: of maps (masks, mattes, errors), and of pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.types.picture import Picture


def resize_map(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A map (h, w[, channels]) at another size: area-averaged when shrunk, linear when enlarged."""
    import cv2

    if values.shape[:2] == (height, width):
        return values
    shrinks = height * width < values.shape[0] * values.shape[1]
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=mode), np.float32)


def shrink(picture: Picture, longest: int | None) -> Picture:
    """A picture with at most so many pixels at its longer side, area-averaged; None: as it is.

    Colour is averaged by how much of it is there, so that a cut-out's edge takes none from beside.
    """
    import cv2

    from mattelier.types.colour import from_float, to_float

    scale = 1.0 if longest is None else longest / max(picture.height, picture.width)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if picture.alpha is None:
        small = cv2.resize(picture.colour, size, interpolation=cv2.INTER_AREA)
        return replace(picture, colour=small)
    share = to_float(picture.alpha)[..., None]
    whole = np.concatenate([to_float(picture.colour) * share, share], axis=2)
    whole = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    colour = whole[..., :3] / np.maximum(whole[..., 3:], 1e-6)
    dtype = picture.dtype
    return replace(
        picture, colour=from_float(colour, dtype), alpha=from_float(whole[..., 3], dtype)
    )
