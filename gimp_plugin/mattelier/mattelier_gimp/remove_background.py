"""Remove Background: the subject as a layer mask, a new layer, a selection, or cut out."""

from __future__ import annotations

from gi.repository import Gimp

from . import pixels, results, subject
from .i18n import N_
from .jobs import Call, LayerRequest, LayerResult

RESULTS = (
    ("mask", N_("Layer mask")),
    ("layer", N_("New layer with mask")),
    ("selection", N_("Selection")),
    ("cut", N_("Cut out")),
)
WITH_COLOURS = ("layer", "cut")  # the results that decontaminate has a say in


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the layer's matte; a selection or a mask may show where its subject is."""
    found = subject.known(call, layer, mask=call["layer-mask"], selection=call["use-selection"])
    return request_subject(call, layer, found)


def request_subject(call: Call, layer: Gimp.Layer, known: subject.Subject) -> LayerRequest:
    """Request a subject's matte, and clean colours where the result shows them."""
    result = call["result"]
    if result == "cut":
        results.check_cut(layer)
    colours = result in WITH_COLOURS and call["decontaminate"]
    encoding = pixels.choose_encoding(layer, colours_return=result in WITH_COLOURS)
    area = pixels.whole(layer)
    # A mask works beside the layer's own alpha; a selection and a cut take its place.
    with_alpha = result in ("selection", "cut")
    pictures = {"picture": pixels.picture(layer, encoding, area, alpha=with_alpha)}
    pictures.update(known.pictures)
    matte = {**call.request_fields("matte"), "hint": known.hint}
    return LayerRequest(
        task="cutout" if colours else "matte",
        options={"matte": matte, "foreground": True} if colours else matte,
        pictures=pictures,
        depth=encoding.depth if result in WITH_COLOURS else pixels.matte_depth(layer),
        context=encoding,
    )


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """Put the mattes to use; gives the first layer's new mask and the first new layer."""
    image, wanted = call.image, call["result"]
    if wanted == "selection":
        mattes = [(result.layer, result.pictures["alpha"]) for result in layer_results]
        results.select(image, mattes, "replace")
        return [None, None]
    masks, layers = [], []
    for layer, request, pictures in layer_results:
        encoding, alpha, foreground = request.context, pictures["alpha"], pictures.get("foreground")
        if wanted == "mask":
            masks.append(results.set_mask(layer, alpha))
        elif wanted == "layer":
            layers.append(results.add_cutout(image, layer, encoding, foreground, alpha))
            masks.append(layers[-1].get_mask())
        else:
            colours = foreground.strips if foreground else _own_colours(layer, encoding)
            results.cut(image, layer, encoding, colours, alpha)
    if layers:
        image.set_selected_layers(layers)
    return [masks[0] if masks else None, layers[0] if layers else None]


def _own_colours(layer, encoding):
    return pixels.read(layer, pixels.own(layer, encoding.babl(False)), pixels.whole(layer))
