"""What becomes of a result: a layer mask, a new layer, a selection, or the layer itself.

All of these run inside the undo group that `jobs` opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gi.repository import Gegl, Gimp

from . import pixels
from .failure import PluginError
from .i18n import _

OPERATIONS = {
    "replace": Gimp.ChannelOps.REPLACE,
    "add": Gimp.ChannelOps.ADD,
    "subtract": Gimp.ChannelOps.SUBTRACT,
    "intersect": Gimp.ChannelOps.INTERSECT,
}
_LOCKS = ("content", "alpha", "position", "visibility")


def set_mask(layer: Gimp.Layer, alpha, *others) -> Gimp.LayerMask:
    """Give a layer the matte as its mask, in place of one it has; of several, what all hold."""
    mask, *further = [_new_mask(layer, one) for one in (alpha, *others)]
    for other in further:
        mask.combine_masks(other, Gimp.ChannelOps.ADD, 0, 0)
    if layer.get_mask() is not None:
        layer.remove_mask(Gimp.MaskApplyMode.DISCARD)
    layer.add_mask(mask)
    return mask


def _new_mask(layer: Gimp.Layer, alpha) -> Gimp.LayerMask:
    """A mask that no layer has yet: undo and redo then know one state of it only."""
    area = pixels.whole(layer)
    pixels.check_shape(alpha, area, 1)
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    pixels.write(mask, pixels.single_channel(mask, alpha.depth), area, alpha.strips)
    return mask


def add_cutout(
    image: Gimp.Image, layer: Gimp.Layer, encoding, foreground, alpha, *, relit=False, above=None
) -> Gimp.Layer:
    """A new layer above `layer`: its picture with the matte as mask; `layer` is kept and hidden.

    Parameters
    ----------
    encoding : pixels.Encoding
        Of `foreground`.
    foreground : Pixels or None
        Colours without those of the background; None keeps the layer's own.
    alpha : Pixels
    relit : bool
        Whether the subject's light was changed.
    above : Gimp.Layer, optional
        What the new layer comes above, when not `layer` itself.
    """
    new = plain_copy(image, layer)
    insert_copy(image, layer, new, above=above)
    mask = set_mask(new, alpha)
    if foreground is not None:
        pixels.check_shape(foreground, pixels.whole(layer), 3)
        buffer = new.get_buffer()
        pixels.paint(buffer, buffer, new, encoding, foreground.strips, mask=mask, relit=relit)
        new.update(*pixels.whole(new))
    new.set_name(_("{name} cut-out").format(name=layer.get_name()))
    new.set_visible(True)
    layer.set_visible(False)
    return new


def add_filtered(
    image: Gimp.Image, layer: Gimp.Layer, encoding, picture, name: str, *, limited: bool
) -> Gimp.Layer:
    """A new layer above `layer` with another picture of its size; `layer` is kept.

    Where nothing limits the new layer, `layer` is hidden if it would show through.

    Parameters
    ----------
    encoding : pixels.Encoding
        Of `picture`.
    picture : Pixels
        With alpha when the layer has it.
    name : str
        Of the new layer.
    limited : bool
        Whether the selection, if there is one, becomes its mask.
    """
    new = _with_picture(image, layer, encoding, picture, name)
    if limited and not Gimp.Selection.is_empty(image):
        _limit_to_selection(new)
    elif _shows_through(layer):
        layer.set_visible(False)
    return new


def add_behind(image: Gimp.Image, layer: Gimp.Layer, encoding, picture, name: str) -> Gimp.Layer:
    """A new layer below `layer` with another picture of its size, and without a mask.

    Parameters
    ----------
    encoding : pixels.Encoding
        Of `picture`.
    picture : Pixels
        With alpha when the layer has it.
    name : str
        Of the new layer.
    """
    new = _with_picture(image, layer, encoding, picture, name, place=1)
    if new.get_mask() is not None:
        new.remove_mask(Gimp.MaskApplyMode.DISCARD)
    return new


def _with_picture(
    image: Gimp.Image, layer: Gimp.Layer, encoding, picture, name: str, *, place: int = 0
) -> Gimp.Layer:
    """A visible copy of `layer` with another picture, inserted as `insert_copy` does."""
    pixels.check_shape(picture, pixels.whole(layer), 4 if layer.has_alpha() else 3)
    new = plain_copy(image, layer)
    pixels.write_picture(new, encoding, picture)
    insert_copy(image, layer, new, place=place)
    new.set_name(name)
    new.set_visible(True)
    return new


def insert_copy(
    image: Gimp.Image,
    layer: Gimp.Layer,
    new: Gimp.Layer,
    *,
    above: Gimp.Layer | None = None,
    place: int = 0,
) -> None:
    """Insert a layer that stands for `layer` above it, or above another, with its live effects.

    At `place` 1 it comes below instead.
    """
    image.insert_layer(new, layer.get_parent(), image.get_item_position(above or layer) + place)
    if not new.get_filters():  # a layer's own copy has brought them
        copy_effects(layer, new)


def new_layer_like(
    image: Gimp.Image, layer: Gimp.Layer, image_type: Gimp.ImageType, area: pixels.Area
) -> Gimp.Layer:
    """An empty layer over an area, with the name, opacity and mode of `layer`; not in the image."""
    new = Gimp.Layer.new(
        image, layer.get_name(), area.width, area.height,
        image_type, layer.get_opacity(), layer.get_mode(),
    )  # fmt: skip
    new.set_offsets(area.x, area.y)
    return new


def check_touched(image: Gimp.Image, layer: Gimp.Layer) -> None:
    """Refuse a layer beside the selection that is to limit the result.

    Raises
    ------
    PluginError
    """
    if not layer.mask_intersect()[0]:
        raise PluginError(
            _("The selection does not touch the layer “{name}”; select a part of it or nothing.")
            .format(name=layer.get_name())
        )  # fmt: skip


def cut(image: Gimp.Image, layer: Gimp.Layer, encoding, foreground, alpha) -> None:
    """Replace the layer's own colours and alpha; undo brings them back.

    Parameters
    ----------
    encoding : pixels.Encoding
        Of `foreground`.
    foreground : iterable of bytes
        Strips of RGB.
    alpha : Pixels
        Holds the layer's own alpha already; same depth as `foreground`.
    """
    pixels.check_shape(alpha, pixels.whole(layer), 1)
    if not layer.has_alpha():
        layer.add_alpha()
    with _selection_set_aside(image):  # merge_shadow changes what is selected only
        shadow = layer.get_shadow_buffer()
        pixels.paint(
            layer.get_buffer(), shadow, layer, encoding, foreground, alpha=alpha.strips
        )  # fmt: skip
        if not layer.merge_shadow(True):
            raise PluginError(
                _("GIMP did not let “{name}” be changed.").format(name=layer.get_name())
            )
    layer.update(*pixels.whole(layer))


def check_cut(layer: Gimp.Layer) -> None:
    """Refuse, before any work, a layer whose pixels cannot be replaced.

    Raises
    ------
    PluginError
    """
    name = layer.get_name()
    if layer.is_group():
        raise PluginError(
            _("A layer group such as “{name}” cannot be cut; choose another result.").format(
                name=name
            )
        )
    if type(layer) is not Gimp.Layer:
        raise PluginError(
            _("What “{name}” shows is drawn by GIMP from a text, a file or a path; choose another "
              "result, or make it a plain layer first.").format(name=name)
        )  # fmt: skip
    if layer.get_lock_alpha() or any(item.get_lock_content() for item in _with_parents(layer)):
        raise PluginError(
            _("The layer “{name}” is locked; unlock it or choose another result.").format(name=name)
        )


def select(image: Gimp.Image, mattes, operation: str) -> None:
    """Combine mattes with the selection.

    Parameters
    ----------
    mattes : list of (layer, Pixels)
        Each covers its layer; where several do, the selection is their union.
    operation : "replace", "add", "subtract" or "intersect"
    """
    channels = [add_channel(image, layer, alpha, "Mattelier") for layer, alpha in mattes]
    for other in channels[1:]:
        channels[0].combine_masks(other, Gimp.ChannelOps.ADD, 0, 0)
    image.select_item(OPERATIONS[operation], channels[0])
    for channel in channels:
        image.remove_channel(channel)


def add_channel(image: Gimp.Image, layer: Gimp.Layer, alpha, name: str) -> Gimp.Channel:
    """A layer's matte as a channel of the image."""
    area = pixels.whole(layer)
    pixels.check_shape(alpha, area, 1)
    size = image.get_width(), image.get_height()
    channel = Gimp.Channel.new(image, name, *size, 100.0, Gegl.Color.new("black"))
    channel.set_visible(False)
    image.insert_channel(channel, None, 0)
    _found, x, y = layer.get_offsets()
    encoding = pixels.single_channel(channel, alpha.depth)
    pixels.write(channel, encoding, area.moved(x, y), alpha.strips)
    return channel


def replace_in_mask(layer: Gimp.Layer, area: pixels.Area, alpha) -> Gimp.LayerMask:
    """Give a layer a new mask: the one it has, with the matte in an area of it."""
    pixels.check_shape(alpha, area, 1)
    old = layer.get_mask()
    show, edit, apply = layer.get_show_mask(), layer.get_edit_mask(), layer.get_apply_mask()
    new = layer.create_mask(Gimp.AddMaskType.WHITE)
    extent = pixels.whole(layer).rectangle()
    old.get_buffer().copy(extent, Gegl.AbyssPolicy.NONE, new.get_buffer(), extent)
    pixels.write(new, pixels.single_channel(new, alpha.depth), area, alpha.strips)
    layer.remove_mask(Gimp.MaskApplyMode.DISCARD)
    layer.add_mask(new)
    layer.set_apply_mask(apply)
    layer.set_show_mask(show)
    layer.set_edit_mask(edit)
    return new


def replace_in_selection(image: Gimp.Image, area: pixels.Area, alpha) -> None:
    """Put the matte into an area (of the image's pixels) of the selection."""
    pixels.check_shape(alpha, area, 1)
    channel = Gimp.Selection.save(image)
    pixels.write(channel, pixels.single_channel(channel, alpha.depth), area, alpha.strips)
    image.select_item(Gimp.ChannelOps.REPLACE, channel)
    image.remove_channel(channel)


def _limit_to_selection(layer: Gimp.Layer) -> None:
    limit = layer.create_mask(Gimp.AddMaskType.SELECTION)
    own = layer.get_mask()
    if own is None:
        layer.add_mask(limit)
    else:
        own.combine_masks(limit, Gimp.ChannelOps.INTERSECT, 0, 0)


def _shows_through(layer: Gimp.Layer) -> bool:
    """Whether what lies under an opaque copy of the layer would change what is seen."""
    normal = (Gimp.LayerMode.NORMAL, Gimp.LayerMode.NORMAL_LEGACY)
    solid = layer.get_opacity() == 100 and layer.get_mode() in normal
    return not solid or layer.has_alpha() or layer.get_mask() is not None


def plain_copy(image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """A layer of plain pixels that can be written, with what `layer` shows: look, effects, mask.

    Locks stay with the original: they are there to keep it as it is, and a copy that took them
    over would refuse its own pixels. It is not in the image yet.
    """
    # A group's copy is a group; a text's copy is a text, which its next edit would draw anew.
    if type(layer) is Gimp.Layer:
        new = layer.copy()
        new.set_name(layer.get_name())
        for lock in _LOCKS:
            getattr(new, f"set_lock_{lock}")(False)
        return new
    _found, x, y = layer.get_offsets()
    area = pixels.whole(layer)
    new = new_layer_like(image, layer, layer.type_with_alpha(), area.moved(x, y))
    extent = area.rectangle()
    layer.get_buffer().copy(extent, Gegl.AbyssPolicy.NONE, new.get_buffer(), extent)
    new.get_buffer().flush()
    return new


def copy_effects(layer: Gimp.Layer, new: Gimp.Layer) -> None:
    """Give a layer, which is in its image, the live effects of another, in their order.

    Lengths in pixels stay what they are.
    """
    for effect in reversed(layer.get_filters()):
        copied = Gimp.DrawableFilter.new(new, effect.get_operation_name(), effect.get_name())
        values, given = copied.get_config(), effect.get_config()
        for spec in given.list_properties():
            values.set_property(spec.name, given.get_property(spec.name))
        copied.set_opacity(effect.get_opacity())
        copied.set_blend_mode(effect.get_blend_mode())
        copied.set_visible(effect.get_visible())
        copied.update()
        new.append_filter(copied)


@contextmanager
def unlocked(layer: Gimp.Layer) -> Iterator[None]:
    """Let a layer's pixels be written in the block, its groups' locks included."""
    locked = [item for item in _with_parents(layer) if item.get_lock_content()]
    alpha_locked = layer.get_lock_alpha()
    for item in locked:
        item.set_lock_content(False)
    layer.set_lock_alpha(False)
    try:
        yield
    finally:
        layer.set_lock_alpha(alpha_locked)
        for item in locked:
            item.set_lock_content(True)


def _with_parents(item) -> Iterator:
    while item is not None:
        yield item
        item = item.get_parent()


@contextmanager
def _selection_set_aside(image: Gimp.Image) -> Iterator[None]:
    if Gimp.Selection.is_empty(image):
        yield
        return
    channel = Gimp.Selection.save(image)
    Gimp.Selection.none(image)
    try:
        yield
    finally:
        image.select_item(Gimp.ChannelOps.REPLACE, channel)
        image.remove_channel(channel)
