"""Contrast of what lies side by side, without halos: local Laplacian filtering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EDGE_STOPS = 0.5  # stops: steps much larger than this are edges, and stay what they are
_FAINT_STOPS = 0.04  # stops: steps below this are blocks and bands of an encoder as often as detail
_FAINT_DETAIL_GAIN = 1.3  # of faint detail at full strength
_NOISE_SIGMAS = 2.5  # standard deviations of the noise, at which detail is raised by half
_NOISE_PER_LEVEL = 0.4  # of noise from each level of the pyramid to the next, coarser one
_LEVEL_SPACING_STOPS = 0.5  # stops between the levels at which the filter is sampled
_MAX_LEVELS = 24
_MIN_LEVEL_PX = 8  # pixels of the shorter side of the last level of the pyramid


def local_contrast(
    log_luminance: NDArray[np.float32], amount: float, noise: float = 0.0
) -> NDArray[np.float32]:
    """Detail of all sizes made stronger or weaker; edges keep their height, so nothing glows.

    The fast local Laplacian filter (Paris, Hasinoff and Kautz 2011; Aubry et al. 2014) with a
    smooth remapping, d ↦ d + amount·d·exp(−d²/2σ²). What it adds to a level of the pyramid is
    weighed as Wiener would, by the level's local energy against that of the noise.

    Parameters
    ----------
    log_luminance : (H, W) float32, in stops
    amount : float −1…1
        0 changes nothing; −1 smooths all that is no edge, 1 about doubles it.
    noise : float
        Standard deviation of the noise, in stops.

    Returns
    -------
    (H, W) float32
    """
    import cv2

    low, high = float(log_luminance.min()), float(log_luminance.max())
    pyramid = [log_luminance]
    while min(pyramid[-1].shape) >= 2 * _MIN_LEVEL_PX:
        pyramid.append(cv2.pyrDown(pyramid[-1]))
    count = max(2, min(_MAX_LEVELS, int(np.ceil((high - low) / _LEVEL_SPACING_STOPS)) + 1))
    levels = np.linspace(low, max(high, low + _LEVEL_SPACING_STOPS), count)
    spacing = np.float32(levels[1] - levels[0])
    detail = [np.zeros_like(plane) for plane in pyramid[:-1]]
    gain = np.float32(_FAINT_DETAIL_GAIN * amount if amount > 0 else amount)
    for level in levels:
        offset = log_luminance - np.float32(level)
        offset *= gain * np.exp(offset * offset / np.float32(-2 * _EDGE_STOPS**2))
        finer = log_luminance + offset
        for number, plane in enumerate(pyramid[:-1]):
            coarser = cv2.pyrDown(finer)
            band = finer - cv2.pyrUp(coarser, dstsize=finer.shape[::-1])
            near = 1 - np.abs(plane - np.float32(level)) / spacing
            detail[number] += band * np.maximum(near, 0)
            finer = coarser
    result = pyramid[-1]
    for number in reversed(range(len(detail))):
        size = pyramid[number].shape[::-1]
        band = pyramid[number] - cv2.pyrUp(pyramid[number + 1], dstsize=size)
        raised = detail[number] - band
        if amount > 0:
            energy = cv2.blur(band * band, (5, 5))
            quiet = (_NOISE_SIGMAS * noise * _NOISE_PER_LEVEL**number) ** 2 + _FAINT_STOPS**2
            raised *= energy / (energy + np.float32(quiet))
        result = cv2.pyrUp(result, dstsize=size) + band + raised
    return result
