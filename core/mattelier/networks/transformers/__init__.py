"""Networks as the package transformers writes them: a folder with config.json and weights.

What such a folder says is read here, as numbers and names alone. Code that lies in it, or that it
points to, is never run: a `model_type` which is not in `_KINDS` is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mattelier.catalogue import Input, Output
from mattelier.networks import contracts
from mattelier.networks.architecture import Architecture, Descriptor, Entry, Published
from mattelier.types.errors import EngineError, ModelError
from mattelier.types.plain_files import read_json

if TYPE_CHECKING:
    from torch import nn

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
FILES = (
    CONFIG,
    "preprocessor_config.json",
    "processor_config.json",
    WEIGHTS,
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
"""What of a folder is of use; other files of it are left where they are."""

_PICTURE_CONFIGS = ("preprocessor_config.json", "processor_config.json")
_MAX_CONFIG_BYTES = 16 << 20
_MULTIPLE_PX = 32  # of sides, where the folder does not say
_TIMM_SETTINGS = {"in_chans", "features_only", "out_indices"}  # that say how it is built, no more
_WHOLE_PICTURE_PX = 1024  # root of the area for networks that are shown pictures as they are


@dataclass(frozen=True)
class _Kind:
    """One `model_type`: what it is for, how it is called, and the class that runs it.

    `extra` is what installs a package that it needs besides, and that package.
    """

    published: Published
    entries: Mapping[str, Entry]
    head: str
    wrapper: str
    extra: tuple[str, str] | None = None


_HUB = "https://huggingface.co/"
_KINDS = {
    "mask2former": _Kind(
        Published(
            "Mask2Former",
            "objects",
            _HUB + "facebook/mask2former-swin-tiny-coco-instance",
            proven=True,
        ),
        contracts.INSTANCES,
        "Mask2FormerForUniversalSegmentation",
        "Queries",
    ),
    "maskformer": _Kind(
        Published(
            "MaskFormer", "objects", _HUB + "facebook/maskformer-swin-tiny-coco", proven=True
        ),
        contracts.INSTANCES,
        "MaskFormerForInstanceSegmentation",
        "Queries",
    ),
    "eomt": _Kind(
        Published("EoMT", "objects", _HUB + "tue-mps"),
        contracts.INSTANCES,
        "EomtForUniversalSegmentation",
        "Queries",
    ),
    "segformer": _Kind(
        Published(
            "SegFormer", "objects", _HUB + "nvidia/segformer-b0-finetuned-ade-512-512", proven=True
        ),
        contracts.CLASSES,
        "SegformerForSemanticSegmentation",
        "Classes",
    ),
    "beit": _Kind(
        Published("BEiT", "objects", _HUB + "microsoft/beit-base-finetuned-ade-640-640"),
        contracts.CLASSES,
        "BeitForSemanticSegmentation",
        "Classes",
    ),
    "upernet": _Kind(
        Published("UPerNet", "objects", _HUB + "openmmlab/upernet-convnext-tiny"),
        contracts.CLASSES,
        "UperNetForSemanticSegmentation",
        "Classes",
    ),
    "sam": _Kind(
        Published("SAM", "matte", _HUB + "facebook/sam-vit-base", proven=True),
        contracts.prompt(1),
        "SamModel",
        "Prompt",
    ),
    "sam2": _Kind(
        Published("SAM 2.1", "matte", _HUB + "facebook/sam2.1-hiera-tiny", proven=True),
        contracts.prompt(3),
        "Sam2Model",
        "Prompt",
    ),
    # As its authors' video checkpoints are published; its picture half is the same network.
    "sam2_video": _Kind(
        Published("SAM 2.1, video", "matte", _HUB + "facebook/sam2.1-hiera-tiny", proven=True),
        contracts.video(3),
        "Sam2Model",
        "Sam2Video",
    ),
    "edgetam_video": _Kind(
        Published("EdgeTAM", "matte", _HUB + "yonigozlan/EdgeTAM-hf", proven=True),
        contracts.video(3),
        "EdgeTamModel",
        "EdgeTamVideo",
        extra=("edgetam", "timm"),
    ),
    "vitmatte": _Kind(
        Published("ViTMatte", "matte", _HUB + "hustvl/vitmatte-small-composition-1k", proven=True),
        contracts.HINTED_MATTE,
        "VitMatteForImageMatting",
        "Trimap",
    ),
    "depth_anything": _Kind(
        Published(
            "Depth Anything",
            "depth",
            _HUB + "depth-anything/Depth-Anything-V2-Small-hf",
            proven=True,
        ),
        contracts.DEPTH,
        "DepthAnythingForDepthEstimation",
        "Depth",
    ),
    "dpt": _Kind(
        Published("DPT", "depth", _HUB + "Intel/dpt-large"),
        contracts.DEPTH,
        "DPTForDepthEstimation",
        "Depth",
    ),
    "grounding-dino": _Kind(
        Published(
            "Grounding DINO", "find", _HUB + "IDEA-Research/grounding-dino-tiny", proven=True
        ),
        contracts.FIND,
        "GroundingDinoForObjectDetection",
        "Phrases",
    ),
    "owlvit": _Kind(
        Published("OWL-ViT", "find", _HUB + "google/owlvit-base-patch32"),
        contracts.FIND,
        "OwlViTForObjectDetection",
        "Queried",
    ),
    "owlv2": _Kind(
        Published("OWLv2", "find", _HUB + "google/owlv2-base-patch16-ensemble", proven=True),
        contracts.FIND,
        "Owlv2ForObjectDetection",
        "Queried",
    ),
}

# Of a dozen model types, each its package's own network: what is in a picture, as a whole.
_CLASSIFIER = _Kind(
    Published("Image classifier", "classify", _HUB + "microsoft/resnet-50", proven=True),
    contracts.CLASSIFIER,
    "AutoModelForImageClassification",
    "Classifier",
)
_CLASSIFIER_NAME = "ForImageClassification"


def is_folder(path: Path) -> bool:
    """Whether a folder is one that transformers has written."""
    return (path / CONFIG).is_file()


def knows(folder: Path) -> bool:
    """Whether the network in such a folder is of a kind that is run here.

    Raises
    ------
    ModelError
        Its configuration cannot be read.
    """
    return _kind(_read_json(folder / CONFIG)) is not None


def describe_folder(folder: Path) -> Descriptor:
    """The network in a folder.

    Raises
    ------
    ModelError
        A file is missing or damaged, the network needs code of its own, or none here runs it.
    """
    config = _read_json(folder / CONFIG)
    model_type, kind = config.get("model_type"), _kind(config)
    if kind is None and "auto_map" in config:
        raise ModelError(
            f"{folder} wants code of its own to be run, which could do anything, so it is refused."
        )
    if kind is None:
        known = ", ".join(dict.fromkeys(one.published.title for one in _KINDS.values()))
        raise ModelError(
            f"{folder} holds a network of the kind {str(model_type)[:60]!r}; known here are "
            f"{known}."
        )
    if _may_fetch(config):
        raise ModelError(
            f"{folder} names a part that is no plain layout of the package timm, so it is refused."
        )
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder} lacks its weights, {WEIGHTS}.")
    try:
        seen = _input(kind, config, _picture_config(folder))
        labels = _labels(config) if kind.published.task in ("objects", "classify") else ()
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{folder} says of its pictures what cannot be ({error}).") from error
    return Descriptor(
        task=kind.published.task,
        input=seen,
        output=Output(),
        build=partial(_build, kind, folder, seen),
        published=kind.published,
        entries=kind.entries,
        labels=labels,
    )


def _kind(config: Mapping[str, Any]) -> _Kind | None:
    """What runs the network of a configuration; None: nothing here does."""
    model_type, classes = config.get("model_type"), config.get("architectures")
    if (
        isinstance(classes, list)
        and any(str(name).endswith(_CLASSIFIER_NAME) for name in classes)
        and "auto_map" not in config
    ):
        return _CLASSIFIER
    return _KINDS.get(model_type) if isinstance(model_type, str) else None


def _may_fetch(config: Any) -> bool:
    """Whether a part of timm's is more than a layout's name: an address, a folder or a file."""
    if not isinstance(config, dict):
        return False
    if config.get("model_type") == "timm_wrapper":
        settings = config.get("model_args") or {}
        name = config.get("architecture")
        return not (
            isinstance(name, str)
            and re.fullmatch(r"[\w.]+", name)
            and settings.keys() <= _TIMM_SETTINGS
        )
    return any(_may_fetch(part) for part in config.values())


def _build(kind: _Kind, folder: Path, seen: Input) -> nn.Module:
    from mattelier.networks.transformers import network

    if kind.extra is not None and find_spec(kind.extra[1]) is None:
        extra, package = kind.extra
        raise EngineError(
            f"{kind.published.title} needs the package {package}; "
            f"run `pip install 'mattelier[{extra}]'`."
        )
    return network.build(kind.head, kind.wrapper, folder, seen)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ModelError(f"{path} is too large to be a configuration.")
        values = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}).") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} is no configuration.")
    return values


def _picture_config(folder: Path) -> dict[str, Any]:
    """How pictures are prepared, as the folder says."""
    for name in _PICTURE_CONFIGS:
        if (folder / name).is_file():
            values = _read_json(folder / name)
            inner = values.get("image_processor", values)
            if isinstance(inner, dict) and ("image_mean" in inner or "size" in inner):
                return inner
    raise ModelError(f"{folder} lacks preprocessor_config.json, which says how to show pictures.")


def _input(kind: _Kind, config: dict[str, Any], numbers: dict[str, Any]) -> Input:
    """What the network wants to see."""
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if numbers.get("do_normalize", True):
        mean, std = _triple(numbers["image_mean"]), _triple(numbers["image_std"])
    # Networks are shown 0…1 here: whoever wants other numbers has mean and std moved.
    factor = float(numbers.get("rescale_factor", 1 / 255)) if numbers.get("do_rescale", True) else 1
    scale = 255 * factor
    mean, std = _scaled(mean, scale), _scaled(std, scale)
    divisor = numbers.get("ensure_multiple_of") or numbers.get("size_divisor")
    divisor = int(divisor or numbers.get("size_divisibility") or _MULTIPLE_PX)
    size, multiple = numbers.get("size"), max(divisor, 1)
    measure: Any = "area"
    if numbers.get("do_resize") is False or size is None:
        side: Any = _WHOLE_PICTURE_PX
        how: Any = "fit"
    elif isinstance(size, int):
        side, how = size, "fit" if "max_size" in numbers else "stretch"
        measure = "short"
    elif "shortest_edge" in size:
        side, how, measure = size["shortest_edge"], "fit", "short"
    elif "longest_edge" in size:
        side, how, measure, multiple = size["longest_edge"], "fit", "long", 1
    elif numbers.get("keep_aspect_ratio"):
        side, how, measure = min(size["height"], size["width"]), "fit", "short"
    elif numbers.get("do_pad") and kind.wrapper == "Queried":
        side, how, measure, multiple = size["height"], "fit", "long", 1
    elif size["height"] == size["width"]:
        side, how = size["height"], "stretch"
    else:
        side, how = round((size["height"] * size["width"]) ** 0.5), "fit"
    needs: Any = {"Trimap": "hint"}.get(kind.wrapper, "prompt" if "ask" in kind.entries else "")
    hint = "hint" if needs else None
    follows = "follow" in kind.entries
    return Input(
        int(side), how, multiple, measure, mean, std, hint=hint, needs=needs, follows=follows
    )


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _scaled(values: tuple[float, float, float], scale: float) -> tuple[float, float, float]:
    return values[0] / scale, values[1] / scale, values[2] / scale


def _labels(config: dict[str, Any]) -> tuple[str, ...]:
    """Names of the classes; a number where one has none."""
    names = {int(number): str(name) for number, name in config.get("id2label", {}).items()}
    return tuple(names.get(number, str(number)) for number in range(max(names, default=-1) + 1))


FOLDERS = Architecture(
    id="transformers",
    title="what transformers knows",
    tasks=tuple(dict.fromkeys(kind.published.task for kind in (*_KINDS.values(), _CLASSIFIER))),
    classes=(),
    detect=lambda state: False,  # they come as folders
    describe=lambda state, path: describe_folder(path),
    entries={},
    published=tuple(kind.published for kind in (*_KINDS.values(), _CLASSIFIER)),
    channels_last=False,
)
