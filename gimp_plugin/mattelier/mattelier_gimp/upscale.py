"""Upscale: a layer with more pixels, as a new image or layer, or the whole image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gegl, Gimp

from . import pixels
from .failure import PluginError
from .i18n import N_, _
from .jobs import Answered, Call, Question

RESULTS = (
    ("image", N_("New image")),
    ("layer", N_("New layer")),
    ("whole", N_("This whole image, all its layers")),
)
TO_WIDTH = "width"
SCALES = (
    ("2", N_("2 times")),
    ("3", N_("3 times")),
    ("4", N_("4 times")),
    ("8", N_("8 times")),
    (TO_WIDTH, N_("To a width")),
)


def layers(call: Call) -> list:
    """The chosen layers; for the whole image all that hold pixels."""
    if call["result"] != "whole":
        return call.layers
    return list(_of_pixels(call.image.get_layers()))


def changes_image(call: Call) -> bool:
    """Whether the result is in the image itself."""
    return call["result"] != "image"


def question(call: Call, layer: Gimp.Layer) -> Question | None:
    """Ask for the layer, larger; None for one that is too small to grow with its image."""
    how = pixels.encoding(layer, colours_return=True)
    area = _enlarged(call, layer)
    if (area.width, area.height) == (layer.get_width(), layer.get_height()):
        return None
    options = {
        "size": {"width": area.width, "height": area.height},
        "model": call["model"] or "default",
        "denoise": call["denoise"] or None,
        "device": call.settings.device,
    }
    picture = pixels.picture(layer, how, pixels.whole(layer), alpha=True)
    return Question("upscale", options, {"picture": picture}, how.depth, (how, area))


def result(call: Call, answers: list[Answered]) -> list:
    """Put the answers where they belong; gives the new image, and the first new layer."""
    for layer, one, pictures in answers:
        pixels.fits(pictures["picture"], one.place[1], 4 if layer.has_alpha() else 3)
    if call["result"] == "image":
        return _as_image(call, answers)
    if call["result"] == "layer":
        return [None, _as_layers(call.image, answers)]
    _as_whole(call, answers)
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


def _as_image(call: Call, answers: list[Answered]) -> list:
    """A new image, as large as the new layers together."""
    areas = [one.place[1] for _layer, one, _pictures in answers]
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
    for layer, one, pictures in reversed(answers):
        how, area = one.place
        new = _new_layer(image, layer, how, area.moved(-left, -top), pictures["picture"])
        image.insert_layer(new, None, 0)
        _enlarge_mask(layer, new)
    image.undo_enable()
    if call.run_mode != Gimp.RunMode.NONINTERACTIVE:
        Gimp.Display.new(image)
    return [image, new]


def _as_layers(image: Gimp.Image, answers: list[Answered]) -> Gimp.Layer:
    """Larger layers above the old ones, around the same middle; the old ones are hidden."""
    made = []
    for layer, one, pictures in answers:
        new = _new_layer(image, layer, *one.place, pictures["picture"])
        new.set_name(_("{name} upscaled").format(name=layer.get_name()))
        image.insert_layer(new, layer.get_parent(), image.get_item_position(layer))
        _enlarge_mask(layer, new)
        layer.set_visible(False)
        made.append(new)
    image.set_selected_layers(made)
    return made[0]


def _as_whole(call: Call, answers: list[Answered]) -> None:
    """Scale the image, then give its layers the pixels of the answers."""
    image = call.image
    factor = _factor(call, image.get_width())
    # GIMP's own scaling is for what has no answer; it is slow where it is thorough.
    Gimp.context_set_interpolation(
        Gimp.InterpolationType.CUBIC if _has_more(image, answers) else Gimp.InterpolationType.NONE
    )
    image.scale(
        max(1, _rounded(image.get_width() * factor)), max(1, _rounded(image.get_height() * factor))
    )
    for layer, one, pictures in answers:
        how, area = one.place
        answer = pictures["picture"]
        # Undo sees this, for it keeps the old buffer of a layer that is scaled.
        name = pixels.own(layer, how.babl(answer.channels == 4))
        pixels.write(layer, name, area._replace(x=0, y=0), answer.strips)


def _has_more(image: Gimp.Image, answers: list[Answered]) -> bool:
    """Whether there is anything to scale but the layers that were asked about."""
    asked = [layer for layer, _question, _pictures in answers]
    return (
        any(layer not in asked or layer.get_mask() for layer in _all(image.get_layers()))
        or bool(image.get_channels())
        or not Gimp.Selection.is_empty(image)
    )


def _new_layer(image: Gimp.Image, layer: Gimp.Layer, how, area, picture) -> Gimp.Layer:
    new = Gimp.Layer.new(
        image, layer.get_name(), area.width, area.height,
        layer.type(), layer.get_opacity(), layer.get_mode(),
    )  # fmt: skip
    new.set_offsets(area.x, area.y)
    pixels.write_picture(new, how, picture)
    return new


def _enlarge_mask(layer: Gimp.Layer, new: Gimp.Layer) -> None:
    """Give a new layer the mask of an old one, if that has one, at its own size."""
    old = layer.get_mask()
    if old is None:
        return
    with _scaled_values(old, new.get_width(), new.get_height()) as values:
        mask = new.create_mask(Gimp.AddMaskType.WHITE)
        everything = pixels.whole(new).rectangle()
        values.copy(everything, Gegl.AbyssPolicy.NONE, mask.get_buffer(), everything)
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
        everything = pixels.whole(mask).rectangle()
        mask.get_buffer().copy(everything, Gegl.AbyssPolicy.NONE, layer.get_buffer(), everything)
        layer.get_buffer().flush()
        image.insert_layer(layer, None, 0)
        Gimp.context_set_interpolation(Gimp.InterpolationType.CUBIC)
        image.scale(width, height)
        yield layer.get_buffer()
    finally:
        image.delete()


def _of_pixels(items) -> Iterator[Gimp.Layer]:
    """Plain layers, also in groups; GIMP scales texts and the like by itself."""
    return (layer for layer in _all(items) if type(layer) is Gimp.Layer)


def _all(items) -> Iterator[Gimp.Layer]:
    for layer in items:
        yield layer
        if layer.is_group():
            yield from _all(layer.get_children())


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)
