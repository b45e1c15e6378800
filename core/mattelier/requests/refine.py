"""picture + mask → alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from mattelier.requests.fields import MAX_EDGE_PX, Quality, check_choice, check_range


@dataclass(frozen=True)
class RefineRequest:
    """picture + mask → alpha: the mask's soft band solved again, along the picture's edges.

    `mask` is a file path; the worker and the Python door take pixels beside this request. The
    band reaches `width` pixels to each side of the mask's edge, and over all that is soft in it.
    """

    mask: str | None = None
    width: float = 12
    quality: Quality = "balanced"
    edge_shift: float = 0
    feather: float = 0

    def __post_init__(self) -> None:
        check_choice("quality", self.quality, get_args(Quality))
        check_range("The width", self.width, 1, MAX_EDGE_PX)
        check_range("The edge shift", self.edge_shift, -MAX_EDGE_PX, MAX_EDGE_PX)
        check_range("The feather", self.feather, 0, MAX_EDGE_PX)
