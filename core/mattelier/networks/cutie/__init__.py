"""Cutie, which follows subjects from view to view, as its authors save it; see `cutie.network`."""

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
from mattelier.networks.contracts import FOLLOW

if TYPE_CHECKING:
    from mattelier.networks.cutie.network import Cutie

_QUERIES, _MASKED = "object_transformer.query_init.weight", "mask_encoder.conv1.weight"
_BOTTLENECK = "pixel_encoder.res2.0.conv3.weight"  # three convolutions a block: ResNet-50
_UNUSED = ("aux_computer.",)  # further answers that only training looks at
_SHORT_SIDE_PX, _STRIDE_PX = 480, 16  # of views that it was judged on; of its coarsest features

_SOURCE = "https://github.com/hkchengrex/Cutie"
_BASE = Published("Cutie, base", "track", _SOURCE, proven=True)
_SMALL = Published("Cutie, small", "track", _SOURCE, proven=True)


def _detect(state: State) -> bool:
    return {_QUERIES, _MASKED, "key_proj.key_proj.weight"} <= state.keys()


def _used(state: State) -> State:
    return {name: values for name, values in state.items() if not name.startswith(_UNUSED)}


def _describe(state: State, path: Path) -> Descriptor:
    deep = _BOTTLENECK in state

    def build() -> Cutie:
        from mattelier.networks.cutie.network import Cutie

        return with_weights(Cutie(deep=deep), _used(state))

    return Descriptor(
        task="track",
        input=Input(
            _SHORT_SIDE_PX, "fit", _STRIDE_PX, "short", IMAGENET_MEAN, IMAGENET_STD, follows=True
        ),
        output=Output(),
        build=build,
        published=_BASE if deep else _SMALL,
    )


ARCHITECTURE = Architecture(
    id="cutie",
    title="Cutie",
    tasks=("track",),
    classes=(),
    detect=_detect,
    describe=_describe,
    entries=FOLLOW,
    published=(_BASE, _SMALL),
    channels_last=False,
    used=_used,
)
