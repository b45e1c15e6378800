"""picture before a green or blue screen → the subject with alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import EffectRequest, Field, Flag
from mattelier.requests.shared_fields import EdgeShift, Feather
from mattelier.types.errors import UsageError

SCREENS = ("auto", "green", "blue")
"""What a screen is called whose colour is sampled in the picture."""


@dataclass(frozen=True)
class KeyingRequest(EffectRequest, task="key"):
    """picture before a screen → the subject, with alpha and without the screen's light.

    `screen` is "green", "blue" or "auto", by which its colour is sampled in the picture, or a
    colour, "#rrggbb" or as CSS writes it. `garbage` and `holdout` are file paths of mattes, of a
    shot patterns that are numbered as its frames, or one matte for all: white is left out, and
    white is kept. `clean_plate` is the path of a picture of the screen alone.
    """

    screen: Annotated[
        str,
        Field(
            "The screen's colour: green or blue is sampled in the picture, auto finds out which; "
            "or a colour such as #2f8f4e.",
            flag=Flag(metavar="auto|green|blue|COLOUR", show_default=True),
        ),
    ] = "auto"
    garbage: Annotated[
        str | None,
        Field(
            "Garbage matte: what is white in it is left out.",
            flag=Flag(metavar="FILE|PATTERN"),
        ),
    ] = None
    holdout: Annotated[
        str | None,
        Field(
            "Hold-out (core) matte: what is white in it is kept, whatever its colour.",
            flag=Flag(metavar="FILE|PATTERN"),
        ),
    ] = None
    keep_colour: Annotated[
        bool,
        Field("Keep the plate's colour in the hold-out matte, too, without despill."),
    ] = False
    clean_plate: Annotated[
        str | None,
        Field(
            "The screen without the subject, of a camera that does not move; else it is estimated.",
            flag=Flag(metavar="FILE"),
        ),
    ] = None
    despill: Annotated[
        float,
        Field(
            "How much of the screen's light on the subject is taken away.",
            minimum=0,
            maximum=1,
            label="Despill",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 1
    clip_black: Annotated[
        float,
        Field(
            "Alpha up to here becomes 0.",
            minimum=0,
            maximum=0.99,
            label="Clip black",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 0
    clip_white: Annotated[
        float,
        Field(
            "Alpha from here on becomes 1.",
            minimum=0.01,
            maximum=1,
            label="Clip white",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 1
    edge_shift: EdgeShift = 0
    feather: Feather = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.clip_black >= self.clip_white:
            raise UsageError(
                "Clip black lies below clip white, not {black} and {white}.",
                black=f"{self.clip_black:g}",
                white=f"{self.clip_white:g}",
            )
        if self.screen not in SCREENS:
            from mattelier.types.colour import parse_colour

            parse_colour(self.screen)
