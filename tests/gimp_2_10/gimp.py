"""What the plug-in needs of GIMP 2.10's `gimp` module, without GIMP; for Python 2.7 and 3.

Modelled on what traps plug-ins in the real one: pixels that are written become visible by flush()
only, take bytes of exactly the right length, and are no part of undo; an image that is changed
outside an undo group is an error here; a mask that GIMP itself saves is an error, because it gets
a transfer curve; a new channel takes the place of the active layer.
"""

import copy

import png

RGB, GRAY = 0, 1
messages = []
progress = []
alive = set()


def message(text):
    assert type(text) is str
    messages.append(text)


def progress_init(text):
    progress.append(text)


class Drawable(object):
    """Pixels of one byte a sample."""

    def __init__(self, image, width, height, bpp, values=None):
        self.image, self.width, self.height, self.bpp = image, width, height, bpp
        self.values = bytes(values or bytes(bytearray(width * height * bpp)))
        self.offsets = (0, 0)
        self.written = None
        self.shown = True

    def get_pixel_rgn(self, x, y, width, height, dirty=True, shadow=False):
        assert (x, y, width, height) == (0, 0, self.width, self.height)
        assert not shadow
        return Region(self, dirty)

    def flush(self):
        if self.written is not None:
            self.values, self.written, self.shown = self.written, None, False

    def update(self, x, y, width, height):
        assert (x, y, width, height) == (0, 0, self.width, self.height)
        self.shown = True


class Region(object):
    """A whole drawable's pixels, by slices as in the real module."""

    def __init__(self, drawable, dirty):
        self.drawable, self.dirty = drawable, dirty

    def _check(self, key):
        columns, rows = key
        assert (columns.start, columns.stop) == (0, self.drawable.width)
        assert (rows.start, rows.stop) == (0, self.drawable.height)

    def __getitem__(self, key):
        self._check(key)
        return self.drawable.values

    def __setitem__(self, key, values):
        self._check(key)
        assert self.dirty
        if type(values) is not bytes:
            raise TypeError("must be string")
        if len(values) != len(self.drawable.values):
            raise TypeError("string is wrong length")
        self.drawable.written = values


class Channel(Drawable):
    """A mask: of a layer, of the selection, or saved."""


class Layer(Drawable):
    """A layer; `bpp` is 1 or 3, and one more with alpha."""

    is_group = False
    edits_mask = False
    mask = None

    @property
    def has_alpha(self):
        return self.bpp in (2, 4)

    def create_mask(self, mask_type):
        assert mask_type == 0
        white = b"\xff" * (self.width * self.height)
        return Channel(self.image, self.width, self.height, 1, white)

    def add_mask(self, mask):
        self.image.change()
        assert self.mask is None
        self.mask = mask

    def remove_mask(self, mode):
        self.image.change()
        assert mode == 1
        assert self.mask is not None
        self.mask = None

    def set_offsets(self, x, y):
        self.image.change()
        self.offsets = (x, y)


class Image(object):
    """An image with one step of undo; a `scratch` one belongs to the plug-in and needs none."""

    def __init__(self, width, height, base_type, precision=150, scratch=True):
        self.width, self.height = width, height
        self.base_type, self.precision = base_type, precision
        self.layers, self.channels = [], []
        self.selection = Channel(self, width, height, 1)
        self.active_layer = None
        self.profile = b""
        self.scratch = scratch
        self.steps, self.open = [], False
        alive.add(self)

    def change(self):
        assert self.scratch or self.open, "the image is changed outside an undo group"

    def undo_group_start(self):
        assert not self.open
        self.open = True
        self.steps.append(self._state())

    def undo_group_end(self):
        assert self.open
        self.open = False

    def remove_channel(self, channel):
        self.change()
        self.channels.remove(channel)

    def undo(self):
        """Go back one step, as Ctrl+Z does."""
        assert not self.open
        for thing, values in self.steps.pop():
            thing.__dict__.update(values)

    def _state(self):
        undoable = {
            self: ("layers", "channels", "active_layer"),
            self.selection: ("values",),
        }
        undoable.update((layer, ("mask", "offsets")) for layer in self.layers)

        def value(thing, name):
            found = getattr(thing, name)
            return list(found) if type(found) is list else found

        return [
            (thing, {name: value(thing, name) for name in names})
            for thing, names in undoable.items()
        ]


class Pdb(object):
    """The procedures that the plug-in calls; run modes are left out, as the real one allows."""

    def gimp_item_is_layer(self, item):
        return isinstance(item, Layer)

    def gimp_item_is_group(self, item):
        return item.is_group

    def gimp_item_is_layer_mask(self, item):
        return self.gimp_layer_from_mask(item) is not None

    def gimp_layer_from_mask(self, mask):
        found = [y for y in mask.image.layers if y.mask is mask]
        return found[0] if found else None

    def gimp_layer_get_edit_mask(self, layer):
        return layer.edits_mask

    def gimp_selection_is_empty(self, image):
        return not any(bytearray(image.selection.values))

    def gimp_selection_save(self, image):
        image.change()
        channel = Channel(image, image.width, image.height, 1, image.selection.values)
        image.channels.append(channel)
        image.active_layer = None
        return channel

    def gimp_image_select_item(self, image, operation, item):
        image.change()
        assert operation == 2
        image.selection.values = item.values

    def gimp_image_set_active_layer(self, image, layer):
        assert layer in image.layers
        image.active_layer = layer

    def gimp_image_get_precision(self, image):
        return image.precision

    def gimp_image_new_with_precision(self, width, height, base_type, precision):
        return Image(width, height, base_type, precision)

    def gimp_image_get_color_profile(self, image):
        return len(image.profile), tuple(bytearray(image.profile))

    def gimp_image_set_color_profile(self, image, length, profile):
        assert length == len(profile)
        image.profile = bytes(bytearray(profile))

    def gimp_layer_new_from_drawable(self, layer, image):
        new = Layer(image, layer.width, layer.height, layer.bpp, layer.values)
        new.offsets = layer.offsets
        new.mask = copy.copy(layer.mask)
        return new

    def gimp_image_insert_layer(self, image, layer, parent, position):
        image.change()
        assert parent is None
        image.layers.insert(position, layer)

    def gimp_layer_flatten(self, layer):
        """Over a white background, as in a fresh GIMP."""
        layer.image.change()
        assert layer in layer.image.layers
        colours = layer.bpp - 1
        values, flat = bytearray(layer.values), bytearray()
        for start in range(0, len(values), layer.bpp):
            alpha = values[start + colours]
            for value in values[start : start + colours]:
                flat.append((value * alpha + 255 * (255 - alpha) + 127) // 255)
        layer.bpp, layer.values = colours, bytes(flat)

    def file_png_save(self, image, drawable, path, raw_path, *options):
        assert path == raw_path
        assert len(options) == 7
        assert isinstance(drawable, Layer), "a mask would get a transfer curve"
        assert drawable in image.layers
        png.write(path, drawable.width, drawable.height, drawable.bpp, drawable.values)

    def gimp_file_load(self, path, raw_path):
        assert path == raw_path
        width, height, bpp, values = png.read(path)
        image = Image(width, height, GRAY if bpp == 1 else RGB)
        image.layers.append(Layer(image, width, height, bpp, values))
        return image

    def gimp_image_delete(self, image):
        alive.remove(image)

    def gimp_progress_pulse(self):
        progress.append(None)


pdb = Pdb()
