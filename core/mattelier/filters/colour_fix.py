"""A network's output with the broad colour of what it was given.

Networks trained with an adversarial loss darken shadows and tint flat areas by some levels.
Averaged over a neighbourhood far larger than any detail, the output must be the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.tiling import NetworkWrapper

# Of two box filters in turn, in pixels of the source: twice that is within any margin.
_BLUR_RADIUS_PX = 6


class ColourFix(NetworkWrapper):
    """A network whose output keeps the colour of its picture; see `Tiled`."""

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        import cv2

        output = self._network.run(picture)
        height, width = picture.shape[2:]
        side = (2 * _BLUR_RADIUS_PX + 1, 2 * _BLUR_RADIUS_PX + 1)
        for source, plane in zip(picture[0], output[0], strict=True):
            downsampled = cv2.resize(
                np.clip(plane, 0, 1), (width, height), interpolation=cv2.INTER_AREA
            )
            shift = source - downsampled
            for _ in range(2):
                shift = cv2.blur(shift, side, borderType=cv2.BORDER_REPLICATE)
            larger = (width * self.scale, height * self.scale)
            plane += cv2.resize(shift, larger, interpolation=cv2.INTER_LINEAR)
        return output
