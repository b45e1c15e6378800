"""GIMP's pixels as strips of bytes, in the drawable's own colour space, and back.

Facts this rests on (GIMP 3.0.4): a babl format named without a space means sRGB, so wide-gamut
colours would be converted and clipped; masks and selections hold linear "Y" at every precision,
a channel "Y'" in 8-bit images; `Gegl.Buffer.set` is fast with `bytes` only, and with a wrong
length it writes nothing and says so on stderr only.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gi.repository import Babl, Gegl

from .engine import client
from .failure import PluginError
from .i18n import _

STRIP_ROWS = 256
_SENT_AS = {"u8": "u8", "u16": "u16", "u32": "u16", "half": "f32", "float": "f32", "double": "f32"}
_COMPONENT = {"u8": "u8", "u16": "u16", "f32": "float"}
_TYPECODE = {"u8": "B", "u16": "H", "f32": "f"}


class Area(NamedTuple):
    """A rectangle in a drawable's own pixels."""

    x: int
    y: int
    width: int
    height: int

    def strips(self) -> Iterator[Area]:
        """Its rows in pieces of `STRIP_ROWS`."""
        for top in range(self.y, self.y + self.height, STRIP_ROWS):
            rows = min(STRIP_ROWS, self.y + self.height - top)
            yield Area(self.x, top, self.width, rows)

    def moved(self, x: int, y: int) -> Area:
        """The same area seen from an origin at (-x, -y)."""
        return self._replace(x=self.x + x, y=self.y + y)

    def grown(self, by: int) -> Area:
        """The area with a margin."""
        return Area(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def clipped(self, other: Area) -> Area:
        """What both cover; its width or height is 0 when that is nothing."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Area(left, top, max(0, right - left), max(0, bottom - top))

    def rectangle(self) -> Gegl.Rectangle:
        return Gegl.Rectangle.new(*self)


class Encoding(NamedTuple):
    """How a drawable's colours travel.

    Attributes
    ----------
    model : str
        babl's name for colour without alpha: "R'G'B'" or "R~G~B~" (display), "RGB" (linear).
    depth : "u8", "u16" or "f32"
    exact : bool
        Whether colours that go there and back are the same bit for bit.
    """

    model: str
    depth: str
    exact: bool

    @property
    def transfer(self) -> str:
        return "linear" if self.model == "RGB" else "display"

    def babl(self, alpha: bool) -> str:
        """The babl format, with or without alpha."""
        return f"{self.model}{'A' if alpha else ''} {_COMPONENT[self.depth]}"


def whole(drawable) -> Area:
    """All of a drawable."""
    return Area(0, 0, drawable.get_width(), drawable.get_height())


def choose_encoding(drawable, *, colours_return: bool = False) -> Encoding:
    """How to send a layer: linear floats as scene-linear, all else encoded for display.

    Greyscale travels as RGB. Colours that return need as much depth as the layer holds.
    """
    layout, component = Babl.format_get_encoding(drawable.get_format()).split(" ", 1)
    linear = "'" not in layout and "~" not in layout
    if linear and component in ("half", "float", "double"):
        return Encoding("RGB", "f32", False)
    depth = _SENT_AS[component]
    # Linear integers need more steps than they have when they are encoded for display.
    if colours_return and (linear or component == "u32"):
        depth = "f32"
    return Encoding(
        "R~G~B~" if "~" in layout else "R'G'B'", depth, component == "u8" and not linear
    )


def matte_depth(drawable) -> str:
    """The depth of masks and selections worth asking for: "u8" for 8-bit images, else "u16"."""
    component = Babl.format_get_encoding(drawable.get_format()).split(" ", 1)[1]
    return "u8" if component == "u8" else "u16"


def own(drawable, wanted: str) -> str:
    """The babl format `wanted` in the colour space of a drawable."""
    space = Babl.format_get_space(drawable.get_format())
    name = Babl.get_name(Babl.format_with_space(wanted, space))
    return name if Babl.format_exists(name) else wanted


def single_channel(drawable, depth: str) -> str:
    """The babl format that writes a mask's, selection's or channel's values as they are."""
    layout = Babl.format_get_encoding(drawable.get_format()).split(" ", 1)[0]
    return own(drawable, f"{layout} {_COMPONENT[depth]}")


def read(drawable, name: str, area: Area) -> Iterator[bytes]:
    """Strips of an area; what lies outside the drawable is 0."""
    buffer = drawable.get_buffer()
    for strip in area.strips():
        yield buffer.get(strip.rectangle(), 1.0, name, Gegl.AbyssPolicy.NONE)


def write(drawable, name: str, area: Area, strips: Iterable[bytes]) -> None:
    """Set an area from its strips; what lies outside the drawable is dropped.

    GIMP's undo does not see this: it is for drawables that are new.
    """
    buffer = drawable.get_buffer()
    inside = whole(drawable)
    for strip, data in zip(area.strips(), strips):
        visible = strip.clipped(inside)  # GEGL ends the process when told to write beside a buffer
        if visible.width and visible.height:
            buffer.set(visible.rectangle(), name, _part(data, strip, visible))
    buffer.flush()
    drawable.update(*area)


def picture(layer, encoding: Encoding, area: Area, *, alpha: bool = False, space_of=None):
    """A layer's colours on their way to the worker.

    Parameters
    ----------
    alpha : bool
        Whether its alpha goes with them, when it has one.
    space_of : Gimp.Drawable, optional
        Whose colour space they are in; by default the layer's own.
    """
    alpha = alpha and layer.has_alpha()
    strips = read(layer, own(space_of or layer, encoding.babl(alpha)), area)
    channels = 4 if alpha else 3
    return client().Pixels(
        area.width,
        area.height,
        channels,
        encoding.depth,
        strips,
        encoding.transfer,
        layer.is_gray(),
    )


def pixels_of(width: int, height: int, channels: int, values: bytes):
    """Bytes of 8 bits a sample, encoded for display, on their way to the worker."""
    return client().Pixels(width, height, channels, "u8", [values])


def mask(drawable, depth: str, area: Area):
    """A mask or selection on its way to the worker."""
    strips = read(drawable, single_channel(drawable, depth), area)
    return client().Pixels(area.width, area.height, 1, depth, strips)


def brightness(drawable, area: Area):
    """A drawable's grey values, encoded for display, on their way to the worker."""
    depth = _SENT_AS[Babl.format_get_encoding(drawable.get_format()).split(" ", 1)[1]]
    strips = read(drawable, own(drawable, f"Y' {_COMPONENT[depth]}"), area)
    return client().Pixels(area.width, area.height, 1, depth, strips)


def write_picture(layer, encoding: Encoding, picture) -> None:
    """Set all of a new layer from a picture, with its alpha where it has one."""
    name = own(layer, encoding.babl(picture.channels == 4))
    write(layer, name, whole(layer), picture.strips)


def paint(
    source,
    target: Gegl.Buffer,
    layer,
    encoding: Encoding,
    colours,
    *,
    mask=None,
    alpha=None,
    relit=False,
) -> None:
    """Write colours over all of a layer, with a mask beside them or with a new alpha.

    Where the matte is full the new colours are the layer's own, unless they were relit:
    they are put back bit by bit when `encoding` is not exact. Where a mask is 0 the layer's colours
    are put back too, so that painting on the mask brings the picture back.

    Parameters
    ----------
    source, target : Gegl.Buffer
        The layer's pixels as they are, and where the new ones go; may be the same.
    layer : Gimp.Layer
        Gives size, format and space.
    encoding : Encoding
        Of `colours` and `alpha`.
    colours : iterable of bytes
        Strips of RGB.
    mask : Gimp.LayerMask, optional
        The matte, when the layer keeps its own alpha.
    alpha : iterable of bytes, optional
        Strips of the new alpha, when there is no mask; the layer has an alpha channel.
    relit : bool
        Whether the colours are changed where the matte is full.
    """
    none = Gegl.AbyssPolicy.NONE
    native = Babl.get_name(layer.get_format())
    own_alpha = own(layer, f"A {_COMPONENT[encoding.depth]}")
    with_alpha = layer.has_alpha()
    written = own(layer, encoding.babl(with_alpha))
    depth = matte_depth(layer)
    size = 1 if depth == "u8" else 2
    # The matte's values at which the layer's own colours are put back.
    restored = [] if encoding.exact or relit else [b"\xff" * size]
    if mask:
        restored.append(bytes(size))
    matte = mask.get_buffer() if mask else target
    matte_format = single_channel(mask, depth) if mask else own(layer, f"A {depth}")
    alphas = iter(alpha or ())
    for strip, colour in zip(whole(layer).strips(), colours):
        rectangle = strip.rectangle()
        before = source.get(rectangle, 1.0, native, none) if restored else b""
        if with_alpha:
            new = source.get(rectangle, 1.0, own_alpha, none) if mask else next(alphas)
            colour = _interleaved(colour, new, encoding.depth)
        target.set(rectangle, written, colour)
        if restored:
            after = target.get(rectangle, 1.0, native, none)
            opacity = matte.get(rectangle, 1.0, matte_format, none)
            target.set(rectangle, native, _restore_where(restored, opacity, before, after))
    target.flush()


def _part(data: bytes, area: Area, part: Area) -> bytes:
    """The pixels of a part of an area."""
    if part == area:
        return data
    row = len(data) // area.height
    pixel = row // area.width
    first = (part.y - area.y) * row + (part.x - area.x) * pixel
    starts = range(first, first + part.height * row, row)
    return b"".join(data[start : start + part.width * pixel] for start in starts)


def _interleaved(colours: bytes, alpha: bytes, depth: str) -> bytes:
    """RGB and alpha as RGBA."""
    code = _TYPECODE[depth]
    rgb = array(code, colours)
    rgba = array(code, bytes(4 * len(alpha)))
    for channel in range(3):
        rgba[channel::4] = rgb[channel::3]
    rgba[3::4] = array(code, alpha)
    return rgba.tobytes()


def _restore_where(samples: list[bytes], matte: bytes, before: bytes, after: bytes) -> bytes:
    """`after`, with the pixels of `before` where the matte is one of some samples."""
    pixels = len(matte) // len(samples[0])
    size = len(before) // pixels
    restored = bytearray(after)
    for sample in samples:
        flags = -1
        for place, value in enumerate(sample):
            table = bytes(255 if byte == value else 0 for byte in range(256))
            plane = matte[place :: len(sample)].translate(table)
            flags &= int.from_bytes(plane, "little")
        for run in re.finditer(b"\xff+", flags.to_bytes(pixels, "little")):
            start, end = run.start() * size, run.end() * size
            restored[start:end] = before[start:end]
    return bytes(restored)


def check_shape(picture, area: Area, channels: int) -> None:
    """Refuse a picture of another shape than was asked for.

    Raises
    ------
    PluginError
    """
    if (picture.width, picture.height, picture.channels) != (area.width, area.height, channels):
        raise PluginError(
            _("The Mattelier engine answered with a picture of another size; its version and the "
              "plug-in's do not fit: run “mattelier install gimp” again.")
        )  # fmt: skip
