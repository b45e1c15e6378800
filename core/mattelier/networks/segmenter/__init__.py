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
from mattelier.networks.contracts import CLASSES

if TYPE_CHECKING:
    from mattelier.networks.segmenter.network import Segmenter

_PATCHES, _POSITIONS = "encoder.patch_embed.proj.weight", "encoder.pos_embed"
_DISTILLED = "encoder.dist_token"  # DeiT's second token
_LINEAR, _MASKS = "decoder.head.weight", "decoder.cls_emb"
_UNUSED = ("encoder.head.", "encoder.head_dist.")  # of the classifier that it began as
_HALF = (0.5, 0.5, 0.5)

_CITYSCAPES = """road sidewalk building wall fence pole traffic_light traffic_sign vegetation
terrain sky person rider car truck bus train motorcycle bicycle"""
_ADE20K = """wall building sky floor tree ceiling road bed window grass cabinet sidewalk person
earth door table mountain plant curtain chair car water painting sofa shelf house sea mirror rug
field armchair seat fence desk rock wardrobe lamp bathtub railing cushion base box column signboard
chest_of_drawers counter sand sink skyscraper fireplace refrigerator grandstand path stairs runway
case pool_table pillow screen_door stairway river bridge bookcase blind coffee_table toilet flower
book hill bench countertop stove palm kitchen_island computer swivel_chair boat bar arcade_machine
hovel bus towel light truck tower chandelier awning streetlight booth television airplane
dirt_track apparel pole land bannister escalator ottoman bottle buffet poster stage van ship
fountain conveyer_belt canopy washer plaything swimming_pool stool barrel basket waterfall tent bag
minibike cradle oven ball food step tank trade_name microwave pot animal bicycle lake dishwasher
screen blanket sculpture hood sconce vase traffic_light tray ashcan fan pier crt_screen plate
monitor bulletin_board shower radiator glass clock flag"""
_NAMES = {len(names): names for names in (_CITYSCAPES.split(), _ADE20K.split())}

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
            overlap=classes != len(_ADE20K.split()),
        )
        return with_weights(network, _used(state))

    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if distilled else (_HALF, _HALF)
    names = _NAMES.get(classes) or [str(number) for number in range(classes)]
    return Descriptor(
        task="objects",
        input=Input(grid * patch, "fit", patch, "short", mean, std),
        output=Output(),
        build=build,
        labels=tuple(name.replace("_", " ") for name in names),
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
