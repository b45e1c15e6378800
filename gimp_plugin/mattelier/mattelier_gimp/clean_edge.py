"""Clean Edge Colours: what a mask leaves, without the background's colour in its soft edge."""

from __future__ import annotations

from gi.repository import Gimp

from . import pixels, results, subject
from .failure import PluginError
from .i18n import _
from .jobs import Call, LayerRequest, LayerResult


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the layer's colours without the background's, by its mask as it is now."""
    encoding = pixels.choose_encoding(layer, colours_return=True)
    found = subject.known(call, layer, mask=subject.KEEP, selection=False)
    if not found.pictures:
        raise PluginError(
            _("The layer “{name}” has no mask that hides something; make one first.").format(
                name=layer.get_name()
            )
        )
    picture = pixels.picture(layer, encoding, pixels.whole(layer))
    matte = {**call.request_fields("matte"), "hint": found.hint}
    options = {"matte": matte, "foreground": True}
    return LayerRequest(
        "cutout", options, {"picture": picture, **found.pictures}, encoding.depth, encoding
    )


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """New layers with the same masks; the old ones are kept and hidden. Gives the first."""
    new_layers = []
    for layer, request, pictures in layer_results:
        new = results.add_cutout(
            call.image, layer, request.context, pictures["foreground"], pictures["alpha"]
        )
        new.set_name(_("{name} clean edge").format(name=layer.get_name()))
        new_layers.append(new)
    call.image.set_selected_layers(new_layers)
    return [new_layers[0]]
