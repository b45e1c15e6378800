"""Select Subject: the subject as a selection, at once."""

from __future__ import annotations

from gi.repository import Gimp

from . import pixels, results, subject
from .jobs import Call, LayerRequest, LayerResult


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the layer's matte, its own alpha included.

    A selection that is to be replaced shows where the subject is; others are combined with it.
    """
    encoding = pixels.choose_encoding(layer)
    picture = pixels.picture(layer, encoding, pixels.whole(layer), alpha=True)
    found = subject.known(
        call, layer, mask=subject.START, selection=_operation(call) == "replace"
    )  # fmt: skip
    matte = {**call.request_fields("matte"), "hint": found.hint}
    pictures = {"picture": picture, **found.pictures}
    return LayerRequest("matte", matte, pictures, pixels.matte_depth(layer))


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """Combine the mattes with the selection."""
    mattes = [(result.layer, result.pictures["alpha"]) for result in layer_results]
    results.select(call.image, mattes, _operation(call))
    return []


def _operation(call: Call) -> str:
    # The selection tools' own mode cannot be read: GIMP 3.0's PDB and libgimp have nothing for
    # it. From the menu it is what AI Settings says; scripts give it.
    return call.settings.operation if call.interactive else call["operation"]
