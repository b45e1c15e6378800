"""photo of a product + optional hint → a picture for a shop."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from mattelier.requests.fields import Field, Flag, Request
from mattelier.requests.matte import MatteRequest
from mattelier.requests.upscale import Size
from mattelier.types.errors import UsageError

Colour = tuple[float, float, float]
Shadow = Literal["keep", "make", "none"]

MAX_CANVAS_PX = 12000  # of a side
DEFAULT_CANVAS_PX = 2000  # what marketplaces ask for, so that buyers can zoom


def parse_canvas(text: str) -> Size:
    """The size that `2000` (a square) or `1600x2000` stands for.

    Raises
    ------
    UsageError
        The text is neither.
    """
    match = re.fullmatch(r"(\d+)(?:[x×X](\d+))?", text)
    if match is None:
        raise UsageError("{text} is not a size, such as 2000 or 1600x2000.", text=repr(text))
    return Size(int(match[1]), int(match[2] or match[1]))


def parse_gradient(text: str) -> tuple[Colour, Colour]:
    """The colours at the top and the bottom that `white` (twice the same) or `#fff,#ddd` means.

    Raises
    ------
    UsageError
        The text is neither a colour nor two.
    """
    from mattelier.types.colour import parse_colour

    halves = re.fullmatch(r"([^,(]+|\w+\([^)]*\)),([^,(]+|\w+\([^)]*\))", text)
    if halves is None:
        colour = parse_colour(text)
        return colour, colour
    return parse_colour(halves[1]), parse_colour(halves[2])


@dataclass(frozen=True)
class ProductRequest(Request, task="product"):
    """photo of a product + optional hint → the product on a canvas, as a shop shows it.

    The subject stands in the middle of `canvas` (None: a square of 2000 pixels), with `margin`
    percent of the shorter side free around it, however close the photo's border was. `background`
    is "white", "transparent", a colour, two colours ("#fff,#ddd", from top to bottom) or a
    picture's path.

    `shadow` is made from the matte and the `light`, kept from the photo (which needs an even
    ground), or none. `light` is where the light comes from, in degrees seen from above: 0 from the
    camera, 90 from the right, 180 from behind, −90 from the left. `keep_reflection` unmixes what a
    glossy, even ground mirrors from it, beside the shadow. `see_through` takes what shows an
    even ground for transparent: glass, veils; None does so where the ground is plainly seen
    through the subject.
    """

    matte: MatteRequest = MatteRequest()
    canvas: Annotated[
        Size | None,
        Field(
            "The result's size; one number is a square. Default: 2000.",
            unit="px",
            flag=Flag(metavar="PIXELS|WxH", parse=parse_canvas),
        ),
    ] = None
    margin: Annotated[
        float,
        Field(
            "Room around the subject, in percent of the canvas's shorter side.",
            minimum=0,
            maximum=45,
            flag=Flag(metavar="PERCENT", show_default=True),
        ),
    ] = 8
    fit: Annotated[
        Literal["box", "area"],
        Field(
            "Subjects become equally large (box), or look equally large (area).",
            flag=Flag(show_default=True),
        ),
    ] = "box"
    align: Annotated[
        Literal["centre", "base"],
        Field(
            "The subject is in the middle, or stands on the lower margin.",
            flag=Flag(show_default=True),
        ),
    ] = "centre"
    straighten: Annotated[bool, Field("Put upright what is even on both sides and tilted.")] = True
    balance: Annotated[
        bool, Field("Match light and white balance: a neutral ground becomes neutral, white white.")
    ] = True
    background: Annotated[
        str,
        Field(
            "What is behind it; two colours make a gradient.",
            flag=Flag(metavar="COLOR|COLOR,COLOR|IMAGE|transparent", show_default=True),
        ),
    ] = "white"
    shadow: Annotated[
        Shadow,
        Field(
            "Cast by the light, kept from a photo with an even ground, or none.",
            flag=Flag(show_default=True),
        ),
    ] = "make"
    light: Annotated[
        float,
        Field(
            "Where the light comes from: 0 the camera, 90 the right, 180 behind, -90 the left.",
            minimum=-180,
            maximum=180,
            unit="degrees",
            flag=Flag(metavar="DEGREES", show_default=True),
        ),
    ] = -125
    shadow_strength: Annotated[
        float,
        Field("How dark the shadow is.", minimum=0, maximum=1, flag=Flag(metavar="0..1")),
    ] = 0.6
    reflection: Annotated[
        float,
        Field(
            "How much of the subject its polished ground mirrors.",
            minimum=0,
            maximum=1,
            flag=Flag(metavar="0..1"),
        ),
    ] = 0
    keep_reflection: Annotated[
        bool, Field("Keep what a glossy, even ground mirrors of it, as a layer of its own.")
    ] = False
    see_through: Annotated[
        bool | None,
        Field(
            "Glass and veils: what shows an even ground becomes transparent. "
            "Default: where the ground is plainly seen through.",
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reflection and self.keep_reflection:
            raise UsageError("A reflection is either made (--reflection) or kept; choose one.")
        width, height = self.size
        if not 16 <= min(width, height) <= max(width, height) <= MAX_CANVAS_PX:
            raise UsageError("A canvas has 16 to {most} pixels a side.", most=MAX_CANVAS_PX)

    @property
    def size(self) -> tuple[int, int]:
        """The canvas's width and height in pixels."""
        if self.canvas is None:
            return DEFAULT_CANVAS_PX, DEFAULT_CANVAS_PX
        if self.canvas.width is None or self.canvas.height is None:
            raise UsageError("A canvas needs a width and a height, such as 1600x2000.")
        return self.canvas.width, self.canvas.height
