"""Depth Anything V2: picture → inverse relative depth; see `depth_anything.network`."""

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
    from mattelier.networks.depth_anything.network import DepthAnythingV2

PATCH = 14
"""Sides are multiples of this, in pixels."""

_PATCHES = "pretrained.patch_embed.proj.weight"
_WIDTHS = (384, 768, 1024)  # of the published sizes' tokens: small, base, large

PUBLISHED = Published(
    "Depth Anything V2", "depth", "https://github.com/DepthAnything/Depth-Anything-V2", proven=True
)


def _detect(state: State) -> bool:
    return _PATCHES in state and state[_PATCHES].shape[:1] in {(width,) for width in _WIDTHS}


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> DepthAnythingV2:
        from mattelier.networks.depth_anything.network import SIZES, DepthAnythingV2

        return with_weights(DepthAnythingV2(SIZES[len(state[_PATCHES])]), state)

    return Descriptor(
        task="depth",
        input=Input(518, "fit", PATCH, "short", IMAGENET_MEAN, IMAGENET_STD),
        output=Output(),
        build=build,
        published=PUBLISHED,
    )


ARCHITECTURE = Architecture(
    id="depth_anything",
    title=PUBLISHED.title,
    tasks=("depth",),
    classes=("DepthAnythingV2",),
    detect=_detect,
    describe=_describe,
    entries={"forward": Entry(("picture",), ("depth",))},
    published=(PUBLISHED,),
    channels_last=False,
)
