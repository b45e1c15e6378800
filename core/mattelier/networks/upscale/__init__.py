"""The faithful super-resolution networks, ×2 and ×4; see `upscale.network`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Architecture, Descriptor, Entry, State, with_weights

if TYPE_CHECKING:
    from mattelier.networks.upscale.network import LocalFeatureNet

CELL = 6
"""Sides are multiples of this, in pixels: its attention's cells, a stride of 2 and one of 3."""

_MARGIN_PX = 30


def _detect(state: State) -> bool:
    return {"first.weight", "blocks.0.attention.shrink.weight", "up.weight"} <= state.keys()


def _describe(state: State, path: Path) -> Descriptor:
    scale = math.isqrt(len(state["up.weight"]) // 3)

    def build() -> LocalFeatureNet:
        from mattelier.networks.upscale.network import LocalFeatureNet

        return with_weights(LocalFeatureNet(scale), state)

    return Descriptor(
        task="upscale",
        input=Input(768, "tile", CELL, tensor="picture", margin=_MARGIN_PX),
        output=Output(scale=scale),
        build=build,
    )


ARCHITECTURE = Architecture(
    id="upscale",
    title="RLFN",
    tasks=("upscale",),
    classes=("UpscaleX2", "UpscaleX4"),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture",), ("picture",))},
)
