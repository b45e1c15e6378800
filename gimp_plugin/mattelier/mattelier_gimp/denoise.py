"""Denoise: a layer without its noise."""

from __future__ import annotations

from gi.repository import Gimp

from . import filters, results
from .i18n import N_
from .jobs import Call, Question

BY_HAND = "manual"
STRENGTHS = (
    ("auto", N_("As the picture shows")),
    (BY_HAND, N_("By hand")),
)


def question(call: Call, layer: Gimp.Layer) -> Question:
    """Ask for the layer without noise."""
    results.check_touched(call.image, layer)
    options = {
        "strength": call["amount"] if call["strength"] == BY_HAND else None,
        "grain": call["grain"],
        "model": call["model"] or "default",
        "device": call.settings.device,
    }
    return filters.asked("denoise", options, layer)
