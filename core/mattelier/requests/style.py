"""picture + reference → the picture in the reference's style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from mattelier.requests.fields import Device, check_choice, check_range


@dataclass(frozen=True)
class StyleRequest:
    """picture + reference → the picture as if painted in the reference's style.

    `reference` is a picture's path. `model` is "default" (the weights that the user has put in
    the models' folder), or a file of such weights. `strength` is 0…1.
    """

    reference: str | None = None
    strength: float = 1
    model: str = "default"
    device: Device = "auto"

    def __post_init__(self) -> None:
        check_choice("device", self.device, get_args(Device))
        check_range("The style's strength", self.strength, 0, 1)
