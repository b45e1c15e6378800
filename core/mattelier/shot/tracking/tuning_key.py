"""What a key frame teaches the network that is tuned on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TuningKey(NamedTuple):
    """A key frame as tracking sees it.

    Attributes
    ----------
    view : (h, w, 3) float32 0…1, display-encoded RGB
    matte : (h, w) float32 0…1
    known : (h, w) float32 0…1
        How far the matte is known to be right.
    """

    view: NDArray[np.float32]
    matte: NDArray[np.float32]
    known: NDArray[np.float32]
