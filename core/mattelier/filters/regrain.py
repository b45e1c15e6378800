"""A network's output with some of the grain that the network took away.

What is cleared of noise and then enlarged looks like wax: skin, cloth and walls have no surface.
Film and sensors always leave one, and it is finer than an enlarged pixel.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.tiling import NetworkWrapper, Tiled
from mattelier.types.colour import LUMA

_REACH_PX = 4.0  # of the source, over which the strength of what was taken away is averaged
_GRAIN_PX = 0.9  # of the result: a blur that makes noise look like grain, whatever the scale
_DEVIATION = 1.2533  # of a normal distribution, in mean absolute deviations


class Regrain(NetworkWrapper):
    """A network that gives `share` (0…1) of the grain back that it takes away; see `Tiled`.

    How strong that grain was is measured at every place, as the photo less the output shrunk to its
    size; new grain as strong, times `share`, is drawn at the result's own fineness: of lightness
    alone, as film's is, so that coloured noise stays cleared. The same tile has the same grain, and
    two frames of a shot do not.
    """

    def __init__(self, network: Tiled, share: float) -> None:
        super().__init__(network)
        self._share = np.float32(share)

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        import cv2

        output = self._network.run(picture)
        height, width = picture.shape[2:]
        tall, wide = output.shape[2:]
        luma = np.tensordot(LUMA, np.clip(output[0], 0, 1), 1)
        shrunk = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
        taken = np.abs(np.tensordot(LUMA, picture[0], 1) - shrunk)
        strength = _DEVIATION * cv2.GaussianBlur(taken, (0, 0), _REACH_PX)
        random = np.random.default_rng(zlib.crc32(picture.tobytes()))
        grain = random.standard_normal((tall, wide), np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), _GRAIN_PX)
        grain /= max(float(grain.std()), 1e-6)
        output += (
            self._share * grain * cv2.resize(strength, (wide, tall), interpolation=cv2.INTER_LINEAR)
        )
        return output
