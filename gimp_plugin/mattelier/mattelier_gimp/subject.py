"""What the image says of the subject: a selection, or the mask that a layer has already."""

from __future__ import annotations

from typing import NamedTuple

from gi.repository import Gimp

from . import pixels
from .arguments import Choice, Flag
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call

START, KEEP, ANEW = "start", "keep", "anew"
USES = (
    (START, N_("Start from it")),
    (KEEP, N_("Use it as it is")),
    (ANEW, N_("Find the subject anew")),
)


class Subject(NamedTuple):
    """What goes to the worker with a layer.

    Attributes
    ----------
    pictures : dict of str to Pixels
    hint : dict
        The request's hint.
    """

    pictures: dict
    hint: dict


def mask_argument(default: str) -> Choice:
    """What becomes of a mask that a layer has; asked only where one has it."""
    return Choice(
        "layer-mask",
        N_("_Layer mask"),
        N_("What the mask that the layer has already is to the result"),
        USES,
        default=default,
        shown=lambda call: any(_has_shape(layer) for layer in call.layers),
    )


def selection_argument() -> Flag:
    """Whether the selection shows the subject."""
    return Flag(
        "use-selection",
        N_("_Use the selection as a hint"),
        N_("A dab on the subject, a box or lasso around it, or its outline: what it is, is seen"),
        default=True,
        shown=lambda call: not Gimp.Selection.is_empty(call.image),
    )


def known(call: Call, layer: Gimp.Layer, *, mask: str, selection: bool) -> Subject:
    """What is known of a layer's subject.

    A mask used as it is comes first, then the selection, then a mask to start from.

    Parameters
    ----------
    mask : "start", "keep" or "anew"
    selection : bool
        Whether the selection counts.

    Raises
    ------
    PluginError
        The selection lies beside the layer.
    """
    has_mask = mask != ANEW and _has_shape(layer)
    if has_mask and mask == KEEP:
        depth = pixels.matte_depth(layer)
        area = pixels.whole(layer)
        return Subject({"mask": pixels.mask(layer.get_mask(), depth, area)}, {"mask_as": "matte"})
    if selection and not Gimp.Selection.is_empty(call.image):
        return Subject({"mask": selection_mask(call.image, layer)}, {"mask_as": "selection"})
    if has_mask:
        own = pixels.mask(layer.get_mask(), "u8", pixels.whole(layer))
        return Subject({"mask": own}, {"mask_as": "rough"})
    return Subject({}, {})


def selection_mask(image: Gimp.Image, layer: Gimp.Layer):
    """The selection over a layer, on its way to the worker.

    Raises
    ------
    PluginError
        It lies beside the layer.
    """
    if not layer.mask_intersect()[0]:
        raise PluginError(
            _("The selection does not touch the layer “{name}”; select its subject or nothing.")
            .format(name=layer.get_name())
        )  # fmt: skip
    _found, x, y = layer.get_offsets()
    area = pixels.whole(layer).moved(x, y)
    return pixels.mask(image.get_selection(), "u8", area)


def _has_shape(layer: Gimp.Layer) -> bool:
    """Whether a layer has a mask that hides something and shows something."""
    mask = layer.get_mask()
    if mask is None:
        return False
    values = set()
    for strip in pixels.read(mask, pixels.single_channel(mask, "u8"), pixels.whole(mask)):
        values |= {strip[:1]} if strip.count(strip[:1]) == len(strip) else {b"\x00", b"\xff"}
        if len(values) > 1:
            return True
    return False
