"""Select Subject: the subject as a selection, at once."""

from __future__ import annotations

from gi.repository import Gimp

from . import pixels, results
from .jobs import Call, LayerRequest, LayerResult


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the layer's matte, its own alpha included."""
    encoding = pixels.choose_encoding(layer)
    picture = pixels.picture(layer, encoding, pixels.whole(layer), alpha=True)
    return LayerRequest(
        "matte", call.request_fields("matte"), {"picture": picture}, pixels.matte_depth(layer)
    )


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """Combine the mattes with the selection."""
    # The selection tools' own mode cannot be read: GIMP 3.0's PDB and libgimp have nothing for
    # it. From the menu it is what AI Settings says; scripts give it.
    operation = call.settings.operation if call.interactive else call["operation"]
    mattes = [(result.layer, result.pictures["alpha"]) for result in layer_results]
    results.select(call.image, mattes, operation)
    return []
