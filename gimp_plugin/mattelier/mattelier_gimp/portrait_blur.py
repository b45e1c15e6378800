"""Portrait Blur: what is behind the subject out of focus, as a wide aperture draws it."""

from __future__ import annotations

from gi.repository import Gimp

from . import picture_filter, pixels, results, subject
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call, LayerRequest

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


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """Request the layer as the lens draws it, by its subject or by a layer of depth."""
    if limited(call):
        results.check_touched(call.image, layer)
    found = subject.known(call, layer, mask=call["layer-mask"], selection=not limited(call))
    pictures = dict(found.pictures)
    if call["depth"] is not None:
        pictures["depth"] = _depth(call["depth"], layer)
    matte = {**call.request_fields("matte"), "hint": found.hint}
    depth = {"device": matte["device"], "matte": matte}
    options = {"depth": depth, **call.request_fields("bokeh")}
    return picture_filter.build_picture_request("bokeh", options, layer, **pictures)


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
