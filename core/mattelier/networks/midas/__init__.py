"""MiDaS v2.1 small: picture → inverse relative depth; see `midas.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.midas.network import MidasSmall

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


def _detect(state: State) -> bool:
    return "pretrained.layer1.3.0.conv_dw.weight" in state


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> MidasSmall:
        from mattelier.networks.midas.network import MidasSmall

        return with_weights(MidasSmall(), state)

    return Descriptor(
        task="depth",
        input=Input(256, "fit", 32, "long", _MEAN, _STD),
        output=Output(),
        build=build,
    )


ARCHITECTURE = Architecture(
    id="midas",
    title="MiDaS v2.1 small",
    tasks=("depth",),
    classes=("MidasSmall",),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture",), ("depth",))},
    channels_last=False,
)
