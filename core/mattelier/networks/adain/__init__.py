"""AdaIN: a picture in the style of another; see `adain.network`."""

from __future__ import annotations

from collections.abc import Callable
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
from mattelier.types.errors import ModelError

if TYPE_CHECKING:
    from mattelier.networks.adain.network import AdaIN

MULTIPLE = 8
"""Sides are multiples of this, so that what the decoder gives is as large as the picture."""

MARGIN = 80
"""How many pixels the encoder and the decoder together see to each side: 37 and 38, rounded up."""

ENCODER = "vgg_normalised"
"""The published encoder's file, which lies beside the decoder's, is called so."""

INPUT, OUTPUT = Input(512, "tile", MULTIPLE, margin=MARGIN), Output()

_SUFFIXES = (".safetensors", ".pth", ".pt")
_ENCODER_LAYERS = 31  # of the published file's; the others are not needed

PUBLISHED = Published("AdaIN", "style", "https://github.com/naoto0804/pytorch-AdaIN", proven=True)


def _detect(state: State) -> bool:
    whole = {"encoder.0.weight", "decoder.1.weight"} <= state.keys()
    return whole or _is_decoder(state)


def _is_decoder(state: State) -> bool:
    return "1.weight" in state and state["1.weight"].shape == (256, 512, 3, 3)


def _describe(state: State, path: Path) -> Descriptor:
    def build() -> AdaIN:
        from mattelier.networks.adain.network import AdaIN

        return with_weights(AdaIN(), state)

    return Descriptor("style", INPUT, OUTPUT, build, published=PUBLISHED)


def _complete(state: State, path: Path, read: Callable[[Path], State]) -> State:
    if not _is_decoder(state):
        return state
    beside = (path.with_name(ENCODER + suffix) for suffix in _SUFFIXES)
    encoder = next((file for file in beside if file.is_file()), None)
    if encoder is None:
        raise ModelError(
            f"{path} is half of a style network; put its {ENCODER}.pth into the same folder."
        )
    return join_published(state, path, read(encoder), encoder)


def join_published(decoder: State, path: Path, encoder: State, encoder_path: Path) -> State:
    """The weights of decoder and encoder, published as two files, as one state dict.

    Parameters
    ----------
    decoder : the published decoder, or both in one already
    encoder : the published encoder; its layers beyond relu4_1 are left out
    path, encoder_path : their files, for messages

    Raises
    ------
    ModelError
        A file is of another network.
    """
    if any(name.startswith("encoder.") for name in decoder):
        return decoder
    if not _is_decoder(decoder):
        raise ModelError(f"{path} holds no decoder of AdaIN's published layout.")
    both = {f"decoder.{name}": values for name, values in decoder.items()}
    for name, values in encoder.items():
        number = name.split(".")[0]
        if not number.isdecimal():
            raise ModelError(f"{encoder_path} holds no encoder of AdaIN's published layout.")
        if int(number) < _ENCODER_LAYERS:
            both[f"encoder.{name}"] = values
    return both


ARCHITECTURE = Architecture(
    id="adain",
    title=PUBLISHED.title,
    tasks=("style",),
    classes=("AdaIN",),
    detect=_detect,
    describe=_describe,
    entries={
        "statistics": Entry(("picture",), ("mean", "deviation")),
        "paint": Entry(
            (
                "picture",
                "content_mean",
                "content_deviation",
                "style_mean",
                "style_deviation",
                "strength",
            ),
            ("picture",),
        ),
    },
    published=(PUBLISHED,),
    complete=_complete,
)
