"""The default matting network: picture + hint → alpha; see `cutout.network`, and `cutout.detail`
for the one that looks twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.cutout.network import CutoutNet


def input_multiple(looks_twice: bool) -> int:
    """Of what the height and width of the network's input are whole multiples."""
    return 64 if looks_twice else 32


def make_network(looks_twice: bool, *, norm: bool = False) -> CutoutNet:
    """A fresh network with one look or two; `norm` as of `CutoutNet`."""
    from mattelier.networks.cutout.detail import DetailCutoutNet
    from mattelier.networks.cutout.network import CutoutNet

    return (DetailCutoutNet if looks_twice else CutoutNet)(norm=norm)


def _detect(state: State) -> bool:
    return {"stem.weight", "image_pooling.weight", "up2.hint.weight"} <= state.keys()


def _describe(state: State, path: Path) -> Descriptor:
    looks_twice = "detail.out.weight" in state
    size, multiple = 512 if looks_twice else 256, input_multiple(looks_twice)
    return Descriptor(
        task="matte",
        input=Input(size, "fit", multiple, "area", tensor="picture", hint="hint", mirror=True),
        output=Output(tensor="alpha", torch_activation="sigmoid"),
        build=lambda: with_weights(make_network(looks_twice), state),
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
