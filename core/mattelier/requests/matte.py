"""picture + optional hint → alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from mattelier.requests.fields import MAX_EDGE_PX, Device, Quality, check_choice, check_range
from mattelier.requests.hint import HintRequest


@dataclass(frozen=True)
class MatteRequest:
    """picture + optional hint → alpha.

    `edge_shift` moves the finished edge by so many pixels, outwards where positive; `feather`
    softens it over about so many. Both are in pixels of the picture.
    """

    hint: HintRequest = HintRequest()
    model: str = "default"
    device: Device = "auto"
    quality: Quality = "balanced"
    refine: bool = True
    edge_shift: float = 0
    feather: float = 0

    def __post_init__(self) -> None:
        check_choice("quality", self.quality, get_args(Quality))
        check_choice("device", self.device, get_args(Device))
        check_range("The edge shift", self.edge_shift, -MAX_EDGE_PX, MAX_EDGE_PX)
        check_range("The feather", self.feather, 0, MAX_EDGE_PX)
