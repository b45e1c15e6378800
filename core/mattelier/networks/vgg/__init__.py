"""VGG-19's features, by which a picture is optimised into another's style; see `vgg.network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import (
    Architecture,
    Descriptor,
    Entry,
    Published,
    State,
    with_weights,
)

if TYPE_CHECKING:
    from mattelier.networks.vgg.network import StyleLoss

GRAMS = tuple(f"gram{number}" for number in range(1, 6))
"""Roles of what is compared of the style: of relu1_1, relu2_1 … relu5_1."""

MIN_SIDE_PX = 32
"""Of a picture: the deepest features of a smaller one have no neighbours."""

# Convolutions up to conv5_1: (block, place in it), channels, and number in each published layout.
_CONVOLUTIONS = tuple(
    ((block, place), channels)
    for block, (count, channels) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (1, 512)), 1)
    for place in range(1, count + 1)
)
_TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)  # "features.0.weight" …
_NORMALISED = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42)  # "2.weight" …, after a 1×1


_KINDS = ("weight", "bias")

PUBLISHED = Published(
    "Gatys' optimised style (VGG-19)",
    "style",
    "https://github.com/leongatys/PytorchNeuralStyleTransfer",
    proven=True,
)


def _names(state: State) -> list[str] | None:
    """What the layout calls the convolutions, in their order; None: it is another network's."""
    layouts = (
        [f"features.{number}" for number in _TORCHVISION],
        [f"{number}" for number in _NORMALISED],
        [f"conv{block}_{place}" for (block, place), _ in _CONVOLUTIONS],
    )
    for names in layouts:
        before = 3
        for name, (_, channels) in zip(names, _CONVOLUTIONS, strict=True):
            kernel = state.get(f"{name}.weight")
            if kernel is None or kernel.shape != (channels, before, 3, 3):
                break
            before = channels
        else:
            return names
    return None


def _used(state: State) -> State:
    """Without the classifier that the features were trained for: nine tenths of what is stored."""
    names = _names(state) or []
    if names[:1] == [str(_NORMALISED[0])]:
        names = ["0", *names]
    wanted = [f"{name}.{kind}" for name in names for kind in _KINDS]
    return {name: state[name] for name in wanted}


def _describe(state: State, path: Path) -> Descriptor:
    names = _names(state)
    if names is None:
        raise KeyError("features.0.weight")
    layout = names[0]
    used = _used(state)

    def build() -> StyleLoss:
        from mattelier.networks.vgg.network import StyleLoss

        reflect = layout == str(_NORMALISED[0])
        weights = {
            f"convolutions.{number}.{kind}": used[f"{name}.{kind}"]
            for number, name in enumerate(names)
            for kind in _KINDS
        }
        if reflect:
            weights |= {f"colours.{kind}": used[f"0.{kind}"] for kind in _KINDS}
        else:
            weights.update(_colours(normalised=layout.startswith("conv")))
        network = StyleLoss(normalised=not layout.startswith("features"), reflect=reflect)
        return with_weights(network, weights)

    return Descriptor("style", Input(512, "fit", 1, "long"), Output(), build, published=PUBLISHED)


def _colours(*, normalised: bool) -> State:
    """The 1×1 convolution that makes RGB 0…1 what the weights were trained on."""
    from mattelier.networks.vgg.network import bgr_around_mean, imagenet

    weight, bias = bgr_around_mean() if normalised else imagenet()
    return {"colours.weight": weight, "colours.bias": bias}


ARCHITECTURE = Architecture(
    id="vgg",
    title="VGG-19 for optimised style transfer",
    tasks=("style",),
    classes=("StyleLoss",),
    detect=lambda state: _names(state) is not None,
    describe=_describe,
    entries={
        "targets": Entry(("picture",), ("content", *GRAMS, "activity")),
        "loss": Entry(("picture", "content", *GRAMS, "weights"), ("loss", "gradient")),
    },
    published=(PUBLISHED,),
    channels_last=False,
    used=_used,
)
