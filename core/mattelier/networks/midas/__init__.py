"""MiDaS v2.1 small: picture → inverse relative depth; see `midas.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Architecture,
    Descriptor,
    Entry,
    Published,
    State,
    with_weights,
)

if TYPE_CHECKING:
    from mattelier.networks.midas.network import MidasSmall

PUBLISHED = Published("MiDaS v2.1 small", "depth", "https://github.com/isl-org/MiDaS")


def _detect(state: State) -> bool:
    return "pretrained.layer1.3.0.conv_dw.weight" in state


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> MidasSmall:
        from mattelier.networks.midas.network import MidasSmall

        return with_weights(MidasSmall(), state)

    return Descriptor(
        task="depth",
        input=Input(256, "fit", 32, "long", IMAGENET_MEAN, IMAGENET_STD),
        output=Output(),
        build=build,
        published=PUBLISHED,
    )


ARCHITECTURE = Architecture(
    id="midas",
    title=PUBLISHED.title,
    tasks=("depth",),
    classes=("MidasSmall",),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture",), ("depth",))},
    published=(PUBLISHED,),
    channels_last=False,
)
