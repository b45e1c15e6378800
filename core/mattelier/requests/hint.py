"""Where the subject is, as far as the user says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from mattelier.requests.fields import Field, Flag, Request
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class Point:
    """A click at pixel (x, y) of the upright picture: on the subject, or on what is not it."""

    x: float
    y: float
    positive: bool = True

    @classmethod
    def parse(cls, text: str) -> Point:
        """The click that `x,y`, `x,y,+` or `x,y,-` stands for.

        Raises
        ------
        UsageError
            The text is none of them.
        """
        position, sign = (text[:-2], text[-1]) if text[-2:] in (",+", ",-") else (text, "+")
        numbers = _numbers(position, 2)
        if numbers is None:
            raise UsageError("{text} is not x,y or x,y,+ or x,y,-.", text=repr(text))
        return cls(numbers[0], numbers[1], sign == "+")


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright picture that holds the whole subject."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (0 < self.width < float("inf") and 0 < self.height < float("inf")):
            raise UsageError(
                "A box needs a positive width and height, not {width}×{height}.",
                width=self.width,
                height=self.height,
            )

    @classmethod
    def parse(cls, text: str) -> Box:
        """The box that `x,y,w,h` stands for.

        Raises
        ------
        UsageError
            It is not four numbers, or the box is empty.
        """
        numbers = _numbers(text, 4)
        if numbers is None:
            raise UsageError("{text} is not x,y,w,h: four numbers with commas.", text=repr(text))
        return cls(*numbers)


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


MaskUse = Literal["rough", "selection", "matte"]


@dataclass(frozen=True)
class HintRequest(Request):
    """Where the subject is, as far as the user says; all None/empty means: find it yourself.

    `mask` and `trimap` are file paths; the Python door takes arrays beside this request. `mask_as`
    says what the mask is: "rough", roughly where the subject is; "selection", what an artist has
    selected, which may also be a click on the subject, a box or a lasso around it; "matte", a
    finished one, which is taken as it is. `object` and `text` say which thing of the picture is
    the subject, and are looked for in each picture.
    """

    mask: Annotated[
        str | None,
        Field(
            "Rough grey mask: white is the subject.", name="hint", flag=Flag(metavar="FILE|FOLDER")
        ),
    ] = None
    trimap: Annotated[
        str | None,
        Field("Grey map: 0 not, 128 unknown, 255 subject.", flag=Flag(metavar="FILE|FOLDER")),
    ] = None
    box: Annotated[
        Box | None,
        Field(
            "Rectangle that holds the whole subject.",
            unit="px",
            flag=Flag(metavar="X,Y,W,H", parse=Box.parse),
        ),
    ] = None
    points: Annotated[
        tuple[Point, ...],
        Field(
            "A click on the subject (+) or on what is not it (-). Repeatable.",
            unit="px",
            flag=Flag(("--point",), metavar="X,Y[,+|-]", parse=Point.parse, multiple=True),
        ),
    ] = ()
    mask_as: Annotated[
        MaskUse,
        Field(
            "What the hint is: a rough mask; a selection, which may be a dab on the subject, a "
            "rectangle or a lasso around it; or a finished matte, taken as it is.",
            name="hint_as",
            flag=Flag(show_default=True),
        ),
    ] = "rough"
    object: Annotated[
        int | None,
        Field(
            "The object of this number, as `objects` numbers them.",
            minimum=1,
            label="The object's number",
            flag=Flag(metavar="N", bounds="minimum"),
        ),
    ] = None
    text: Annotated[
        str | None,
        Field(
            "What the subject is, in words, for a network that finds things by them.",
            flag=Flag(metavar="WORDS"),
        ),
    ] = None
    objects_model: Annotated[
        str,
        Field(
            "Who tells the objects apart; auto: the first such network that is here.",
            flag=Flag(metavar="NAME|FOLDER", show_default=True),
        ),
    ] = "auto"
    text_model: Annotated[
        str,
        Field(
            "Who finds things by words; auto: the first such network that is here.",
            flag=Flag(metavar="NAME|FOLDER", show_default=True),
        ),
    ] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text is not None and not self.text.strip():
            raise UsageError("The words that say what the subject is are empty.")
        if self.text is not None and self.object is not None:
            raise UsageError("An object's number and words exclude each other; give one.")
