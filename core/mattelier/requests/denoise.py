"""picture → the same picture without its noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from mattelier.requests.fields import Device, check_choice, check_range
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class DenoiseRequest:
    """picture → the same picture without its noise.

    `strength` is how strong the noise is taken to be, from 0 (none: nothing is changed) to 1 (a
    standard deviation of 55 on a scale of 255); None: as strong as it is seen to be. A published
    network that takes no strength is used in full, and less than 1 mixes the picture in. `grain`
    (0…1) is the share of what was removed that is left in. `model` is "default", a model's name
    or a weights file; `tile` the side in pixels of what the network sees at once; 0: chosen.
    """

    strength: float | None = None
    model: str = "default"
    grain: float = 0
    tile: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        check_choice("device", self.device, get_args(Device))
        if self.strength is not None:
            check_range("The strength", self.strength, 0, 1)
        check_range("The grain", self.grain, 0, 1)
        if self.tile and self.tile < 32:
            raise UsageError(f"A tile has at least 32 pixels a side, not {self.tile}.")
