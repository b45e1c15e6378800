"""Style: a layer painted as another one is, by a model that the user has brought in."""

from __future__ import annotations

from gi.repository import Gimp

from . import engine, filters, results
from .failure import PluginError
from .i18n import _
from .jobs import Call, Question


def question(call: Call, layer: Gimp.Layer) -> Question:
    """Ask for the layer in the other's style."""
    check(call)
    results.check_touched(call.image, layer)
    if call["reference"] is None:
        raise PluginError(_("Choose the layer whose style the picture takes on."))
    options = {
        "strength": call["strength"],
        "model": call["model"] or "default",
        "device": call.settings.device,
    }
    return filters.asked(
        "style", options, layer, reference=filters.reference(call["reference"], layer)
    )


def check(call: Call) -> None:
    """Refuse, before the dialog, where no model for style is on this computer.

    Raises
    ------
    PluginError
    """
    if not engine.models("style"):
        raise PluginError(
            _("No style network comes with Mattelier; bring one in with “mattelier models import” "
              "(“mattelier style --help” says which).")
        )  # fmt: skip
