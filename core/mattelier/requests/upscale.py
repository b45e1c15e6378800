"""picture → the same picture with more pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from mattelier.requests.fields import Device, check_choice, check_range
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


@dataclass(frozen=True)
class UpscaleRequest:
    """picture → the same picture with more pixels.

    `size` overrides `scale`. `model` is "default" (faithful to the picture), a model's name or
    a weights file. `denoise` (0…1) is how much noise and compression a network for photographs
    removes; with the default model it chooses that network. `tile` is the side in pixels of what
    the network sees at once; 0: chosen.
    """

    scale: float = 2
    size: Size | None = None
    model: str = "default"
    denoise: float | None = None
    tile: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        check_choice("device", self.device, get_args(Device))
        check_range("The scale", self.scale, 1, 16)
        if self.denoise is not None:
            check_range("Denoise", self.denoise, 0, 1)
        if self.tile and self.tile < 32:
            raise UsageError(f"A tile has at least 32 pixels a side, not {self.tile}.")
