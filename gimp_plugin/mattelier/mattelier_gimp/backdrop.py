"""What comes behind a subject: a colour, a layer or a file, scaled to cover an area; or a blur.

A layer or file is prepared in an image of its own, apart from the user's, so that nothing of
the user's changes before all is ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gegl, Gimp

from . import pixels, results
from .failure import PluginError
from .i18n import _

DEFAULT_COLOUR = "white"
_INVERTED = bytes(range(255, -1, -1))
_RADIUS_PER_SIGMA = 2.0
_FILL_TIMES, _FILL_SHARE = 2, 0.25


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


def add_blur(image: Gimp.Image, subject: Gimp.Layer, alpha, radius: float) -> Gimp.Layer:
    """Insert what is around a subject, blurred, as a layer above the subject's; it is opaque.

    The subject's own colours do not bleed into it: it is left out, and what is left is weighted
    by how much is there.

    Parameters
    ----------
    alpha : Pixels
        The subject's matte; its strips can be read again.
    radius : float
        Of the blur, in pixels.
    """
    layers = []
    # What no blur of that radius reaches, behind a large subject, is filled by a wider one.
    for wider in (_FILL_TIMES * radius + _FILL_SHARE * max(alpha.width, alpha.height), radius):
        layer = results.plain_copy(image, subject)
        image.insert_layer(
            layer, subject.get_parent(), image.get_item_position((layers or [subject])[-1])
        )
        if layer.get_mask() is not None:
            layer.remove_mask(Gimp.MaskApplyMode.DISCARD)
        for effect in layer.get_filters():
            effect.delete()
        if not layer.has_alpha():
            layer.add_alpha()
        mask = layer.create_mask(Gimp.AddMaskType.WHITE)
        encoding = pixels.single_channel(mask, alpha.depth)
        pixels.write(mask, encoding, pixels.whole(layer), alpha.strips)
        _invert(mask)
        layer.add_mask(mask)
        layer.remove_mask(Gimp.MaskApplyMode.APPLY)
        blur = Gimp.DrawableFilter.new(layer, "gegl:gaussian-blur", "")
        for side in ("std-dev-x", "std-dev-y"):
            blur.get_config().set_property(side, wider / _RADIUS_PER_SIGMA)
        blur.get_config().set_property("abyss-policy", "clamp")
        blur.update()
        layer.merge_filter(blur)
        layers.append(layer)
    wide, near = layers
    _make_opaque(wide)
    near.set_visible(True)
    wide.set_visible(True)
    merged = image.merge_down(near, Gimp.MergeType.CLIP_TO_BOTTOM_LAYER)
    merged.set_name(_("Background"))
    return merged


def _invert(mask: Gimp.LayerMask) -> None:
    """Show what a new mask hides, hide what it shows."""
    name, whole = pixels.single_channel(mask, "u16"), pixels.whole(mask)
    inverted = [strip.translate(_INVERTED) for strip in pixels.read(mask, name, whole)]
    pixels.write(mask, name, whole, inverted)


def _make_opaque(layer: Gimp.Layer) -> None:
    """Full alpha where there is any; the colours stay."""
    name = pixels.own(layer, "R'G'B' float")
    whole = pixels.whole(layer)
    pixels.write(layer, name, whole, list(pixels.read(layer, name, whole)))


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
