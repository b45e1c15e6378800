"""picture + depth → the picture through a lens."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mattelier.requests.depth import DepthRequest
from mattelier.requests.fields import MAX_EDGE_PX, check_range
from mattelier.requests.hint import Point
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class BokehRequest:
    """picture + depth → the picture as a lens with a wide aperture draws it.

    The focus is on the subject, or at the point `focus`, or at `distance`, in the depth map's
    units. How much is blurred is said by the f-number `aperture` (of a full-frame camera; the
    `focal_length` in millimetres, of the same, is the picture's own or 50), or by the `radius`
    in pixels of the most blurred part; None for both is 1 % of the longer side. `blades` and
    `rotation` (degrees) shape the iris, round where 0; `cats_eye` (0…1) narrows it towards the
    corners. `highlights` gives clipped lights their brightness back. What is nearer than the
    focus stays sharp without `foreground_blur`.
    """

    depth: DepthRequest = DepthRequest()
    focus: Point | None = None
    distance: float | None = None
    aperture: float | None = None
    radius: float | None = None
    focal_length: float | None = None
    blades: int = 0
    rotation: float = 0
    cats_eye: float = 0
    highlights: bool = False
    foreground_blur: bool = False

    def __post_init__(self) -> None:
        if self.focus is not None and self.distance is not None:
            raise UsageError("The focus is at a point or at a distance, not both.")
        if self.aperture is not None and self.radius is not None:
            raise UsageError("An aperture and a radius exclude each other; give one.")
        if self.distance is not None and not 0 < self.distance < math.inf:
            raise UsageError(f"The focus cannot be at a distance of {self.distance:g}.")
        if self.aperture is not None:
            check_range("The aperture's f-number", self.aperture, 0.05, 128)
        if self.radius is not None:
            check_range("The blur radius", self.radius, 0, MAX_EDGE_PX)
        if self.focal_length is not None:
            check_range("The focal length", self.focal_length, 1, 5000)
        if self.blades and not 3 <= self.blades <= 16:
            raise UsageError(f"An iris has 3 to 16 blades, or 0 to be round, not {self.blades}.")
        check_range("The rotation", self.rotation, -360, 360)
        check_range("The cat's eye", self.cats_eye, 0, 1)
