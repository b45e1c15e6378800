"""Upscale: a layer with more pixels, as a new image or layer, or the whole image."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gi.repository import Gegl, Gimp

from . import pixels, results
from .failure import PluginError
from .i18n import N_, _
from .jobs import Call, LayerRequest, LayerResult

RESULTS = (
    ("image", N_("New image")),
    ("layer", N_("New layer")),
    ("whole", N_("This whole image, all its layers")),
)
TO_WIDTH = "width"
_MAX_NAMES = 100  # tried for a new image
SCALES = (
    ("2", N_("2 times")),
    ("3", N_("3 times")),
    ("4", N_("4 times")),
    ("8", N_("8 times")),
    (TO_WIDTH, N_("To a width")),
)


class Context(NamedTuple):
    """How the colours travel, and where the larger layer lies in the image it comes into."""

    encoding: pixels.Encoding
    area: pixels.Area


def layers(call: Call) -> list:
    """The chosen layers; for the whole image all of pixels: GIMP scales texts and the like."""
    if call["result"] != "whole":
        return call.layers
    return [layer for layer in _all(call.image.get_layers()) if type(layer) is Gimp.Layer]


def changes_image(call: Call) -> bool:
    """Whether the result is in the image itself."""
    return call["result"] != "image"


def build_request(call: Call, layer: Gimp.Layer) -> LayerRequest | None:
    """Request the layer, larger; None for one that is too small to grow with its image."""
    encoding = pixels.choose_encoding(layer, colours_return=True)
    area = _enlarged(call, layer)
    if (area.width, area.height) == (layer.get_width(), layer.get_height()):
        return None
    options = {
        "size": {"width": area.width, "height": area.height},
        **call.request_fields("upscale"),
    }
    picture = pixels.picture(layer, encoding, pixels.whole(layer), alpha=True)
    context = Context(encoding, area)
    return LayerRequest("upscale", options, {"picture": picture}, encoding.depth, context)


def apply_results(call: Call, layer_results: list[LayerResult]) -> list:
    """Put the pictures where they belong; gives the new image, and the first new layer."""
    for layer, request, pictures in layer_results:
        pixels.check_shape(pictures["picture"], request.context.area, 4 if layer.has_alpha() else 3)
    if call["result"] == "image":
        return _as_image(call, layer_results)
    if call["result"] == "layer":
        return [None, _as_layers(call.image, layer_results)]
    _as_whole(call, layer_results)
    return [None, None]


def _enlarged(call: Call, layer: Gimp.Layer) -> pixels.Area:
    """Where the larger layer lies in the image that it comes into."""
    _found, x, y = layer.get_offsets()
    width, height = layer.get_width(), layer.get_height()
    if call["result"] == "whole":
        factor = _factor(call, call.image.get_width())
        # As GIMP scales the layers of an image.
        left, top = _rounded(x * factor), _rounded(y * factor)
        right, bottom = _rounded((x + width) * factor), _rounded((y + height) * factor)
        return pixels.Area(left, top, max(1, right - left), max(1, bottom - top))
    factor = _factor(call, width)
    wide, tall = round(width * factor), max(1, round(height * factor))
    if call["result"] == "image":
        return pixels.Area(round(x * factor), round(y * factor), wide, tall)
    return pixels.Area(x - (wide - width) // 2, y - (tall - height) // 2, wide, tall)


def _factor(call: Call, width: int) -> float:
    if call["scale"] != TO_WIDTH:
        return float(call["scale"])
    if call["width"] <= width:
        raise PluginError(
            _("{wanted} pixels are not wider than the {width} there are; choose a larger width.")
            .format(wanted=call["width"], width=width)
        )  # fmt: skip
    return call["width"] / width


def _as_image(call: Call, layer_results: list[LayerResult]) -> list:
    """A new image, as large as the new layers together."""
    areas = [result.request.context.area for result in layer_results]
    left, top = min(area.x for area in areas), min(area.y for area in areas)
    right = max(area.x + area.width for area in areas)
    bottom = max(area.y + area.height for area in areas)
    old = call.image
    image = Gimp.Image.new_with_precision(
        right - left, bottom - top, old.get_base_type(), old.get_precision()
    )
    image.undo_disable()
    if (profile := old.get_color_profile()) is not None:
        image.set_color_profile(profile)
    image.set_resolution(*old.get_resolution()[1:])
    if (metadata := old.get_metadata()) is not None:
        image.set_metadata(metadata)
    new = None
    for layer, request, pictures in reversed(layer_results):
        encoding, area = request.context
        new = _larger_layer(image, layer, encoding, area.moved(-left, -top), pictures["picture"])
        image.insert_layer(new, None, 0)
        results.copy_effects(layer, new)
        _enlarge_mask(layer, new)
    _name_after(old, image)
    image.undo_enable()
    if call.run_mode != Gimp.RunMode.NONINTERACTIVE:
        Gimp.Display.new(image)
    return [image, new]


def _as_layers(image: Gimp.Image, layer_results: list[LayerResult]) -> Gimp.Layer:
    """Larger layers above the old ones, around the same middle; the old ones are hidden."""
    new_layers = []
    for layer, request, pictures in layer_results:
        new = _larger_layer(image, layer, *request.context, pictures["picture"])
        new.set_name(_("{name} upscaled").format(name=layer.get_name()))
        results.insert_copy(image, layer, new)
        _enlarge_mask(layer, new)
        layer.set_visible(False)
        new_layers.append(new)
    image.set_selected_layers(new_layers)
    _grow_canvas(image, [result.request.context.area for result in layer_results])
    return new_layers[0]


def _grow_canvas(image: Gimp.Image, areas: list[pixels.Area]) -> None:
    """Make room for what reaches beyond the canvas, which would not be seen nor saved."""
    left, top = min(0, *(area.x for area in areas)), min(0, *(area.y for area in areas))
    right = max(image.get_width(), *(area.x + area.width for area in areas))
    bottom = max(image.get_height(), *(area.y + area.height for area in areas))
    if (right - left, bottom - top) != (image.get_width(), image.get_height()):
        image.resize(right - left, bottom - top, -left, -top)


def _name_after(old: Gimp.Image, image: Gimp.Image) -> None:
    """Name a new image after the old one's file; one that no file has yet, so none is in danger."""
    file = old.get_file() or old.get_imported_file()
    folder = file and file.get_parent()
    if not folder:
        return
    stem = os.path.splitext(file.get_basename())[0]
    for number in range(1, _MAX_NAMES):
        suffix = "" if number == 1 else f"-{number}"
        named = folder.get_child(_("{name}-upscaled").format(name=stem) + f"{suffix}.xcf")
        if not named.query_exists(None):
            image.set_file(named)
            return


def _as_whole(call: Call, layer_results: list[LayerResult]) -> None:
    """Scale the image, then give its layers their pictures."""
    image = call.image
    factor = _factor(call, image.get_width())
    # GIMP's own scaling is for what has no picture; it is slow where it is thorough.
    others = _has_others(image, layer_results)
    Gimp.context_set_interpolation(
        Gimp.InterpolationType.CUBIC if others else Gimp.InterpolationType.NONE
    )
    image.scale(
        max(1, _rounded(image.get_width() * factor)), max(1, _rounded(image.get_height() * factor))
    )
    for layer, request, pictures in layer_results:
        encoding, area = request.context
        picture = pictures["picture"]
        # Undo sees this, for it keeps the old buffer of a layer that is scaled.
        name = pixels.own(layer, encoding.babl(picture.channels == 4))
        with results.unlocked(layer):
            pixels.write(layer, name, area._replace(x=0, y=0), picture.strips)
    _tell_of_links(call)


def _tell_of_links(call: Call) -> None:
    """Say that GIMP itself enlarges what it links to."""
    link = getattr(Gimp, "LinkLayer", None)  # new in 3.2
    if call.interactive and link is not None:
        names = [one.get_name() for one in _all(call.image.get_layers()) if isinstance(one, link)]
        if names:
            Gimp.message(
                _("Linked files are not changed, so GIMP itself enlarged what shows them: {names}.")
                .format(names=", ".join(names))
            )  # fmt: skip


def _has_others(image: Gimp.Image, layer_results: list[LayerResult]) -> bool:
    """Whether there is anything to scale but the layers that have a picture."""
    enlarged = [result.layer for result in layer_results]
    return (
        any(layer not in enlarged or layer.get_mask() for layer in _all(image.get_layers()))
        or bool(image.get_channels())
        or not Gimp.Selection.is_empty(image)
    )


def _larger_layer(
    image: Gimp.Image, layer: Gimp.Layer, encoding: pixels.Encoding, area: pixels.Area, picture
) -> Gimp.Layer:
    new = results.new_layer_like(image, layer, layer.type(), area)
    pixels.write_picture(new, encoding, picture)
    return new


def _enlarge_mask(layer: Gimp.Layer, new: Gimp.Layer) -> None:
    """Give a new layer the mask of an old one, if that has one, at its own size."""
    old = layer.get_mask()
    if old is None:
        return
    with _scaled_values(old, new.get_width(), new.get_height()) as values:
        mask = new.create_mask(Gimp.AddMaskType.WHITE)
        extent = pixels.whole(new).rectangle()
        values.copy(extent, Gegl.AbyssPolicy.NONE, mask.get_buffer(), extent)
        mask.get_buffer().flush()
        new.add_mask(mask)
    new.set_apply_mask(layer.get_apply_mask())


@contextmanager
def _scaled_values(mask: Gimp.LayerMask, width: int, height: int) -> Iterator[Gegl.Buffer]:
    """A mask's values at another size, scaled by GIMP in an image of their own."""
    size = mask.get_width(), mask.get_height()
    image = Gimp.Image.new_with_precision(*size, Gimp.ImageBaseType.GRAY, Gimp.Precision.U16_LINEAR)
    try:
        image.undo_disable()
        layer = Gimp.Layer.new(
            image, "", *size, Gimp.ImageType.GRAY_IMAGE, 100.0, Gimp.LayerMode.NORMAL
        )
        extent = pixels.whole(mask).rectangle()
        mask.get_buffer().copy(extent, Gegl.AbyssPolicy.NONE, layer.get_buffer(), extent)
        layer.get_buffer().flush()
        image.insert_layer(layer, None, 0)
        Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)
        image.scale(width, height)
        yield layer.get_buffer()
    finally:
        image.delete()


def _all(items) -> Iterator[Gimp.Layer]:
    for layer in items:
        yield layer
        if layer.is_group():
            yield from _all(layer.get_children())


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)
