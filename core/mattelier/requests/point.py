"""One gesture at a picture that a worker keeps: where it was pointed, and what was brushed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from mattelier.requests.fields import Field, Request
from mattelier.requests.hint import Point
from mattelier.requests.matte import MatteRequest
from mattelier.requests.shared_fields import MAX_EDGE_PX
from mattelier.types.errors import UsageError

_MAX_RADIUS_PX = 2000
_MAX_SUBJECTS = 20


@dataclass(frozen=True)
class Stroke:
    """A brush drawn over a matte, through points in pixels of the picture that is shown.

    "sure" is the subject, "not" is not, and what lies under "hair" is solved as hair.
    """

    kind: Literal["sure", "not", "hair"]
    points: tuple[Point, ...]
    radius: float

    def __post_init__(self) -> None:
        if self.kind not in ("sure", "not", "hair"):
            raise UsageError("A stroke is sure, not or hair, not {kind}.", kind=repr(self.kind))
        if not self.points:
            raise UsageError("A stroke needs a point.")
        if not 0 < self.radius <= _MAX_RADIUS_PX:
            raise UsageError("A stroke's radius is 1 to {most} pixels.", most=_MAX_RADIUS_PX)
        if not all(math.isfinite(point.x) and math.isfinite(point.y) for point in self.points):
            raise UsageError("A stroke's points are numbers.")


@dataclass(frozen=True)
class PointRequest(Request):
    """A gesture's answer at once ("glance"), the one to keep ("settle"), or that one on the
    picture at its full size ("apply").

    The hint's clicks and box, and the strokes, are in pixels of the picture that is shown; all
    that hold are named each time. A glance may be smaller than what is shown. Edge width, edge
    shift and feather are in pixels of what is answered. `foreground` gives colours without the
    background's with "settle" and "apply".
    """

    stage: Annotated[
        Literal["glance", "settle", "apply"], Field("How far the answer goes.", flag=None)
    ] = "glance"
    subject: Annotated[
        int,
        Field(
            "Which of several things that are pointed at, from 0.",
            minimum=0,
            maximum=_MAX_SUBJECTS - 1,
            label="The subject's number",
            flag=None,
        ),
    ] = 0
    matte: MatteRequest = MatteRequest()
    strokes: Annotated[tuple[Stroke, ...], Field("What was brushed, in order.", flag=None)] = ()
    edge_width: Annotated[
        float,
        Field(
            "How far to each side of the edge it is solved anew as hair; 0 where it is soft alone.",
            minimum=0,
            maximum=MAX_EDGE_PX,
            unit="px",
            label="The edge width",
            flag=None,
        ),
    ] = 0
    foreground: Annotated[bool, Field("Give colours without the background's, too.", flag=None)] = (
        False
    )
