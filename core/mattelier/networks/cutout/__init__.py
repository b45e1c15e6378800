"""The default matting network: picture + hint → alpha; see `cutout.network`, and `cutout.detail`
for the one that looks twice."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.cutout.network import CutoutNet


def input_multiple(twice: bool) -> int:
    """Of what the height and width of the network's input are whole multiples."""
    return 64 if twice else 32


def make_network(twice: bool, *, norm: bool = False) -> CutoutNet:
    """A fresh network that looks once or twice; `norm` as of `CutoutNet`."""
    from mattelier.networks.cutout.detail import DetailCutoutNet
    from mattelier.networks.cutout.network import CutoutNet

    return (DetailCutoutNet if twice else CutoutNet)(norm=norm)


def looks_twice(names: Container[str]) -> bool:
    """Whether weights of these names are a `DetailCutoutNet`'s."""
    return "detail.out.weight" in names


def _detect(state: State) -> bool:
    return {"stem.weight", "image_pooling.weight", "up2.hint.weight"} <= state.keys()


def _describe(state: State, path: Path) -> Descriptor:
    twice = looks_twice(state)
    size, multiple = 512 if twice else 256, input_multiple(twice)
    return Descriptor(
        task="matte",
        input=Input(size, "fit", multiple, "area", tensor="picture", hint="hint", mirror=True),
        output=Output(tensor="alpha", torch_activation="sigmoid"),
        build=lambda: with_weights(make_network(twice), state),
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
