"""Replace Background: the subject, with clean edges, before a colour, a layer or a file."""

from __future__ import annotations

from typing import NamedTuple

from gi.repository import Gimp

from . import backdrop, pixels, results, subject
from .i18n import N_, _
from .jobs import Call, LayerRequest, LayerResult

BACKGROUNDS = (
    ("colour", N_("Colour")),
    ("layer", N_("Layer")),
    ("file", N_("File")),
)


class Context(NamedTuple):
    """How the colours travel, and the background, open until the call ends."""

    encoding: pixels.Encoding
    background: Gimp.Image


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the subject's matte and its colours without the old background's."""
    encoding = pixels.choose_encoding(layer, colours_return=True)
    background = call.exit_stack.enter_context(backdrop.open_background(call, layer))
    pictures = {"picture": pixels.picture(layer, encoding, pixels.whole(layer))}
    if call["match-light"] > 0:
        pictures["background"] = backdrop.picture(background, layer, encoding)
    found = subject.known(call, layer, mask=call["layer-mask"], selection=call["use-selection"])
    pictures.update(found.pictures)
    matte = {**call.request_fields("matte"), "hint": found.hint}
    options = {"matte": matte, "foreground": True, **call.request_fields("cutout")}
    return LayerRequest("cutout", options, pictures, encoding.depth, Context(encoding, background))


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """Two new layers over each hidden one; gives the first subject and the first background."""
    subjects, backgrounds = [], []
    for layer, request, pictures in layer_results:
        encoding, background = request.context
        backgrounds.append(backdrop.add_layer(call.image, background, layer))
        new = results.add_cutout(
            call.image, layer, encoding, pictures["foreground"], pictures["alpha"],
            relit=call["match-light"] > 0, above=backgrounds[-1],
        )  # fmt: skip
        new.set_name(_("Subject"))
        subjects.append(new)
    call.image.set_selected_layers(subjects)
    return [subjects[0], backgrounds[0]]
