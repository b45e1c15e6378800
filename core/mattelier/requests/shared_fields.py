"""Fields that several requests share."""

from __future__ import annotations

from typing import Annotated, Literal

from mattelier.requests.fields import Field, Flag
from mattelier.types.errors import UsageError
from mattelier.types.sentence import Sentence

Quality = Literal["fast", "balanced", "best"]
Device = Literal["auto", "cpu", "cuda", "mps"]

MAX_EDGE_PX = 500  # of any edge control; beyond it a wish is a slip of the keyboard
MIN_TILE_PX = 32


def parse_tile(text: str) -> int:
    """`auto` or a number of pixels.

    Raises
    ------
    UsageError
        It is neither.
    """
    if text == "auto":
        return 0
    if not text.isdecimal() or int(text) < MIN_TILE_PX:
        raise UsageError(
            "{text} is neither auto nor a number of pixels from {least} on.",
            text=repr(text),
            least=MIN_TILE_PX,
        )
    return int(text)


QualityField = Annotated[
    Quality,
    Field(
        "How much time the result may take: fast looks once, best looks again where it pays.",
        flag=Flag(help="", show_default=True),
    ),
]
DeviceField = Annotated[
    Device,
    Field(
        "What computes; auto is a GPU where there is one that can be used.",
        flag=Flag(help="", show_default=True),
    ),
]
EdgeShift = Annotated[
    float,
    Field(
        "Move the finished edge, outwards where positive.",
        minimum=-MAX_EDGE_PX,
        maximum=MAX_EDGE_PX,
        unit="px",
        label="The edge shift",
        flag=Flag(metavar="PIXELS", bounds="none"),
    ),
]
Feather = Annotated[
    float,
    Field(
        "Soften the finished edge.",
        minimum=0,
        maximum=MAX_EDGE_PX,
        unit="px",
        label="The feather",
        flag=Flag(metavar="PIXELS", bounds="minimum"),
    ),
]
Tile = Annotated[
    int,
    Field(
        "What the network sees at once; smaller takes less memory.",
        minimum=MIN_TILE_PX,
        or_zero=True,
        unit="px",
        refusal=Sentence("A tile has at least 32 pixels a side, not {value}."),
        flag=Flag(metavar="auto|PIXELS", parse=parse_tile, default="auto", show_default=True),
    ),
]
