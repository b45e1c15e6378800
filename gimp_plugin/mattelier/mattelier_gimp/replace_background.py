"""Replace Background: the subject, with clean edges, before a colour, a layer or a file."""

from __future__ import annotations

from typing import NamedTuple

from gi.repository import Gimp

from . import backdrop, pixels, results
from .i18n import N_, _
from .jobs import Answered, Call, Question

BACKGROUNDS = (
    ("colour", N_("Colour")),
    ("layer", N_("Layer")),
    ("file", N_("File")),
)


class Place(NamedTuple):
    """How the colours travel, and the background, open until the call ends."""

    how: pixels.Encoding
    background: Gimp.Image


def question(call: Call, layer: Gimp.Layer) -> Question:
    """Ask for the subject's matte and its colours without the old background's."""
    how = pixels.encoding(layer, colours_return=True)
    background = call.closing.enter_context(backdrop.opened(call, layer))
    pictures = {"picture": pixels.picture(layer, how, pixels.whole(layer))}
    if call["match-light"] > 0:
        pictures["background"] = backdrop.picture(background, layer, how)
    matte = {
        "model": call["model"] or "default",
        "device": call.settings.device,
        "quality": call["quality"],
    }
    options = {"matte": matte, "foreground": True, "match_light": call["match-light"]}
    return Question("cutout", options, pictures, how.depth, Place(how, background))


def result(call: Call, answers: list[Answered]) -> list:
    """Two new layers over each hidden one; gives the first subject and the first background."""
    subjects, backgrounds = [], []
    for layer, one, pictures in answers:
        backgrounds.append(backdrop.add(call.image, one.place.background, layer))
        subject = results.add_cutout(
            call.image, layer, one.place.how, pictures["foreground"], pictures["alpha"],
            relit=call["match-light"] > 0, above=backgrounds[-1],
        )  # fmt: skip
        subject.set_name(_("Subject"))
        subjects.append(subject)
    call.image.set_selected_layers(subjects)
    return [subjects[0], backgrounds[0]]
