"""Changes of colour that stay within the gamut: the last of the way is taken ever more slowly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MIN_ROOM = 1e-6  # room; what has less is at the wall
_FOOTROOM = 0.02  # of a colour's brightest channel: so far behind 0 lies the lower wall


def compress_to_gamut(
    colour: NDArray[np.float32], target: NDArray[np.float32], top: float = 1.0
) -> NDArray[np.float32]:
    """From a colour towards another, along the straight line in light, as far as the gamut reaches.

    Where the whole way fits with room to spare nearly all of it is gone; else the share of it is
    (1 + r⁻⁸)^(−⅛) for room r, so that the gamut's wall is neared but not reached, different
    colours stay different, hues do not turn as they do where channels are clipped one by one, and
    what was clipped before stays as it was.

    Parameters
    ----------
    colour, target : (H, W, 3) float32, linear RGB
    top : float
        Brightest light that can be held: 1, or infinity for scene-linear files. Nothing goes below
        0 that was not; the wall lies a little behind, and what ends between them is clipped, as
        black could not be left in any direction otherwise.

    Returns
    -------
    (H, W, 3) float32; `target` is overwritten
    """
    behind = np.float32(_FOOTROOM) * np.maximum(colour.max(axis=2), target.max(axis=2))
    step = np.subtract(target, colour, out=target)
    tight = np.zeros(colour.shape[:2], np.float32)  # 1 / room, of the channel that has the least
    for channel in range(3):
        here, way = colour[..., channel], step[..., channel]
        down = -way / np.maximum(here + behind, _MIN_ROOM)
        np.maximum(tight, down, out=tight)
        if top < np.inf:
            up = way / np.maximum(np.float32(top) - here, _MIN_ROOM)
            np.maximum(tight, up, out=tight)
    np.minimum(tight, 1e4, out=tight)  # whose 8th power float32 still holds
    for _ in range(3):
        tight *= tight
    share = 1 / np.sqrt(np.sqrt(np.sqrt(1 + tight)))
    for channel in range(3):
        step[..., channel] *= share
    step += colour
    return np.maximum(step, np.minimum(colour, 0), out=step)
