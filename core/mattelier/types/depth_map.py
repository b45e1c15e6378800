"""How far things are: a map of disparity, the inverse of distance, which is what blur follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DepthMap:
    """How near everything in a picture is.

    Attributes
    ----------
    disparity : (h, w) float32
        1/distance, larger is nearer, 0 is infinitely far: in 1/metre (or 1/scene unit) where
        `metric`, else 0…1 between the farthest and the nearest there is. It may be smaller than
        its picture.
    metric : bool
        Whether distances are absolute.
    method : str
        Where it is from: "file", "stereo", "matte", or the network's name.
    """

    disparity: NDArray[np.float32]
    metric: bool
    method: str

    def at(self, x: float, y: float, height: int, width: int) -> float:
        """The disparity at a point of its picture: the median of a few pixels around it."""
        rows, columns = self.disparity.shape
        row = min(max(int(y / height * rows), 0), rows - 1)
        column = min(max(int(x / width * columns), 0), columns - 1)
        near = self.disparity[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        return float(np.median(near))

    def relative(self, ends: tuple[float, float] | None = None) -> NDArray[np.float32]:
        """(h, w) float32 from the farthest, 0, to the nearest, 1, for people to look at.

        Parameters
        ----------
        ends : disparities that become 0 and 1, as of all frames of a shot; None: the map's own
        """
        low, high = ends or (float(self.disparity.min()), float(self.disparity.max()))
        return (self.disparity - np.float32(low)) / np.float32(max(high - low, 1e-12))

    def resize(self, height: int, width: int) -> DepthMap:
        """The map at its picture's size, stretched bilinearly."""
        import cv2

        if self.disparity.shape == (height, width):
            return self
        samples = np.asarray(cv2.resize(self.disparity, (width, height)), np.float32)
        return replace(self, disparity=samples)
