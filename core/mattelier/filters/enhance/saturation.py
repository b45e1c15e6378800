"""More or less colour, equally for all hues, in Oklab."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_GAIN = 0.75  # gain of the dullest colours at full strength
_RICH_CHROMA = 0.2  # chroma of Oklab from which on colours are rich enough
_SKIN_HUE, _SKIN_HUE_WIDTH = 0.87, 0.45  # hue of skin and how far around it, radians
_SKIN_PROTECTION = 0.6  # share of the gain that skin does not get


def saturate(lab: NDArray[np.float32], amount: float) -> NDArray[np.float32]:
    """Chroma scaled at constant lightness and hue.

    Dull colours gain most, rich ones little, and skin least, as it soon looks sunburnt. Less
    colour is less of all: −1 leaves greys.

    Parameters
    ----------
    lab : (H, W, 3) float32, Oklab; changed in place
    amount : float −1…1

    Returns
    -------
    The same array.
    """
    a, b = lab[..., 1], lab[..., 2]
    gain: Any = np.float32(1 + amount)
    if amount > 0:
        chroma = a * a + b * b
        gain = np.float32(_MAX_GAIN * amount) / (1 + chroma / np.float32(_RICH_CHROMA**2))
        hue = np.arctan2(b, a) - np.float32(_SKIN_HUE)
        skin = np.exp(hue * hue / np.float32(-2 * (_SKIN_HUE_WIDTH / 2) ** 2))
        gain *= 1 - np.float32(_SKIN_PROTECTION) * skin
        gain += 1
    a *= gain
    b *= gain
    return lab
