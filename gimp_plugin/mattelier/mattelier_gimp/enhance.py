"""Enhance: a layer's light and colours, balanced by themselves or after another layer."""

from __future__ import annotations

from gi.repository import Gimp

from . import filters, results
from .jobs import Call, Question


def question(call: Call, layer: Gimp.Layer) -> Question:
    """Ask for the layer as it could have been taken."""
    results.check_touched(call.image, layer)
    options = {
        "white_balance": call["white-balance"],
        "tone": call["tone"],
        "contrast": call["contrast"],
        "saturation": call["saturation"],
        "sharpen": call["sharpen"],
        "match_strength": call["match-strength"],
    }
    more = {}
    if call["match"] is not None:
        more["reference"] = filters.reference(call["match"], layer)
    return filters.asked("enhance", options, layer, **more)
