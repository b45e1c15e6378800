"""Objects: the things in a layer told apart; those that are chosen become what is wanted."""

from __future__ import annotations

import math
from typing import NamedTuple

from gi.repository import Gegl, Gimp

from . import engine, pixels, results
from .arguments import Choice, Flag, Model, ReturnValue
from .entry import Entry
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call, Cancelled, LayerRequest, Progress, check_there, one_undo_step

RESULTS = (
    ("selection", N_("Selection")),
    ("mask", N_("Layer mask")),
    ("layer", N_("New layers with masks")),
    ("channel", N_("Channels")),
)
_WITH_COLOURS = ("layer",)  # the results that clean colours have a say in
_ALONE = ("selection", "channel")  # they stand for the layer's own alpha, a mask works beside it
_MAX_SHOWN_PIXELS = 1_000_000
_PARTS = N_(
    "No model that tells objects apart is on this computer, so these are the separate parts of the "
    "subject; Filters → AI → Models… says more."
)


class Thing(NamedTuple):
    """One object.

    Attributes
    ----------
    name : str
    score : float
        How sure the model is of it, 0…1.
    box : (x, y, width, height)
        In the layer's pixels.
    alpha : Pixels
        Of the layer's size; its strips are a list.
    """

    name: str
    score: float
    box: tuple
    alpha: tuple


def run(call: Call) -> list:
    """Show the window; a script gets all objects.

    Raises
    ------
    PluginError
        It is called on several layers, or there is no object, or none is chosen.
    Cancelled
        The window was closed.
    """
    if len(call.layers) > 1:
        raise PluginError(_("Select one layer to look for objects in."))
    (layer,) = call.layers
    if call.interactive:
        from . import objects_window  # GIMP's interface library is slow to load

        things = objects_window.choose(call, layer)
        if things is None:
            raise Cancelled
        if not things:
            raise PluginError(_("No object was chosen, so nothing was changed."))
    else:
        things = _look(call, layer)
        if not things:
            raise PluginError(_("No object was found, so nothing was changed."))
        if call.run_mode != Gimp.RunMode.NONINTERACTIVE and parts_note():
            Gimp.message(parts_note())
    return _apply(call, layer, things)


def request(call: Call, layer: Gimp.Layer) -> LayerRequest:
    """What asks for the objects of a layer."""
    encoding = pixels.choose_encoding(layer)
    alpha = call["result"] in _ALONE
    picture = pixels.picture(layer, encoding, pixels.whole(layer), alpha=alpha)
    return LayerRequest(
        "objects", call.request_fields("objects"), {"picture": picture}, pixels.matte_depth(layer)
    )


def read_things(report: dict, pictures: dict) -> list[Thing]:
    """The objects of an answer, the surest first."""
    things = []
    for one in report["objects"]:
        number = one["number"]
        name = str(one["label"]).capitalize() or _("Object {number}").format(number=number)
        things.append(Thing(name, one["score"], tuple(one["box"]), pictures[f"object-{number}"]))
    return things


def parts_note() -> str:
    """What to say where no model tells objects apart; "" where one does."""
    return "" if engine.models("objects") else _(_PARTS)


class Reduced(NamedTuple):
    """A picture as it is shown: one byte or RGB a pixel."""

    width: int
    height: int
    strips: list


def shown_scale(layer: Gimp.Layer) -> float:
    """Of what is shown of a layer to its pixels."""
    return min(1.0, math.sqrt(_MAX_SHOWN_PIXELS / (layer.get_width() * layer.get_height())))


def shown_picture(layer: Gimp.Layer) -> Reduced:
    """The layer as it is shown."""
    scale = shown_scale(layer)
    width, height = (max(1, int(side * scale)) for side in (layer.get_width(), layer.get_height()))
    area = pixels.Area(0, 0, width, height)
    name = pixels.own(layer, "R'G'B' u8")
    rgb = layer.get_buffer().get(area.rectangle(), scale, name, Gegl.AbyssPolicy.CLAMP)
    return Reduced(width, height, [rgb])


def shown_matte(alpha, scale: float) -> Reduced:
    """A matte as it is shown: every so many pixels of it."""
    step = max(1, round(1 / scale))
    size = 2 if alpha.depth == "u16" else 1
    row = alpha.width * size
    data = b"".join(alpha.strips)
    # Of two bytes the second is the more significant one.
    rows = [data[y * row + size - 1 : (y + 1) * row : step * size]
            for y in range(0, alpha.height, step)]  # fmt: skip
    return Reduced(len(rows[0]), len(rows), [b"".join(rows)])


def _look(call: Call, layer: Gimp.Layer) -> list[Thing]:
    asked = request(call, layer)
    progress = Progress(_("Looking for objects"), 1)
    with engine.connect(call.settings) as worker:
        answer = worker.run(
            asked.task, asked.options, progress.counted(asked.pictures), depth=asked.depth,
            progress=progress.computing,
        )  # fmt: skip
        return read_things(answer.report, answer.pictures)


def _apply(call: Call, layer: Gimp.Layer, things: list[Thing]) -> list:
    """Put the objects where they are wanted; gives the mask and the new layer, the first each."""
    image, wanted = call.image, call["result"]
    names = {layer: layer.get_name()}
    encoding = pixels.choose_encoding(layer, colours_return=wanted == "layer")
    colours = [None] * len(things)
    if wanted in _WITH_COLOURS and call["decontaminate"]:
        colours = _clean_colours(call, layer, encoding, things)
    check_there(names)
    values = [None, None]
    with one_undo_step(image):
        if wanted == "selection":
            results.select(image, [(layer, one.alpha) for one in things], "replace")
        elif wanted == "channel":
            for one in reversed(things):
                results.add_channel(image, layer, one.alpha, one.name)
        elif wanted == "mask":
            values = [results.set_mask(layer, *(one.alpha for one in things)), None]
        else:
            new_layers = []
            for one, own in zip(things, colours):
                new = results.add_cutout(image, layer, encoding, own, one.alpha)
                new.set_name(f"{names[layer]} – {one.name}")
                new_layers.append(new)
            image.set_selected_layers(new_layers)
            values = [new_layers[0].get_mask(), new_layers[0]]
    if call.interactive:
        Gimp.displays_flush()
    return values


def _clean_colours(call: Call, layer: Gimp.Layer, encoding, things: list[Thing]) -> list:
    """Each object's colours without those of what is around it."""
    progress = Progress(_("Cleaning edge colours"), len(things))
    found = []
    with engine.connect(call.settings) as worker:
        for one in things:
            picture = pixels.picture(layer, encoding, pixels.whole(layer))
            answer = worker.run(
                "cutout",
                {"matte": {"hint": {"mask_as": "matte"}, "device": call.settings.device},
                 "foreground": True},
                progress.counted({"picture": picture, "mask": one.alpha}),
                depth=encoding.depth,
                progress=progress.computing,
            )  # fmt: skip
            progress.finished()
            found.append(answer.pictures["foreground"])
    return found


PROCEDURES = {
    "plug-in-mattelier-objects": Entry(
        N_("_Objects…"),
        N_("Tell the things in a layer apart, and choose among them"),
        N_(
            "Opens a window with the things that were found, each with a thumbnail and an eye; "
            "those with an open eye become a selection, a mask, a layer each or a channel each. A "
            "script gets all of them. A model for it is brought in; without one they are the "
            "subject's separate parts."
        ),
        run,
        (
            Choice(
                "result",
                N_("Resul_t"),
                N_("What becomes of the objects"),
                RESULTS,
                default="selection",
            ),
            Flag(
                "decontaminate",
                N_("Remove back_ground colour from the edge"),
                N_("Clean the colours of hair and soft edges, in new layers"),
                default=True,
                when=("result", _WITH_COLOURS),
            ),
            Model(
                "objects",
                N_("Which model tells objects apart; without one they are the subject's parts"),
                automatic=N_("The first that is here"),
                without=N_("None is here: the subject's parts"),
            ),
        ),
        (
            ReturnValue("layer_mask", "mask", N_("Mask"), N_("The layer's new mask, if any")),
            ReturnValue("layer", "layer", N_("Layer"), N_("The first new layer, if any")),
        ),
        own_window=True,
    ),
}
