"""Plain resampling of maps: masks, mattes, errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resize_map(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A map (h, w[, channels]) at another size: area-averaged when shrunk, linear when enlarged."""
    import cv2

    if values.shape[:2] == (height, width):
        return values
    shrinks = height * width < values.shape[0] * values.shape[1]
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=mode), np.float32)
