"""16-bit and float files through OpenImageIO: TIFF, deep PNG, OpenEXR."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mattelier.media.exif import turn_upright, upright_block
from mattelier.media.icc_profile import grey16_as_srgb, rgb_profile
from mattelier.media.size_limits import check_size
from mattelier.types.colour import bound_samples
from mattelier.types.errors import PictureError
from mattelier.types.picture import Picture, Window

SAMPLE_TYPE = "mattelier:sample"
"""Key in `Picture.metadata`: type and value; "half" when an EXR's samples were half floats."""

ALPHA = "mattelier:alpha"
"""Header attribute of an EXR: "straight" when its colour is not multiplied by alpha."""

_BAND_ROWS = 256
_SAMPLE_BYTES = {"uint8": 1, "uint16": 2, "float": 4}
# Half a step of 16 bits. Less covers nothing, and colour divided by it would be a spark that
# filters spread: such colour stays as it is, a glow.
_MIN_COVER = 2.0**-17
_OIIO_TYPES = {"float16": "half", "float32": "float"}  # OpenImageIO's names
# Attributes that describe how the old file was laid out, not the picture.
_LAYOUT_ATTRIBUTES = (
    "compression",
    "planarconfig",
    "Orientation",
    "ICCProfile",
    "name",
    "type",
    "version",
)
_LAYOUT_PREFIXES = ("oiio:", "openexr:", "tiff:", "png:", "mattelier:", "Exif:", "XMP:", "xmp:")

Bands = Callable[[int, int], NDArray[Any]]


def read_exr(path: Path) -> Picture:
    """Read an OpenEXR file: scene-linear, straight unless its own header says it already was.

    R, G, B of the flat picture are taken, else its luminance Y, else the first layer with
    colour, else the first channel. Samples that are no light are cleaned with a warning.
    """
    spec, colour, alpha = _load(path, _exr_channels)
    straight = spec.get_string_attribute(ALPHA) == "straight"
    _clean(path, colour, alpha, associated=not straight)
    metadata = _metadata(spec)
    metadata[SAMPLE_TYPE] = ("string", str(spec.format))
    size = (spec.full_width, spec.full_height)
    return Picture(
        colour=_as_rgb(colour),
        alpha=alpha,
        transfer="linear",
        window=Window(spec.x, spec.y, spec.full_x, spec.full_y, *size),
        grey=colour.shape[2] == 1,
        metadata=metadata,
    )


def read_deep(path: Path, exif: Image.Exif, *, managed: bool = True) -> Picture:
    """Read a TIFF or PNG of more than 8 bits; floats are scene-linear, as compositors take them.

    `managed` applies a 16-bit grey profile (to sRGB); a mask is data: False.
    """
    spec, colour, alpha = _load(path, _flat_channels)
    associated = spec.get_int_attribute("oiio:UnassociatedAlpha", 0) == 0 and not _is_png(path)
    _clean(path, colour, alpha, associated=associated)
    icc = spec.getattribute("ICCProfile")
    icc = None if icc is None else np.asarray(icc, np.uint8).tobytes()
    if managed and icc and icc[16:20] == b"GRAY" and colour.dtype == np.uint16:
        colour, icc = grey16_as_srgb(colour, icc)
    block, orientation = upright_block(exif)
    return Picture(
        colour=turn_upright(_as_rgb(colour), orientation),
        alpha=None if alpha is None else turn_upright(alpha, orientation),
        transfer="linear" if colour.dtype == np.float32 else "display",
        icc=rgb_profile(icc),
        exif=block,
        grey=colour.shape[2] == 1,
        metadata={} if _is_png(path) else _metadata(spec),
    )


def was_half(picture: Picture) -> bool:
    """Whether the picture came from an EXR of half floats."""
    return picture.metadata.get(SAMPLE_TYPE) == ("string", "half")


def _load(
    path: Path, choose: Callable[[Any], tuple[list[int], int | None]]
) -> tuple[Any, NDArray[Any], NDArray[Any] | None]:
    """Header, colour (H, W, 1 or 3) and alpha (H, W) as stored."""
    import OpenImageIO

    as_stored = OpenImageIO.ImageSpec()
    as_stored.attribute("oiio:UnassociatedAlpha", 1)
    source = OpenImageIO.ImageInput.open(str(path), as_stored)
    if source is None:
        raise OSError(OpenImageIO.geterror())
    try:
        spec = source.spec()
        if spec.deep:
            raise PictureError(
                f"{path} is a deep EXR, with many samples a pixel; flatten it first."
            )
        channels, alpha_at = choose(spec)
        wanted = [*channels] if alpha_at is None else [*channels, alpha_at]
        first = min(wanted)
        stored = str(spec.format)
        sample_type = stored if stored in ("uint8", "uint16") else "uint16"
        sample_type = "float" if stored in ("half", "float", "double") else sample_type
        # As stored, the channels that are used beside them, and one more of those for what follows.
        count = max(wanted) + 1 - first + 2 * len(wanted)
        check_size(path, spec.width, spec.height, count * _SAMPLE_BYTES[sample_type])
        samples = source.read_image(0, 0, first, max(wanted) + 1, sample_type)
        if samples is None:
            raise OSError(source.geterror())
    finally:
        source.close()
    if samples.ndim == 2:
        samples = samples[..., None]
    alpha = None
    if alpha_at is not None:
        alpha = np.ascontiguousarray(samples[..., alpha_at - first])
    colour = samples
    if wanted != list(range(first, first + len(channels))) or samples.shape[2] != len(channels):
        colour = np.ascontiguousarray(samples[..., [c - first for c in channels]])
    return spec, colour, alpha


def _exr_channels(spec: Any) -> tuple[list[int], int | None]:
    names = list(spec.channelnames)
    layers = ["", *(n.removesuffix("R") for n in names if n.endswith(".R"))]
    colour_names = next(
        ([layer + c for c in "RGB"] for layer in layers if f"{layer}R" in names), None
    )
    if colour_names is None or not set(colour_names) <= set(names):
        colour_names = ["Y"] if "Y" in names else names[:1]
    alpha = colour_names[0].rpartition(".")[0]
    alpha = f"{alpha}.A" if alpha else "A"
    usable = alpha in names and alpha not in colour_names
    return [names.index(c) for c in colour_names], names.index(alpha) if usable else None


def _flat_channels(spec: Any) -> tuple[list[int], int | None]:
    colours = 3 if spec.nchannels >= 3 else 1
    return list(range(colours)), spec.alpha_channel if spec.alpha_channel >= colours else None


def _as_rgb(colour: NDArray[Any]) -> NDArray[Any]:
    return colour if colour.shape[2] == 3 else np.repeat(colour, 3, axis=2)


def _metadata(spec: Any) -> dict[str, Any]:
    return {
        _decode(p.name): (str(p.type), _decode(p.value))
        for p in spec.extra_attribs
        if p.name not in _LAYOUT_ATTRIBUTES and not p.name.startswith(_LAYOUT_PREFIXES)
    }


def _decode(value: Any) -> Any:
    """Text that is not UTF-8 as Latin-1, which older programs write; other values as they are."""
    if isinstance(value, tuple | list):
        return tuple(_decode(item) for item in value)
    if isinstance(value, str) and any("\udc80" <= character <= "\udcff" for character in value):
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def _is_png(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x89PNG"


def _clean(
    path: Path, colour: NDArray[Any], alpha: NDArray[Any] | None, *, associated: bool
) -> None:
    """Straight colour, finite and bounded, in place; alpha 0…1. Warns of what was not so."""
    damaged = 0
    if alpha is not None and alpha.dtype == np.float32:
        damaged = bound_samples(alpha)
        np.clip(alpha, 0, 1, out=alpha)
        if associated:
            alpha[alpha < _MIN_COVER] = 0
    if alpha is not None and associated:
        with np.errstate(over="ignore"):
            unpremultiply(colour, alpha)
    if colour.dtype == np.float32:
        damaged += bound_samples(colour)
    if damaged:
        warnings.warn(
            f"{path} held {damaged} samples that were NaN, infinite or beyond a million; cleaned.",
            stacklevel=2,
        )


def unpremultiply(colour: NDArray[Any], alpha: NDArray[Any]) -> None:
    """Straight colour, in place, where alpha > 0; elsewhere (glows) the samples stay."""
    whole = 1 if colour.dtype == np.float32 else np.iinfo(colour.dtype).max
    for y in range(0, colour.shape[0], _BAND_ROWS):
        band, cover = colour[y : y + _BAND_ROWS], alpha[y : y + _BAND_ROWS, :, None]
        straight = band * (whole / np.where(cover > 0, cover, whole).astype(np.float32))
        band[:] = straight if whole == 1 else np.rint(np.minimum(straight, whole))


def write(
    path: Path,
    shape: tuple[int, int, int],
    sample: str,
    bands: Bands,
    *,
    channels: tuple[str, ...],
    attributes: Mapping[str, Any],
    window: Window | None = None,
    icc: bytes | None = None,
    premultiplied: bool = False,
) -> None:
    """Write a TIFF or EXR, losslessly compressed, band by band.

    Parameters
    ----------
    path : file, its suffix naming the format
    shape : (height, width, channels)
    sample : "uint8", "uint16", "float16" or "float32"
    bands : function (y0, y1) → (y1−y0, width, channels) samples
    channels : their names in the file
    attributes : name → plain value, or (type, value) as `Picture.metadata` keeps them
    window : data and display window of an EXR
    icc : profile
    premultiplied : whether colour in `bands` is multiplied by its alpha, which TIFF's header says

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    import OpenImageIO

    height, width, count = shape
    spec = OpenImageIO.ImageSpec(width, height, count, _OIIO_TYPES.get(sample, sample))
    spec.channelnames = channels
    if "A" in channels:
        spec.alpha_channel = channels.index("A")
        spec.attribute("oiio:UnassociatedAlpha", int(not premultiplied))
    if window is not None:
        spec.x, spec.y = window.x, window.y
        spec.full_x, spec.full_y = window.full_x, window.full_y
        spec.full_width, spec.full_height = window.full_width, window.full_height
    for name, value in attributes.items():
        sample_type, content = value if isinstance(value, tuple) else (None, value)
        try:
            if sample_type is None:
                spec.attribute(name, content)
            else:
                spec.attribute(name, OpenImageIO.TypeDesc(sample_type), content)
        except (TypeError, RuntimeError, UnicodeError):  # the pixels matter more
            warnings.warn(f"The header entry {name!r} could not be kept.", stacklevel=2)
    if icc:
        profile = np.frombuffer(icc, np.uint8)
        spec.attribute("ICCProfile", OpenImageIO.TypeDesc(f"uint8[{len(icc)}]"), profile)
    # LZW costs a quarter of deflate's time here for a sixth more bytes, and every reader of TIFF
    # has it; ZIP is what compositors expect of an EXR.
    spec.attribute("compression", "zip" if path.suffix.lower() == ".exr" else "lzw")

    target = OpenImageIO.ImageOutput.create(str(path))
    if target is None or not target.open(str(path), spec):
        raise OSError(target.geterror() if target else OpenImageIO.geterror())
    try:
        for y in range(0, height, _BAND_ROWS):
            end = min(y + _BAND_ROWS, height)
            if not target.write_scanlines(spec.y + y, spec.y + end, 0, bands(y, end)):
                raise OSError(target.geterror())
    finally:
        closed = target.close()
    if not closed:
        raise OSError(target.geterror())
