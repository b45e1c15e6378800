"""The denoising network: picture + noise level → picture; see `denoise.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.denoise.network import DenoiseNet

FOLD = 8
"""Sides of what it is given are multiples of this, in pixels."""

_MARGIN_PX = 32


def _detect(state: State) -> bool:
    return {"level.layers.0.weight", "from_middle.weight", "tail.weight"} <= state.keys()


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> DenoiseNet:
        from mattelier.networks.denoise.network import DenoiseNet

        return with_weights(DenoiseNet(), state)

    return Descriptor(
        task="denoise",
        input=Input(768, "tile", FOLD, tensor="picture", hint="hint", margin=_MARGIN_PX),
        output=Output(tensor="result"),
        build=build,
    )


ARCHITECTURE = Architecture(
    id="denoise",
    title="FFDNet with residual blocks",
    tasks=("denoise",),
    classes=("DenoiseNet",),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture", "hint"), ("picture",))},
)
