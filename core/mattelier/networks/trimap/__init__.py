"""The network that weighs what tells a pixel's alpha: cues → alpha; see `trimap.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.trimap.network import CueNet

_MEAN, _FIRST = "mean", "layers.0.weight"


def _detect(state: State) -> bool:
    return {_MEAN, "deviation", _FIRST} <= state.keys() and state[_FIRST].ndim == 4


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> CueNet:
        from mattelier.networks.trimap.network import CueNet

        return with_weights(CueNet(state[_FIRST].shape[1], len(state[_FIRST])), state)

    return Descriptor(
        task="trimap",
        input=Input(512, "tile", 1, tensor="picture"),
        output=Output(tensor="alpha"),
        build=build,
    )


ARCHITECTURE = Architecture(
    id="trimap",
    title="Cues of an open pixel, weighed",
    tasks=("trimap",),
    classes=("CueNet",),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture",), ("alpha",))},
)
