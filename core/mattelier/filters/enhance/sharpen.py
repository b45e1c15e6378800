"""Sharpening of light: what the lens and the sensor spread, gathered again, but not the noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MARGIN_PX = 4  # pixels around its own that a tile must see

_SIGMA_PX = 1.0  # pixels
_MAX_GAIN = 2.0  # at full strength
_OVERSHOOT_SHARE = 0.08  # of the step in lightness between the darkest and brightest neighbour
_NOISE_SIGMAS = 2.0  # standard deviations of the noise that are left alone


def sharpen(
    luminance: NDArray[np.float32],
    amount: float,
    noise: float,
    alpha: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """An unsharp mask in linear light that hardly overshoots and leaves noise alone.

    Detail is the difference to a Gaussian blur. It is shrunk where it is no larger than the noise
    (a Wiener gain, d²/(d² + τ²)), and the result stays within what its eight neighbours span but
    for a little, so that edges get steeper without bright and dark lines along them.

    Parameters
    ----------
    luminance : (H, W) float32 ≥ 0, linear, 1 being the white of a display
    amount : float 0…1
    noise : float
        Standard deviation of the noise in sRGB-encoded values; it is larger in bright light.
    alpha : (H, W) float32 0…1, optional
        What it hides does not count.

    Returns
    -------
    (H, W) float32
    """
    import cv2

    if alpha is None:
        blurred = cv2.GaussianBlur(luminance, (0, 0), _SIGMA_PX)
    else:
        cover = cv2.GaussianBlur(alpha, (0, 0), _SIGMA_PX)
        blurred = cv2.GaussianBlur(luminance * alpha, (0, 0), _SIGMA_PX)
        blurred = np.where(cover > 1e-3, blurred / np.maximum(cover, 1e-3), luminance)
    detail = luminance - blurred
    # The slope of the sRGB curve's inverse, which is close to a power of 2.2.
    limit = np.float32(_NOISE_SIGMAS * noise * 2.2) * np.maximum(luminance, 1e-4) ** np.float32(
        0.545
    )
    square = detail * detail
    detail *= np.float32(_MAX_GAIN * amount) * square / (square + limit * limit + np.float32(1e-12))
    window = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(luminance, window), cv2.dilate(luminance, window)
    # In light itself the same overshoot would hardly show beside white, and be black beside black.
    low, high = np.cbrt(low), np.cbrt(high)
    overshoot = np.float32(_OVERSHOOT_SHARE * amount) * (high - low)
    result: NDArray[np.float32] = np.clip(
        luminance + detail, np.maximum(low - overshoot, 0) ** 3, (high + overshoot) ** 3
    )
    return result
