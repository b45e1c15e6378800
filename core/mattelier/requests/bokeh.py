"""picture + depth → the picture through a lens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.depth import DepthRequest
from mattelier.requests.fields import EffectRequest, Field, Flag
from mattelier.requests.hint import Point
from mattelier.requests.shared_fields import MAX_EDGE_PX
from mattelier.types.errors import UsageError
from mattelier.types.sentence import Sentence


def parse_focus(text: str) -> Point | float | None:
    """What is in focus: None for `subject`, the pixel `x,y`, or a distance.

    Raises
    ------
    UsageError
        It is none of them.
    """
    if text == "subject":
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) == 1:
            return numbers[0]
        x, y = numbers
    except ValueError:
        raise UsageError(
            "{text} is not x,y and not 'subject' and not a distance.", text=repr(text)
        ) from None
    return Point(x, y)


@dataclass(frozen=True)
class BokehRequest(EffectRequest, task="bokeh"):
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
    focus: Annotated[
        Point | None,
        Field(
            "What is sharp: a pixel, the subject, or a distance in the depth map's units.",
            unit="px",
            flag=Flag(
                metavar="X,Y|subject|DIST", parse=parse_focus, default="subject", show_default=True
            ),
        ),
    ] = None
    distance: Annotated[
        float | None,
        Field("How far away what is sharp is, in the depth map's units.", name="focus"),
    ] = None
    aperture: Annotated[
        float | None,
        Field(
            "f-number, as of a full-frame camera: 1.4, 2.8 …",
            minimum=0.05,
            maximum=128,
            label="The aperture's f-number",
            flag=Flag(metavar="F", bounds="none"),
        ),
    ] = None
    radius: Annotated[
        float | None,
        Field(
            "Blur radius of what is most blurred. Default: 1 % of the longer side.",
            minimum=0,
            maximum=MAX_EDGE_PX,
            unit="px",
            label="The blur radius",
            flag=Flag(metavar="PIXELS", bounds="none"),
        ),
    ] = None
    focal_length: Annotated[
        float | None,
        Field(
            "For the f-number, as of a full-frame camera. Default: the picture's own, or 50.",
            minimum=1,
            maximum=5000,
            unit="mm",
            label="The focal length",
            flag=Flag(
                metavar="MM",
                help="For --aperture, as of a full-frame camera. Default: the picture's own, "
                "or 50.",
                bounds="none",
            ),
        ),
    ] = None
    blades: Annotated[
        int,
        Field(
            "Blades of the iris; 0: round.",
            minimum=3,
            maximum=16,
            or_zero=True,
            refusal=Sentence("An iris has 3 to 16 blades, or 0 to be round, not {value}."),
            flag=Flag(metavar="N", help="Of the iris. Default: round.", bounds="none"),
        ),
    ] = 0
    rotation: Annotated[
        float,
        Field(
            "Rotation of the iris.",
            minimum=-360,
            maximum=360,
            unit="degrees",
            label="The rotation",
            flag=Flag(metavar="DEGREES", help="Of the iris.", bounds="none"),
        ),
    ] = 0
    cats_eye: Annotated[
        float,
        Field(
            "How much the lens barrel narrows the iris towards the corners.",
            minimum=0,
            maximum=1,
            label="The cat's eye",
            flag=Flag(metavar="0..1"),
        ),
    ] = 0
    highlights: Annotated[bool, Field("Clipped lights become bright discs.")] = False
    foreground_blur: Annotated[bool, Field("Blur also what is nearer than the focus.")] = False

    def __post_init__(self) -> None:
        if self.focus is not None and self.distance is not None:
            raise UsageError("The focus is at a point or at a distance, not both.")
        if self.aperture is not None and self.radius is not None:
            raise UsageError("An aperture and a radius exclude each other; give one.")
        if self.distance is not None and not 0 < self.distance < math.inf:
            raise UsageError(
                "The focus cannot be at a distance of {distance}.", distance=f"{self.distance:g}"
            )
        super().__post_init__()
