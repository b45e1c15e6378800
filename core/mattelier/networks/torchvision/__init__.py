"""What the package torchvision publishes: Mask R-CNN and DeepLabV3, told from their weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks import contracts
from mattelier.networks.architecture import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Architecture,
    Descriptor,
    Published,
    State,
)
from mattelier.networks.class_names import class_names

if TYPE_CHECKING:
    from torch import nn

_MASK_HEAD = "roi_heads.mask_predictor.mask_fcn_logits.weight"
_BOX_HEAD = "roi_heads.box_predictor.cls_score.weight"
_ATROUS = "classifier.0.convs.0.0.weight"
_CLASSES = "classifier.4.weight"

_SOURCE = "https://docs.pytorch.org/vision/stable/models.html"
_MASK_RCNN = Published("Mask R-CNN", "objects", _SOURCE, proven=True)
_DEEPLAB = Published("DeepLabV3 (MobileNetV3, ResNet)", "objects", _SOURCE, proven=True)


def _detect(state: State) -> bool:
    return (_MASK_HEAD in state and _BOX_HEAD in state) or (
        _ATROUS in state and _CLASSES in state and any(k.startswith("backbone.") for k in state)
    )


def _describe(state: State, path: Path) -> Descriptor:
    if _MASK_HEAD in state:
        count = len(state[_BOX_HEAD])
        published, entries = _MASK_RCNN, contracts.INSTANCES
        seen = Input(800, "fit", 32, "short")  # it normalises for itself
    else:
        count = len(state[_CLASSES])
        published, entries = _DEEPLAB, contracts.CLASSES
        seen = Input(520, "fit", 8, "short", IMAGENET_MEAN, IMAGENET_STD)
    return Descriptor(
        task="objects",
        input=seen,
        output=Output(),
        build=partial(_build, state, path),
        published=published,
        entries=entries,
        labels=class_names(count),
    )


def _build(state: State, path: Path) -> nn.Module:
    from mattelier.networks.torchvision import network

    return network.build(state, path.name)


ARCHITECTURE = Architecture(
    id="torchvision",
    title="Mask R-CNN or DeepLabV3 of torchvision",
    tasks=("objects",),
    classes=(),
    detect=_detect,
    describe=_describe,
    entries={},
    published=(_MASK_RCNN, _DEEPLAB),
    channels_last=False,
)
