"""What comes behind a subject: a colour, a layer or a file, scaled to cover an area.

A layer or file is prepared in an image of its own, apart from the user's, so that nothing of
the user's changes before all is ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gegl, Gimp

from . import pixels
from .failure import PluginError
from .i18n import _

DEFAULT_COLOUR = "white"


def fill_default_colour(call) -> None:
    """Give the colour its default, which GIMP 3.0 does not keep for a procedure's argument."""
    call.config.set_property("colour", _colour(call["colour"]))


@contextmanager
def open_background(call, subject: Gimp.Layer) -> Iterator[Gimp.Image]:
    """The chosen background as an image of its own, covering a subject's layer exactly.

    Raises
    ------
    PluginError
        None was chosen, or the file cannot be read.
    """
    source = call["background"]
    if source == "file":
        image = _file_image(call["file"])
    elif source == "layer":
        image = _layer_image(call["layer"], subject)
    else:
        image = _colour_image(call["colour"], call.image)
    try:
        image.undo_disable()
        if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
            image.convert_rgb()
        _cover(image, subject.get_width(), subject.get_height())
        yield image
    finally:
        image.delete()


def picture(background: Gimp.Image, subject: Gimp.Layer, encoding: pixels.Encoding):
    """A background's colours on their way to the worker, in the subject's colour space."""
    layer = Gimp.Layer.new_from_visible(background, background, "")
    return pixels.picture(layer, encoding, pixels.whole(layer), space_of=subject)


def add_layer(image: Gimp.Image, background: Gimp.Image, subject: Gimp.Layer) -> Gimp.Layer:
    """Insert a background as a layer above a subject's layer, covering it."""
    layer = Gimp.Layer.new_from_visible(background, image, _("Background"))
    image.insert_layer(layer, subject.get_parent(), image.get_item_position(subject))
    _found, x, y = subject.get_offsets()
    layer.set_offsets(x, y)
    return layer


def _cover(image: Gimp.Image, width: int, height: int) -> None:
    scale = max(width / image.get_width(), height / image.get_height())
    wide = max(width, round(image.get_width() * scale))
    tall = max(height, round(image.get_height() * scale))
    image.scale(wide, tall)
    image.crop(width, height, (wide - width) // 2, (tall - height) // 2)


def _file_image(file) -> Gimp.Image:
    if file is None:
        raise PluginError(_("Choose the file of the new background."))
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    if image is None:
        raise PluginError(
            _("GIMP cannot open {path} as the background; choose another picture.").format(
                path=file.get_parse_name()
            )
        )
    return image


def _layer_image(layer, subject: Gimp.Layer) -> Gimp.Image:
    if layer is None:
        raise PluginError(_("Choose the layer of the new background."))
    if layer == subject:
        raise PluginError(
            _("“{name}” cannot be its own background; choose another layer.").format(
                name=layer.get_name()
            )
        )
    source = layer.get_image()
    image = Gimp.Image.new_with_precision(
        layer.get_width(), layer.get_height(), source.get_base_type(), source.get_precision()
    )
    image.set_color_profile(source.get_effective_color_profile())
    copy = Gimp.Layer.new_from_drawable(layer, image)
    image.insert_layer(copy, None, 0)
    copy.set_offsets(0, 0)
    copy.set_visible(True)
    return image


def _colour_image(colour, like: Gimp.Image) -> Gimp.Image:
    image = Gimp.Image.new_with_precision(64, 64, like.get_base_type(), like.get_precision())
    image.set_color_profile(like.get_effective_color_profile())
    image_type = Gimp.ImageType.GRAY_IMAGE
    if like.get_base_type() == Gimp.ImageBaseType.RGB:
        image_type = Gimp.ImageType.RGB_IMAGE
    layer = Gimp.Layer.new(image, "", 64, 64, image_type, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    Gimp.context_push()
    Gimp.context_set_foreground(_colour(colour))
    layer.fill(Gimp.FillType.FOREGROUND)
    Gimp.context_pop()
    return image


def _colour(colour):
    missing = colour is None or colour.get_rgba()[3] == 0  # what a script gets that leaves it out
    return Gegl.Color.new(DEFAULT_COLOUR) if missing else colour
