"""Guided upsampling: a small matte carried to the picture's full size along its colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def colour_lines(
    picture: NDArray[np.float32],
    alpha: NDArray[np.float32],
    *,
    radius: int = 1,
    epsilon: float = 1e-4,
) -> NDArray[np.float32]:
    """Alpha as a local linear function of colour: α ≈ a·I + b around each pixel.

    The fast guided filter (He and Sun 2015, arXiv:1505.00996): the coefficients found at a small
    size, stretched bilinearly and applied to the full picture, put the small matte's edges where
    the large picture has them. Where alpha is constant the function is that constant.

    Parameters
    ----------
    picture : (h, w, 3) float32 0…1, display-encoded RGB
    alpha : (h, w) float32 0…1
    radius : int
        Windows are (2·radius + 1)² pixels.
    epsilon : float
        Variance of colour below which a window is taken as flat.

    Returns
    -------
    (h, w, 4) float32: a for red, green and blue, then b
    """
    import cv2

    size = (2 * radius + 1, 2 * radius + 1)
    kernel = np.ones(size, np.uint8)
    lines = np.zeros((*alpha.shape, 4), np.float32)
    lines[..., 3] = alpha
    varies = cv2.dilate(alpha, kernel) != cv2.erode(alpha, kernel)
    y, x = np.nonzero(varies)
    if y.size == 0:
        return lines

    def mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
        averages: NDArray[np.float32] = cv2.blur(values, size, borderType=cv2.BORDER_REFLECT_101)
        return averages

    colour = mean(picture)[y, x]
    level = mean(alpha)[y, x]
    with_alpha = mean(picture * alpha[..., None])[y, x] - colour * level[:, None]
    covariance = np.empty((y.size, 3, 3), np.float32)
    for i in range(3):
        products = mean(picture * picture[..., i : i + 1])[y, x]
        covariance[:, i] = products - colour * colour[:, i : i + 1]
        covariance[:, i, i] += np.float32(epsilon)
    slope = np.linalg.solve(covariance, with_alpha[..., None])[..., 0]
    lines[y, x, :3] = slope
    lines[y, x, 3] = level - np.einsum("nc,nc->n", slope, colour)
    return mean(lines)


def apply_lines(lines: NDArray[np.float32], picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """α = a·I + b at each pixel, clipped to 0…1: (H, W, 4) and (H, W, 3) give (H, W)."""
    alpha = lines[..., 0] * picture[..., 0]  # channel by channel is faster than einsum here
    alpha += lines[..., 1] * picture[..., 1]
    alpha += lines[..., 2] * picture[..., 2]
    alpha += lines[..., 3]
    return np.clip(alpha, 0, 1, out=alpha)
