"""picture + optional hint → alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import Field, Flag, Request
from mattelier.requests.hint import HintRequest
from mattelier.requests.shared_fields import DeviceField, EdgeShift, Feather, QualityField


@dataclass(frozen=True)
class MatteRequest(Request, task="matte"):
    """picture + optional hint → alpha.

    `edge_shift` moves the finished edge by so many pixels, outwards where positive; `feather`
    softens it over about so many. Both are in pixels of the picture.
    """

    hint: HintRequest = HintRequest()
    model: Annotated[
        str,
        Field(
            "A model's name or folder; default is the one that comes with Mattelier.",
            flag=Flag(metavar="NAME", help="", show_default=True),
        ),
    ] = "default"
    device: DeviceField = "auto"
    quality: QualityField = "balanced"
    refine: Annotated[
        bool,
        Field("Follow the edge at full resolution (on), or stretch the network's matte."),
    ] = True
    edge_shift: EdgeShift = 0
    feather: Feather = 0
