"""Portrait Blur: what is behind the subject out of focus, as a wide aperture draws it."""

from __future__ import annotations

from gi.repository import Gimp

from . import filters, pixels, results
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call, Question
from .remove_background import selected

BLADES = (
    ("0", N_("Round")),
    ("5", N_("5 blades")),
    ("6", N_("6 blades")),
    ("7", N_("7 blades")),
    ("8", N_("8 blades")),
    ("9", N_("9 blades")),
)


def limited(call: Call) -> bool:
    """Whether the selection limits the blur: not when it shows the subject."""
    return not call["use-selection"]


def question(call: Call, layer: Gimp.Layer) -> Question:
    """Ask for the layer as the lens draws it, by its subject or by a layer of depth."""
    more = {}
    if limited(call):
        results.check_touched(call.image, layer)
    else:
        more.update(selected(call.image, layer))
    if call["depth"] is not None:
        more["depth"] = _depth(call["depth"], layer)
    device = call.settings.device
    matte = {"model": call["model"] or "default", "device": device}
    options = {
        "depth": {"device": device, "matte": matte},
        "radius": call["radius"] or None,
        "blades": int(call["blades"]),
        "highlights": call["highlights"],
        "foreground_blur": call["foreground-blur"],
    }
    return filters.asked("bokeh", options, layer, **more)


def _depth(depth, layer: Gimp.Layer):
    """The part of a layer of depth that lies on the layer, wherever its own edges are.

    Raises
    ------
    PluginError
        Nothing of it does, or it is the layer itself.
    """
    if depth == layer:
        raise PluginError(
            _("“{name}” cannot be its own depth; choose another layer.").format(
                name=layer.get_name()
            )
        )
    _found, x, y = layer.get_offsets()
    _found, depth_x, depth_y = depth.get_offsets()
    area = pixels.whole(layer).moved(x - depth_x, y - depth_y)
    covered = area.clipped(pixels.whole(depth))
    if not (covered.width and covered.height):
        raise PluginError(
            _("The layer of depth “{name}” does not lie on “{layer}”; move it there.").format(
                name=depth.get_name(), layer=layer.get_name()
            )
        )
    return pixels.brightness(depth, area)
