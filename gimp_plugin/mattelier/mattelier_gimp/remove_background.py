"""Remove Background: the subject as a layer mask, a new layer, a selection, or cut out."""

from __future__ import annotations

from gi.repository import Gimp

from . import pixels, results
from .failure import PluginError
from .i18n import N_, _
from .jobs import Answered, Call, Question

RESULTS = (
    ("mask", N_("Layer mask")),
    ("layer", N_("New layer with mask")),
    ("selection", N_("Selection")),
    ("cut", N_("Cut out")),
)
WITH_COLOURS = ("layer", "cut")  # the results that decontaminate has a say in


def question(call: Call, layer: Gimp.Layer) -> Question:
    """Ask for the layer's matte, and for clean colours where the result shows them."""
    result = call["result"]
    if result == "cut":
        results.check_cut(layer)
    colours = result in WITH_COLOURS and call["decontaminate"]
    how = pixels.encoding(layer, colours_return=result in WITH_COLOURS)
    area = pixels.whole(layer)
    # A mask works beside the layer's own alpha; a selection and a cut take its place.
    with_alpha = result in ("selection", "cut")
    pictures = {"picture": pixels.picture(layer, how, area, alpha=with_alpha)}
    if call["use-selection"]:
        pictures.update(selected(call.image, layer))
    matte = matte_options(call)
    return Question(
        task="cutout" if colours else "matte",
        options={"matte": matte, "foreground": True} if colours else matte,
        pictures=pictures,
        depth=how.depth if result in WITH_COLOURS else pixels.matte_depth(layer),
        place=how,
    )


def matte_options(call: Call) -> dict:
    """The matte's options from the arguments that several procedures share."""
    return {
        "model": call["model"] or "default",
        "device": call.settings.device,
        "quality": call["quality"],
        "edge_shift": call["edge-shift"],
        "feather": call["feather"],
    }


def selected(image: Gimp.Image, layer: Gimp.Layer) -> dict:
    """The selection as the hint for a layer, or nothing when nothing is selected.

    Raises
    ------
    PluginError
        The selection lies beside the layer.
    """
    if Gimp.Selection.is_empty(image):
        return {}
    if not layer.mask_intersect()[0]:
        raise PluginError(
            _("The selection does not touch the layer “{name}”; select its subject or nothing.")
            .format(name=layer.get_name())
        )  # fmt: skip
    _found, x, y = layer.get_offsets()
    area = pixels.whole(layer).moved(x, y)
    return {"mask": pixels.mask(image.get_selection(), "u8", area)}


def result(call: Call, answers: list[Answered]) -> list:
    """Apply the answers; gives the first layer's new mask and the first new layer."""
    image, kind = call.image, call["result"]
    if kind == "selection":
        results.select(image, [(one.layer, one.pictures["alpha"]) for one in answers], "replace")
        return [None, None]
    masks, layers = [], []
    for layer, one, pictures in answers:
        alpha, foreground = pictures["alpha"], pictures.get("foreground")
        if kind == "mask":
            masks.append(results.set_mask(layer, alpha))
        elif kind == "layer":
            layers.append(results.add_cutout(image, layer, one.place, foreground, alpha))
            masks.append(layers[-1].get_mask())
        else:
            colours = foreground.strips if foreground else _own_colours(layer, one.place)
            results.cut(image, layer, one.place, colours, alpha)
    if layers:
        image.set_selected_layers(layers)
    return [masks[0] if masks else None, layers[0] if layers else None]


def _own_colours(layer, how):
    return pixels.read(layer, pixels.own(layer, how.babl(False)), pixels.whole(layer))
