"""Segmenter, a class for each pixel, as its authors save it; see `segmenter.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Architecture,
    Descriptor,
    Published,
    State,
    with_weights,
)
from mattelier.networks.class_names import ADE20K_CLASSES, class_names
from mattelier.networks.contracts import CLASSES

if TYPE_CHECKING:
    from mattelier.networks.segmenter.network import Segmenter

_PATCHES, _POSITIONS = "encoder.patch_embed.proj.weight", "encoder.pos_embed"
_DISTILLED = "encoder.dist_token"  # DeiT's second token
_LINEAR, _MASKS = "decoder.head.weight", "decoder.cls_emb"
_UNUSED = ("encoder.head.", "encoder.head_dist.")  # of the classifier that it began as
_HALF = (0.5, 0.5, 0.5)

PUBLISHED = Published("Segmenter", "objects", "https://github.com/rstrudel/segmenter", proven=True)


def _detect(state: State) -> bool:
    return {_PATCHES, _POSITIONS} <= state.keys() and (_LINEAR in state or _MASKS in state)


def _used(state: State) -> State:
    return {name: values for name, values in state.items() if not name.startswith(_UNUSED)}


def _describe(state: State, path: Path) -> Descriptor:
    distilled = _DISTILLED in state
    classes = state[_MASKS].shape[1] if _MASKS in state else len(state[_LINEAR])
    width, _, patch, _ = state[_PATCHES].shape
    grid = round((state[_POSITIONS].shape[1] - 1 - distilled) ** 0.5)

    def depth(part: str) -> int:
        return len({name.split(".")[2] for name in state if name.startswith(f"{part}.blocks.")})

    def build() -> Segmenter:
        from mattelier.networks.segmenter.network import Segmenter

        network = Segmenter(
            width,
            patch,
            grid,
            depth("encoder"),
            classes,
            mask_depth=depth("decoder") if _MASKS in state else None,
            distilled=distilled,
            # Its authors look side by side at the windows of ADE20K's pictures, else by thirds.
            overlap=classes != ADE20K_CLASSES,
        )
        return with_weights(network, _used(state))

    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if distilled else (_HALF, _HALF)
    return Descriptor(
        task="objects",
        input=Input(grid * patch, "fit", patch, "short", mean, std),
        output=Output(),
        build=build,
        labels=class_names(classes),
        published=PUBLISHED,
    )


ARCHITECTURE = Architecture(
    id="segmenter",
    title=PUBLISHED.title,
    tasks=("objects",),
    classes=(),
    detect=_detect,
    describe=_describe,
    entries=CLASSES,
    published=(PUBLISHED,),
    channels_last=False,
    used=_used,
)
