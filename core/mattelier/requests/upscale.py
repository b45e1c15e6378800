"""picture → the same picture with more pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import EffectRequest, Field, Flag
from mattelier.requests.shared_fields import DeviceField, Tile
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class Size:
    """A result's size in pixels; None: so that the picture keeps its shape."""

    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        sides = [side for side in (self.width, self.height) if side is not None]
        if not sides or min(sides) < 1:
            raise UsageError("A size needs a width or a height of at least 1 pixel.")

    @classmethod
    def parse(cls, text: str) -> Size:
        """The size that `3840x2160`, `3840x` or `x2160` stands for.

        Raises
        ------
        UsageError
            The text is none of them.
        """
        match = re.fullmatch(r"(\d*)[x×X](\d*)", text)
        if match is None:
            raise UsageError(
                "{text} is not WxH, such as 3840x2160, 3840x or x2160.", text=repr(text)
            )
        return cls(*(int(side) if side else None for side in match.groups()))


@dataclass(frozen=True)
class UpscaleRequest(EffectRequest, task="upscale"):
    """picture → the same picture with more pixels.

    `size` overrides `scale`. `model` is "default" (faithful to the picture), a model's name or
    a weights file. `denoise` (0…1) is how much noise and compression a network for photographs
    removes; with the default model None lets the picture decide, and 0 keeps all; `grain` (0…1) is
    the share of it that is drawn anew at the result's fineness, against a waxen look. `tile` is the
    side in pixels of what the network sees at once; 0: chosen.
    """

    scale: Annotated[
        float,
        Field(
            "How many times larger each side becomes, unless a size is given.",
            minimum=1,
            maximum=16,
            label="The scale",
            flag=Flag(
                metavar="2|3|4|8|N.N",
                help="How many times larger each side becomes; 2 unless --to is given.",
                default=None,
                bounds="above minimum",
            ),
        ),
    ] = 2
    size: Annotated[
        Size | None,
        Field(
            "The result's size; only a width or only a height keeps the picture's shape.",
            unit="px",
            flag=Flag(
                ("--to",),
                metavar="WxH",
                help="The result's size in pixels; 3840x or x2160 keeps the picture's shape.",
                parse=Size.parse,
            ),
        ),
    ] = None
    model: Annotated[
        str,
        Field(
            "default stays faithful; upscale-photo-x4 clears noise and compression as well; or a "
            "published network's .pth, .safetensors or ncnn file.",
            flag=Flag(metavar="NAME|FILE", show_default=True),
        ),
    ] = "default"
    denoise: Annotated[
        float | None,
        Field(
            "How much noise and compression is cleared, by upscale-photo-x4 if no model is named; "
            "0 keeps all, and left out the picture decides.",
            minimum=0,
            maximum=1,
            label="Denoise",
            flag=Flag(metavar="0..1"),
        ),
    ] = None
    tile: Tile = 0
    device: DeviceField = "auto"
    grain: Annotated[
        float,
        Field(
            "The share of the grain that is drawn anew, finer, where noise is cleared; 0: smooth.",
            minimum=0,
            maximum=1,
            label="The grain",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 0.5
