"""How close an enlarged picture is to the truth, as the super-resolution literature counts it.

PSNR and SSIM on luma Y (BT.601, 16…235), 8-bit samples, a border of `scale` pixels left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([65.481, 128.553, 24.966]) / 255  # ITU-R BT.601, studio range


def luma(colour: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W, 3) RGB uint8 → (H, W) Y, 16…235, not rounded."""
    y: NDArray[np.float64] = colour.astype(np.float64) @ _LUMA + 16
    return y


def psnr_y(result: NDArray[np.uint8], truth: NDArray[np.uint8], border: int) -> float:
    """Peak signal-to-noise ratio on Y in dB; infinite where the two are equal.

    Parameters
    ----------
    result, truth : (H, W, 3) RGB uint8
    border : pixels left out at each side, by convention the scale
    """
    error = float(np.mean((_crop_border(result, border) - _crop_border(truth, border)) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim_y(result: NDArray[np.uint8], truth: NDArray[np.uint8], border: int) -> float:
    """Structural similarity on Y (Wang et al. 2004): an 11×11 Gaussian window of σ = 1.5.

    Parameters as in `psnr_y`. Only windows that lie wholly inside count.
    """
    a, b = _crop_border(result, border), _crop_border(truth, border)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = _window(a), _window(b)
    var_a, var_b = _window(a * a) - mean_a**2, _window(b * b) - mean_b**2
    both = _window(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float(np.mean(top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))


def _crop_border(colour: NDArray[np.uint8], border: int) -> NDArray[np.float64]:
    return luma(colour[border : colour.shape[0] - border, border : colour.shape[1] - border])


def _window(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    kernel = cv2.getGaussianKernel(11, 1.5)
    blurred = cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel)
    return np.asarray(blurred[5:-5, 5:-5], np.float64)
