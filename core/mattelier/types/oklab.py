"""Oklab: lightness, and two axes of colour, in which equal steps look about equal.

B. Ottosson, "A perceptual color space for image processing" (2020). Colours are taken as of
Rec. 709 primaries. A picture of a wider gamut is read as if of these: its neutrals stay neutral,
and only what a step of colour looks like differs a little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LAB, _FROM_CONES = np.linalg.inv(_TO_LAB), np.linalg.inv(_TO_CONES)

# Rec. 709 luminance weights (ITU-R BT.709-6, 3.2).
_LUMINANCE = np.array([[0.2126, 0.7152, 0.0722]], np.float32)


def to_oklab(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear RGB as Oklab.

    Parameters
    ----------
    linear : (H, W, 3) float32, scene-linear, of any range, also below 0 and above 1

    Returns
    -------
    (H, W, 3) float32: lightness (white is 1), a (green − to red +), b (blue − to yellow +)
    """
    import cv2

    cones = cv2.transform(linear, _TO_CONES)
    lab: NDArray[np.float32] = cv2.transform(np.cbrt(cones, out=cones), _TO_LAB)
    return lab


def from_oklab(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inverse of `to_oklab`."""
    import cv2

    cones = cv2.transform(lab, _FROM_LAB)
    linear: NDArray[np.float32] = cv2.transform(cones * cones * cones, _FROM_CONES)
    return linear


def luminance(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative luminance of linear RGB: (H, W, 3) float32 gives (H, W)."""
    import cv2

    light: NDArray[np.float32] = cv2.transform(linear, _LUMINANCE)
    return light
