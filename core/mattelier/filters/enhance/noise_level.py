"""How strong the noise in a plane is: what must not be taken for detail."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK_PX = 16  # pixels
_QUIETEST_SHARE = 0.1  # of the blocks: there is noise and nothing else in them
_QUANTILE_BIAS = 1.1  # of that quantile against the noise itself, in blocks of that size


def noise_level(plane: NDArray[np.float32], share: float = _QUIETEST_SHARE) -> float:
    """Standard deviation of the noise.

    Immerkær's operator (1996), blind to planes and edges, by blocks; the quietest tenth of them
    is believed, because texture only ever adds.

    Parameters
    ----------
    plane : (H, W) float32
    share : float 0…1
        Of the blocks that are quieter than what is believed.

    Returns
    -------
    float, in the plane's units; 0 where the plane is smaller than a block
    """
    import cv2

    rows, columns = plane.shape[0] // _BLOCK_PX, plane.shape[1] // _BLOCK_PX
    if not rows or not columns:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    change = cv2.filter2D(plane, cv2.CV_32F, kernel)[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    blocks = change.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
    return _QUANTILE_BIAS * float(np.quantile(np.sqrt((blocks**2).mean(axis=(1, 3))), share))
