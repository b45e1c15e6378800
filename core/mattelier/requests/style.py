"""picture + reference → the picture in the reference's style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mattelier.requests.fields import EffectRequest, Field, Flag
from mattelier.requests.shared_fields import DeviceField


@dataclass(frozen=True)
class StyleRequest(EffectRequest, task="style"):
    """picture + reference → the picture as if painted in the reference's style.

    `reference` is a picture's path. `model` is "default" (the weights that the user has put in
    the models' folder), or a file of such weights: AdaIN paints in one pass, by VGG-19's features
    the picture is optimised. `strength` is 0…1; `paint_size` (pixels) and `seed` are of optimised
    painting alone.
    """

    reference: Annotated[
        str | None,
        Field("The picture with the style.", flag=Flag(metavar="FILE", required=True)),
    ] = None
    strength: Annotated[
        float,
        Field(
            "How much of the style is taken on.",
            minimum=0,
            maximum=1,
            label="The style's strength",
            flag=Flag(metavar="0..1", show_default=True),
        ),
    ] = 1
    model: Annotated[
        str,
        Field(
            "A model that was brought in (default: the first), AdaIN's decoder file with "
            "vgg_normalised.pth beside it, or VGG-19's weights for optimised painting.",
            flag=Flag(metavar="NAME|FILE", show_default=True),
        ),
    ] = "default"
    paint_size: Annotated[
        int,
        Field(
            "Longer side at which an optimised painting is made; time grows with its square.",
            minimum=128,
            maximum=4096,
            unit="px",
            flag=Flag(metavar="PX", show_default=True),
        ),
    ] = 512
    seed: Annotated[
        int,
        Field(
            "Which of many optimised paintings: another number begins from other grain.",
            minimum=0,
            flag=Flag(metavar="N", show_default=True),
        ),
    ] = 0
    device: DeviceField = "auto"
