"""The default matting network: picture + hint → alpha; see `cutout.network`, and `cutout.detail`
for the one that looks twice."""

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
    looks_twice = "detail.out.weight" in state

    def build() -> CutoutNet:
        from mattelier.networks.cutout.detail import DetailCutoutNet
        from mattelier.networks.cutout.network import CutoutNet

        return with_weights((DetailCutoutNet if looks_twice else CutoutNet)(), state)

    size, multiple = (512, 64) if looks_twice else (256, 32)
    return Descriptor(
        task="matte",
        input=Input(size, "fit", multiple, "area", tensor="picture", hint="hint", mirror=True),
        output=Output(tensor="alpha", torch_activation="sigmoid"),
        build=build,
    )


ARCHITECTURE = Architecture(
    id="cutout",
    title="Cutout",
    tasks=("matte",),
    classes=("CutoutNet", "DetailCutoutNet"),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture", "hint"), ("alpha",))},
)
