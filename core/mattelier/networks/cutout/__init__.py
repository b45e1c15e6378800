"""The default matting network: picture + hint → alpha; see `cutout.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.cutout.network import CutoutNet


def _detect(state: State) -> bool:
    return {"stem.weight", "image_pooling.weight", "up2.hint.weight"} <= state.keys()


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> CutoutNet:
        from mattelier.networks.cutout.network import CutoutNet

        return with_weights(CutoutNet(), state)

    return Descriptor(
        task="matte",
        input=Input(256, "fit", 32, "area", tensor="picture", hint="hint", mirror=True),
        output=Output(tensor="alpha", torch_activation="sigmoid"),
        build=build,
    )


ARCHITECTURE = Architecture(
    id="cutout",
    title="Cutout",
    tasks=("matte",),
    classes=("CutoutNet",),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture", "hint"), ("alpha",))},
)
