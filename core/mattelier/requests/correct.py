"""Strokes over a frame's matte, which correct it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import Field, Request
from mattelier.requests.point import Stroke
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class CorrectRequest(Request):
    """A frame of a plate, its matte and strokes over it → the matte as the strokes want it.

    Attributes
    ----------
    plate : str
        As of `RotoRequest`.
    matte : str
        File of the frame's matte.
    strokes : tuple of Stroke
        "sure" or "not", in their order, in the plate's pixels.
    output : str or None
        File that the corrected matte is written to.
    has_plate_alpha : bool
        The matte was made by `roto`, which multiplies the plate's own alpha in.
    colorspace : str or None
        As of `RotoRequest`.
    """

    plate: Annotated[str, Field("The plate, as of a shot.", flag=None)]
    frame: Annotated[int, Field("Which of its frames.", flag=None)]
    matte: Annotated[str, Field("The file of that frame's matte.", flag=None)]
    strokes: Annotated[tuple[Stroke, ...], Field("What was brushed, in order.", flag=None)] = ()
    output: Annotated[
        str | None, Field("The file that the corrected matte is written to.", flag=None)
    ] = None
    has_plate_alpha: Annotated[
        bool, Field("The plate's own alpha is in the matte (on).", flag=None)
    ] = True
    colorspace: Annotated[
        str | None, Field("What the plate is in, by the OCIO config.", flag=None)
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for stroke in self.strokes:
            if stroke.kind == "hair":
                raise UsageError("A matte is corrected by strokes that are sure or not.")
