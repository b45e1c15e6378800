"""picture → the same picture, mended by a network that was made for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import EffectRequest, Field, Flag
from mattelier.requests.shared_fields import DeviceField, Tile


@dataclass(frozen=True)
class RestoreRequest(EffectRequest, task="restore"):
    """picture → the same picture, mended by a network that was made for that.

    What it mends, blur, JPEG's blocks, haze, rain or dark, is the network's affair: `model` is the
    name of one that was brought in, or its weights file; "default" is the one that denoises. Less
    than a `strength` of 1 mixes the picture in.
    """

    model: Annotated[
        str,
        Field(
            "A network that was brought in, or its .pth or .safetensors file (NAFNet, FBCNN, "
            "MixDehazeNet, RetinexFormer …).",
            flag=Flag(metavar="NAME|FILE", required=True),
        ),
    ] = "default"
    strength: Annotated[
        float,
        Field(
            "How much of the network's picture; the rest is the picture as it was.",
            minimum=0,
            maximum=1,
            label="The strength",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 1
    tile: Tile = 0
    device: DeviceField = "auto"
