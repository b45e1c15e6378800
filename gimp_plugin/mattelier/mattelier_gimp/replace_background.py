"""Replace Background: the subject, with clean edges, before a colour, a layer, a file or a blur."""

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
    ("blur", N_("What is there, blurred")),
)


class Context(NamedTuple):
    """How the colours travel, and the background, open until the call ends; None is a blur."""

    encoding: pixels.Encoding
    background: Gimp.Image | None


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the subject's matte and its colours without the old background's."""
    encoding = pixels.choose_encoding(layer, colours_return=True)
    background = None
    if call["background"] != "blur":
        background = call.exit_stack.enter_context(backdrop.open_background(call, layer))
    pictures = {"picture": pixels.picture(layer, encoding, pixels.whole(layer))}
    if background is not None and call["match-light"] > 0:
        pictures["background"] = backdrop.picture(background, layer, encoding)
    found = subject.known(call, layer, mask=call["layer-mask"], selection=call["use-selection"])
    pictures.update(found.pictures)
    matte = {**call.request_fields("matte"), "hint": found.hint}
    options = {"matte": matte, "foreground": True}
    if background is not None:  # a blur has the light that the subject has
        options.update(call.request_fields("cutout"))
    return LayerRequest("cutout", options, pictures, encoding.depth, Context(encoding, background))


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """Two new layers over each hidden one; gives the first subject and the first background."""
    subjects, backgrounds = [], []
    for layer, request, pictures in layer_results:
        encoding, background = request.context
        alpha = pictures["alpha"]._replace(strips=list(pictures["alpha"].strips))
        if background is None:
            backgrounds.append(backdrop.add_blur(call.image, layer, alpha, call["blur"]))
        else:
            backgrounds.append(backdrop.add_layer(call.image, background, layer))
        new = results.add_cutout(
            call.image, layer, encoding, pictures["foreground"], alpha,
            relit=background is not None and call["match-light"] > 0, above=backgrounds[-1],
        )  # fmt: skip
        new.set_name(_("Subject"))
        subjects.append(new)
    call.image.set_selected_layers(subjects)
    return [subjects[0], backgrounds[0]]
