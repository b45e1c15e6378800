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
    ("layer", N_("New layers with masks")),
    ("channel", N_("Channels")),
)
WITH_COLOURS = ("layer",)  # the results that clean colours have a say in
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

    def options() -> dict:
        matte = call.request_fields("matte")
        return {
            "matte": {**matte, **{name: matte[name] * scale for name in ("edge_shift", "feather")}},
            "edge_width": call["edge-width"] * scale,
            "foreground": _cleans_colours(call),
        }

    pointed = pointing_window.point(call, shown, lambda: first, found.hint, options)
    if pointed is None:
        raise Cancelled
    questions, states = pointed
    with questions.worker as worker:
        if not states:
            raise PluginError(_("Nothing was pointed at, so nothing was changed."))
        return _apply(call, layer, questions, states, worker)


def _cleans_colours(call: Call) -> bool:
    return call["result"] in WITH_COLOURS and call["decontaminate"]


def _apply(call: Call, layer: Gimp.Layer, questions, states, worker) -> list:
    """All subjects at full size, then the change of the image."""
    names = {layer: layer.get_name()}
    progress = Progress(_("Selecting what was pointed at"), len(states))
    wanted = call["result"]
    encoding = pixels.choose_encoding(layer, colours_return=wanted == "layer")
    depth = encoding.depth if wanted == "layer" else pixels.matte_depth(layer)
    found = []
    for name, state in states:
        if questions.settled.get(state.subject) != state:
            worker.run("point", questions.question(state, "settle"), progress=progress.computing)
        full = state._replace(
            matte=call.request_fields("matte"), edge_width=call["edge-width"],
            foreground=_cleans_colours(call),
        )  # fmt: skip
        # A mask works beside the layer's own alpha; a selection and a channel take its place.
        alone = wanted in ("selection", "channel")
        picture = pixels.picture(layer, encoding, pixels.whole(layer), alpha=alone)
        answer = worker.run(
            "point",
            questions.question(full, "apply"),
            progress.counted({"picture": picture}),
            depth=depth,
            progress=progress.computing,
        )
        progress.finished()
        check_found(answer.report, names[layer])
        found.append((name, answer.pictures["alpha"], answer.pictures.get("foreground")))
    check_there(names)
    with one_undo_step(call.image):
        values = _put(call, layer, encoding, found)
    Gimp.displays_flush()
    return values


def _put(call: Call, layer: Gimp.Layer, encoding, found: list) -> list:
    """Put what was found where it was wanted; gives the mask and the new layer, the first each."""
    mattes = [alpha for _name, alpha, _colours in found]
    if call["result"] == "selection":
        results.select(call.image, [(layer, alpha) for alpha in mattes], "replace")
        return [None, None]
    if call["result"] == "channel":
        for name, alpha, _colours in found:
            results.add_channel(call.image, layer, alpha, name)
        return [None, None]
    if call["result"] == "mask":
        return [results.set_mask(layer, *mattes), None]
    new_layers = []
    for name, alpha, colours in found:
        new = results.add_cutout(call.image, layer, encoding, colours, alpha)
        if len(found) > 1:
            new.set_name(f"{layer.get_name()} – {name}")
        new_layers.append(new)
    call.image.set_selected_layers(new_layers)
    return [new_layers[0].get_mask(), new_layers[0]]


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
