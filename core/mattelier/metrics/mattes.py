"""Errors of soft mattes, after Rhemann et al. 2009; alphas are (H, W) float32 0…1.

Sums are over a region, in thousands, as Composition-1k's tools print them; others divide the
gradient error otherwise, so compare with numbers of the same convention only.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SIGMA = 1.4  # of the gradient's Gaussian
_STEP, _SLACK = 0.1, 0.15  # of connectivity


def sad(alpha: Map, truth: Map, region: Mask) -> float:
    """Sum of absolute differences in the region, in thousands."""
    return float(np.abs(alpha[region] - truth[region]).sum(dtype=np.float64)) / 1000


def mse(alpha: Map, truth: Map, region: Mask) -> float:
    """Mean squared difference in the region, times 1000; 0 for an empty region."""
    error = (alpha[region] - truth[region]).astype(np.float64)
    return float((error * error).mean()) * 1000 if error.size else 0.0


def mad(alpha: Map, truth: Map, region: Mask) -> float:
    """Mean absolute difference in the region, times 1000; 0 for an empty region."""
    return sad(alpha, truth, region) / max(int(region.sum()), 1) * 1e6


def gradient_error(alpha: Map, truth: Map, region: Mask) -> float:
    """Sum of squared differences of gradient magnitudes (σ = 1.4), in thousands."""
    difference = _gradient(alpha) - _gradient(truth)
    return float((difference[region] ** 2).sum()) / 1000


def connectivity_error(alpha: Map, truth: Map, region: Mask) -> float:
    """Sum of differences in the degree of connectedness (step 0.1, slack 0.15), in thousands.

    A pixel's degree says how far its alpha exceeds the highest threshold at which it still
    belongs to the largest region (4-connected) that both mattes share.
    """
    level = np.full(truth.shape, -1.0)
    steps = round(1 / _STEP)
    for i in range(1, steps + 1):
        threshold = i * _STEP - 1e-6
        both = ((alpha >= threshold) & (truth >= threshold)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(both, connectivity=4)
        sizes = stats[1:, cv2.CC_STAT_AREA]
        main = labels == int(np.argmax(sizes)) + 1 if count > 1 else np.zeros(truth.shape, bool)
        level[(level < 0) & ~main] = (i - 1) * _STEP
    level[level < 0] = 1
    difference = _degree(alpha, level) - _degree(truth, level)
    return float(np.abs(difference[region]).sum()) / 1000


def soft_band(truth: Map, width: int = 10) -> Mask:
    """Where a matte is hard to make: its soft pixels, and all within `width` pixels of them.

    Also around the edges of a truth that is hard there.
    """
    soft = (truth > 0.01) & (truth < 0.99)
    hard = (truth >= 0.5).astype(np.uint8)
    soft |= cv2.morphologyEx(hard, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    return np.asarray(cv2.dilate(soft.astype(np.uint8), disc) > 0)


def _gradient(alpha: Map) -> NDArray[np.float64]:
    reach = math.ceil(_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * _SIGMA * 0.01)))
    x = np.arange(-reach, reach + 1, dtype=np.float64)
    smooth = np.exp(-x * x / (2 * _SIGMA**2)) / (_SIGMA * math.sqrt(2 * math.pi))
    slope = -x * smooth / _SIGMA**2
    slope = slope / math.sqrt(float((np.outer(smooth, slope) ** 2).sum()))
    values = alpha.astype(np.float64)
    across, down = (
        cv2.sepFilter2D(values, cv2.CV_64F, *kernels, borderType=cv2.BORDER_REPLICATE)
        for kernels in ((slope, smooth), (smooth, slope))
    )
    magnitude: NDArray[np.float64] = np.hypot(across, down)
    return magnitude


def _degree(alpha: Map, level: NDArray[np.float64]) -> NDArray[np.float64]:
    above = alpha - level
    return 1 - np.where(above >= _SLACK, above, 0)
