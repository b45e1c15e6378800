"""The network that tracking remembers with: picture → a vector for every place; see
`track.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

TEMPERATURE = 0.05  # of the softmax over likenesses −1…1 with which a place asks a memory
MIN_SHARE = 0.01  # what it reads is as sure as 0.01 and 0.99

if TYPE_CHECKING:
    from mattelier.networks.track.network import EmbeddingNet


def _detect(state: State) -> bool:
    return "blocks.12.project.weight" in state and not any(
        name.startswith(("blocks.13.", "up2.")) for name in state
    )


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> EmbeddingNet:
        from mattelier.networks.track.network import EmbeddingNet

        return with_weights(EmbeddingNet(), state)

    return Descriptor(
        task="track",
        input=Input(448, "fit", 32, "long", tensor="picture"),
        output=Output(tensor="features"),
        build=build,
    )


ARCHITECTURE = Architecture(
    id="track",
    title="Space-time memory of places",
    tasks=("track",),
    classes=("EmbeddingNet",),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture",), ("features",))},
)
