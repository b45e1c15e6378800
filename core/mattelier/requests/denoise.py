"""picture → the same picture without its noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import EffectRequest, Field, Flag
from mattelier.requests.shared_fields import DeviceField, Tile
from mattelier.types.errors import UsageError


def parse_strength(text: str) -> float | None:
    """None for `auto`, or a number from 0 to 1.

    Raises
    ------
    UsageError
        It is neither.
    """
    if text == "auto":
        return None
    try:
        strength = float(text)
    except ValueError:
        strength = -1
    if not 0 <= strength <= 1:
        raise UsageError("{text} is neither auto nor a number from 0 to 1.", text=repr(text))
    return strength


@dataclass(frozen=True)
class DenoiseRequest(EffectRequest, task="denoise"):
    """picture → the same picture without its noise.

    `strength` is how strong the noise is taken to be, from 0 (none: nothing is changed) to 1 (a
    standard deviation of 55 on a scale of 255); None: as strong as it is seen to be. A published
    network that takes no strength is used in full, and less than 1 mixes the picture in. `grain`
    (0…1) is the share of what was removed that is left in. `model` is "default", a model's name
    or a weights file; `tile` the side in pixels of what the network sees at once; 0: chosen.
    """

    strength: Annotated[
        float | None,
        Field(
            "How strong the noise is: auto sees it by itself; 0.2 is a fast film's, 1 the "
            "strongest.",
            minimum=0,
            maximum=1,
            label="The strength",
            flag=Flag(metavar="auto|0..1", parse=parse_strength, default="auto", show_default=True),
        ),
    ] = None
    model: Annotated[
        str,
        Field(
            "A model, or a published network's .pth or .safetensors file (SCUNet, NAFNet, "
            "DRUNet …).",
            flag=Flag(metavar="NAME|FILE", show_default=True),
        ),
    ] = "default"
    grain: Annotated[
        float,
        Field(
            "The share of what was removed that is left in, against a polished look.",
            minimum=0,
            maximum=1,
            label="The grain",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 0
    tile: Tile = 0
    device: DeviceField = "auto"
