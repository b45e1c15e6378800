"""Select by Pointing: clicks, boxes and brushes on a layer, and the matte that comes of them."""

from __future__ import annotations

import math

from gi.repository import Gegl, Gimp

from . import pixels, results, subject
from .failure import PluginError
from .i18n import N_, _
from .jobs import (
    Call,
    Cancelled,
    Progress,
    check_found,
    check_there,
    one_undo_step,
)

RESULTS = (
    ("mask", N_("Layer mask")),
    ("selection", N_("Selection")),
    ("layer", N_("New layer with mask")),
)
_MAX_SHOWN_PIXELS = 2_000_000


def run(call: Call) -> list:
    """Show the window; what was pointed at becomes a mask, a selection or a new layer.

    Raises
    ------
    PluginError
        It is called by a script, or on several layers.
    Cancelled
        The window was closed.
    """
    if not call.interactive:
        raise PluginError(
            _("Select by Pointing needs its window; a script can select a dab, a box or a lasso "
              "and call Remove Background.")
        )  # fmt: skip
    if len(call.layers) > 1:
        raise PluginError(_("Select one layer to point at."))
    (layer,) = call.layers
    names = {layer: layer.get_name()}
    from . import pointing_window  # GIMP's interface library is slow to load

    scale = min(1.0, math.sqrt(_MAX_SHOWN_PIXELS / (layer.get_width() * layer.get_height())))
    area = pixels.Area(
        0, 0, max(1, int(layer.get_width() * scale)), max(1, int(layer.get_height() * scale))
    )
    rgb = _scaled(layer, pixels.own(layer, "R'G'B' u8"), area, scale)
    first = {"picture": pixels.pixels_of(area.width, area.height, 3, rgb)}
    found = subject.known(call, layer, mask=subject.START, selection=True)
    if found.pictures:
        first["mask"] = _start(call, layer, found, area, scale)
    shown = pointing_window.Shown((area.width, area.height, rgb))

    def matte() -> dict:
        options = call.request_fields("matte")
        return {**options, **{name: options[name] * scale for name in ("edge_shift", "feather")}}

    pointed = pointing_window.point(call, shown, lambda: first, found.hint, matte)
    if pointed is None:
        raise Cancelled
    questions, state = pointed
    with questions.worker as worker:
        return _apply(call, layer, names, questions, state, worker)


def _apply(call: Call, layer: Gimp.Layer, names: dict, questions, state, worker) -> list:
    progress = Progress(_("Selecting what was pointed at"), 1)
    wanted = call["result"]
    encoding = pixels.choose_encoding(layer, colours_return=wanted == "layer")
    depth = encoding.depth if wanted == "layer" else pixels.matte_depth(layer)
    if questions.settled != state:
        worker.run("point", questions.question(state, "settle"), progress=progress.computing)
    full = state._replace(matte=call.request_fields("matte"))
    # A mask works beside the layer's own alpha; a selection takes its place.
    picture = pixels.picture(layer, encoding, pixels.whole(layer), alpha=wanted == "selection")
    answer = worker.run(
        "point",
        questions.question(full, "apply", foreground=wanted == "layer"),
        progress.counted({"picture": picture}),
        depth=depth,
        progress=progress.computing,
    )
    check_found(answer.report, names[layer])
    check_there(names)
    alpha = answer.pictures["alpha"]
    mask = new = None
    with one_undo_step(call.image):
        if wanted == "selection":
            results.select(call.image, [(layer, alpha)], "replace")
        elif wanted == "layer":
            colours = answer.pictures["foreground"]
            new = results.add_cutout(call.image, layer, encoding, colours, alpha)
            mask = new.get_mask()
            call.image.set_selected_layers([new])
        else:
            mask = results.set_mask(layer, alpha)
    Gimp.displays_flush()
    return [mask, new]


def _scaled(drawable, name: str, area: pixels.Area, scale: float) -> bytes:
    """An area, in pixels of the scaled drawable."""
    buffer = drawable.get_buffer()
    return buffer.get(area.rectangle(), scale, name, Gegl.AbyssPolicy.CLAMP)


def _start(call: Call, layer: Gimp.Layer, found, area: pixels.Area, scale: float):
    """The mask or selection that the matte begins with, as large as what is shown."""
    if found.hint["mask_as"] == "selection":
        drawable = call.image.get_selection()
        _found, x, y = layer.get_offsets()
        area = area.moved(round(x * scale), round(y * scale))
    else:
        drawable = layer.get_mask()
    values = drawable.get_buffer().get(
        area.rectangle(), scale, pixels.single_channel(drawable, "u8"), Gegl.AbyssPolicy.NONE
    )
    return pixels.pixels_of(area.width, area.height, 1, values)
