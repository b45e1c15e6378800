"""Style: a layer painted as another one is, by a model that the user has brought in."""

from __future__ import annotations

from gi.repository import Gimp

from . import engine, picture_filter
from .failure import PluginError
from .i18n import _
from .jobs import Call, LayerRequest


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the layer in the reference's style."""
    check_model(call)
    return picture_filter.build_default_request("style", call, layer)


def has_model() -> bool:
    """Whether a model for style is on this computer."""
    return bool(engine.models("style"))


def check_model(call: Call) -> None:
    """Refuse where no model for style is on this computer.

    Raises
    ------
    PluginError
    """
    if not has_model():
        raise PluginError(
            _("No style network comes with Mattelier; bring one in with “mattelier models import” "
              "(“mattelier style --help” says which).")
        )  # fmt: skip
