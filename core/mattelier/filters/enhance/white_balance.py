"""The colour of the light in a picture, and what the picture would be under white light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.enhance.gamut import compress_to_gamut

_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
# Linear Rec. 709 to CIE XYZ under D65 (ITU-R BT.709-6 by the method of SMPTE RP 177).
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_TO_CONES = _BRADFORD @ _TO_XYZ
_FROM_CONES = np.linalg.inv(_TO_CONES)

# Linear light from which on a channel may be clipped, so the colour is not known.
_CLIPPED_LIGHT = 0.96


def adaptation(light: NDArray[np.float64], strength: float) -> NDArray[np.float32]:
    """The change of linear RGB that makes this light white: von Kries by Bradford's cones.

    Parameters
    ----------
    light : (3,) linear RGB
    strength : float 0…1
        Share of the cast that is taken away.

    Returns
    -------
    (3, 3) float32 matrix; the luminance of what had the light's own colour stays
    """
    cast = light**strength
    cast = cast / (_TO_XYZ[1] @ cast)
    gains = _TO_CONES.sum(axis=1) / (_TO_CONES @ cast)
    return np.asarray(_FROM_CONES @ np.diag(gains) @ _TO_CONES, np.float32)


def balance(
    linear: NDArray[np.float32], matrix: NDArray[np.float32], top: float
) -> NDArray[np.float32]:
    """Linear RGB under the other light, but for what is clipped, whose colour is lost: that stays.

    Parameters
    ----------
    linear : (H, W, 3) float32
    matrix : (3, 3), from `adaptation`
    top : float
        As for `gamut.compress_to_gamut`.
    """
    import cv2

    adapted = cv2.transform(linear, matrix)
    if top < np.inf:
        brightest = linear.max(axis=2)
        if brightest.max() > _CLIPPED_LIGHT:
            unclipped = np.clip(
                (np.float32(top) - brightest) / np.float32(top - _CLIPPED_LIGHT), 0, 1
            )
            adapted = linear + unclipped[..., None] * (adapted - linear)
    return compress_to_gamut(linear, adapted, top)
