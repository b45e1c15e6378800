"""Select by Text: what words mean as a selection, a mask, a new layer, or cut out."""

from __future__ import annotations

from gi.repository import Gimp

from . import engine, remove_background, subject
from .failure import PluginError
from .i18n import _
from .jobs import Call, LayerRequest

_NONE_HERE = (
    # As the engine says it to scripts.
    "No network that finds things by words is on this computer; bring a folder of Grounding "
    "DINO's or OWLv2's with `mattelier models import FOLDER`."
)


def check_model(call: Call) -> None:
    """Refuse where no model that knows words is on this computer.

    Raises
    ------
    PluginError
    """
    if not engine.models("find"):
        raise PluginError(_(_NONE_HERE))


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the matte of what the words mean.

    Raises
    ------
    PluginError
        There are no words.
    """
    words = (call["text"] or "").strip()
    if not words:
        raise PluginError(_("Say in words what is to be selected, such as “the red car”."))
    hint = {"text": words, "text_model": call["model"] or "auto"}
    return remove_background.request_subject(call, layer, subject.Subject({}, hint))
