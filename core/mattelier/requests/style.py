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
    the models' folder), or a file of such weights. `strength` is 0…1.
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
            "A model that was brought in (default: the first), or AdaIN's decoder file with "
            "vgg_normalised.pth beside it.",
            flag=Flag(metavar="NAME|FILE", show_default=True),
        ),
    ] = "default"
    device: DeviceField = "auto"
