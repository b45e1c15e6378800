"""What a network found in a picture, one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Found:
    """One object, or all that is of one class.

    Attributes
    ----------
    mask : (h, w) float32 0…1
    label : what it is, "" where nobody says
    score : 0…1, how sure the network is of it
    """

    mask: NDArray[np.float32]
    label: str
    score: float

    @property
    def share(self) -> float:
        """Of the picture's area that it covers."""
        return float(self.mask.mean())
