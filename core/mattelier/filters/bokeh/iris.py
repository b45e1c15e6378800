"""The lens: how large a point out of focus becomes, and what shape its iris gives it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SUBPIXELS_PER_SIDE = 8  # of a kernel's pixel, along each side
_RIM_OFFSET_RADII = 0.85  # offset of the barrel's rim at the picture's corner, in aperture radii


@dataclass(frozen=True)
class Iris:
    """The hole in the lens, as seen from the picture's middle.

    Attributes
    ----------
    blades : int
        0 is a round iris, 3 or more a regular polygon.
    rotation : float
        Degrees, counter-clockwise; at 0 a corner points right.
    cats_eye : float 0…1
        How much the lens barrel cuts the iris off towards the picture's corners.
    """

    blades: int = 0
    rotation: float = 0.0
    cats_eye: float = 0.0

    def kernel(
        self, radius: float, *, behind: bool = True, field: tuple[float, float] = (0.0, 0.0)
    ) -> NDArray[np.float32]:
        """The image of a point: (2n + 1, 2n + 1) float32 that adds up to 1.

        Parameters
        ----------
        radius : float
            Of the circle of confusion, in pixels; a polygon's corners lie on that circle.
        behind : bool
            Whether the point is behind the focus; before it, the image is upside down.
        field : (x, y)
            Where in the picture, from its middle; (±1, ±1) are its corners.
        """
        cut = self.cats_eye > 0
        return _kernel(self, round(radius, 3), behind, field if cut else (0.0, 0.0))


@functools.lru_cache(maxsize=512)
def _kernel(
    iris: Iris, radius: float, behind: bool, field: tuple[float, float]
) -> NDArray[np.float32]:
    reach = max(math.ceil(radius - 0.5), 0)
    side = 2 * reach + 1
    steps = (np.arange(side * _SUBPIXELS_PER_SIDE) + 0.5) / _SUBPIXELS_PER_SIDE - side / 2
    x, y = np.meshgrid(steps, -steps)
    inside = x**2 + y**2 <= max(radius, 0.5 / _SUBPIXELS_PER_SIDE) ** 2
    if iris.blades:
        turn = math.radians(iris.rotation)
        apothem = radius * math.cos(math.pi / iris.blades)
        for blade in range(iris.blades):
            angle = turn + (2 * blade + 1) * math.pi / iris.blades
            inside &= x * math.cos(angle) + y * math.sin(angle) <= apothem
    if iris.cats_eye:
        # The barrel's far rim is a second circle, displaced towards the middle of the picture.
        shift = radius * _RIM_OFFSET_RADII * iris.cats_eye
        inside &= (x + shift * field[0]) ** 2 + (y - shift * field[1]) ** 2 <= radius**2
    shape = inside.reshape(side, _SUBPIXELS_PER_SIDE, side, _SUBPIXELS_PER_SIDE).mean(
        (1, 3), dtype=np.float64
    )
    if not behind:
        shape = shape[::-1, ::-1]
    kernel: NDArray[np.float32] = (shape / shape.sum()).astype(np.float32)
    kernel.flags.writeable = False
    return kernel


def blur_per_disparity(*, focal_length: float, aperture: float, sensor: float, width: int) -> float:
    """Pixels of blur radius for each 1/metre that a point's disparity differs from the focus's.

    The thin lens: a point at distance z, seen by a lens of diameter f/N focused at zf, becomes a
    disc of radius f²/(2·N)·|1/z − 1/zf| on the sensor (f small against zf).

    Parameters
    ----------
    focal_length, sensor : millimetres
        The sensor's width is the picture's.
    aperture : f-number
    width : int
        The picture's width in pixels.
    """
    return (focal_length / 1000) ** 2 / (2 * aperture) * width / (sensor / 1000)
