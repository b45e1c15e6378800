"""Select Subject: the subject as a selection, at once."""

from __future__ import annotations

from gi.repository import Gimp

from . import pixels, results
from .jobs import Answered, Call, Question


def question(call: Call, layer: Gimp.Layer) -> Question:
    """Ask for the layer's matte, its own alpha included."""
    how = pixels.encoding(layer)
    picture = pixels.picture(layer, how, pixels.whole(layer), alpha=True)
    return Question(
        "matte",
        {"device": call.settings.device},
        {"picture": picture},
        pixels.matte_depth(layer),
    )


def result(call: Call, answers: list[Answered]) -> list:
    """Combine the mattes with the selection."""
    # The selection tools' own mode cannot be read: GIMP 3.0's PDB and libgimp have nothing for
    # it. From the menu it is what AI Settings says; scripts give it.
    operation = call.settings.operation if call.interactive else call["operation"]
    results.select(call.image, [(one.layer, one.pictures["alpha"]) for one in answers], operation)
    return []
