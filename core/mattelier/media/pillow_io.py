"""Everyday 8-bit files through Pillow, and HEIC through pillow-heif."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mattelier.media.exif import turn_upright, upright_block
from mattelier.media.icc_profile import image_as_srgb, rgb_profile
from mattelier.media.size_limits import check_size
from mattelier.types.errors import PictureError
from mattelier.types.picture import Picture

_PLUGINS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "TIFF": "Tiff",
    "WEBP": "WebP",
    "GIF": "Gif",
    "BMP": "Bmp",
}
_PLUGINS["AVIF"] = "Avif"
_BAND_ROWS = 256
_BITS_PER_SAMPLE = 258
# Of a picture as it is decoded, at most (measured): Pillow's own four bytes, those of a mode that
# it is converted from, and ours. Decoders of these hold a canvas or coefficients beside.
_BYTES_PER_PIXEL = 12
_BYTES_OF = {"WEBP": 20, "AVIF": 20, "GIF": 16}
_PROGRESSIVE_BYTES_PER_PIXEL = 18
_HEIF_BYTES_PER_PIXEL = 24

_opening = threading.Lock()


def open_header(path: Path, file_format: str) -> Image.Image:
    """Open a file of a known kind; nothing is decoded yet.

    Pillow's own limit on pixels is a setting of the whole process, lower than ours, and checked
    while the header is read; it is lifted for that moment only. Callers check `size`.
    """
    importlib.import_module(f"PIL.{_PLUGINS[file_format]}ImagePlugin")
    formats = ["JPEG", "MPO"] if file_format == "JPEG" else [file_format]
    with _opening:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(path, formats=formats)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def bytes_per_pixel(image: Image.Image) -> int:
    """What decoding an opened file takes at its peak."""
    if image.info.get("progressive"):
        return _PROGRESSIVE_BYTES_PER_PIXEL
    return _BYTES_OF.get(image.format or "", _BYTES_PER_PIXEL)


def deeper_than_8_bits(image: Image.Image) -> bool:
    """Whether Pillow would round the samples of this PNG or TIFF to 8 bits."""
    if image.format == "TIFF":
        bits: tuple[int, ...] = image.tag_v2.get(_BITS_PER_SAMPLE, (1,))  # type: ignore[attr-defined]
        return max(bits) > 8
    # Raw modes of 16-bit PNGs: I;16B, LA;16B, RGB;16B, RGBA;16B.
    return image.format == "PNG" and "16" in str(image.tile[0][3])  # type: ignore[attr-defined]


def read(image: Image.Image, *, managed: bool = True) -> Picture:
    """Decode an opened 8-bit file.

    Parameters
    ----------
    image : opened by `open_header`
    managed : bool
        Whether a grey or CMYK profile is applied (to sRGB). A mask is data: False.
    """
    image.load()
    grey = image.mode in ("1", "L", "LA") or (image.mode == "P" and _grey_palette(image))
    icc = image.info.get("icc_profile")
    # After load(): Pillow turns TIFFs upright by itself and drops their tag.
    exif, orientation = upright_block(image.getexif())
    if icc and image.mode in ("L", "LA", "CMYK") and managed:
        image, icc = image_as_srgb(image, icc)
    transparent = image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or image.has_transparency_data
    mode = "RGBA" if transparent else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    colour, alpha = _samples(image)
    return Picture(
        colour=turn_upright(colour, orientation),
        alpha=None if alpha is None else turn_upright(alpha, orientation),
        icc=rgb_profile(icc),
        exif=exif,
        grey=grey,
    )


def read_heif(path: Path) -> Picture:
    """Read a HEIC/HEIF file's main picture; more than 8 bits become 16."""
    try:
        import pillow_heif
    except ImportError:
        raise PictureError(
            f"{path} is a HEIC picture; reading it needs pip install 'mattelier[heif]'."
        ) from None
    container = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    main = container[container.primary_index]
    width, height = main.size
    check_size(path, width, height, _HEIF_BYTES_PER_PIXEL)
    samples = np.asarray(main)
    grey = samples.ndim == 2 or samples.shape[2] <= 2
    if samples.ndim == 2:
        samples = samples[..., None]
    has_alpha = samples.shape[2] in (2, 4)
    colour = samples[..., :-1] if has_alpha else samples
    exif = Image.Exif()
    exif.load(main.info.get("exif") or b"")
    return Picture(  # libheif has applied the container's rotation, which stands above EXIF's
        colour=np.ascontiguousarray(np.broadcast_to(colour, (*colour.shape[:2], 3))),
        alpha=np.ascontiguousarray(samples[..., -1]) if has_alpha else None,
        icc=rgb_profile(main.info.get("icc_profile")),
        exif=upright_block(exif)[0],
        grey=grey,
    )


def _samples(image: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    # In bands: Pillow's export of a whole picture holds it three times, and is slower.
    colour = np.empty((image.height, image.width, 3), np.uint8)
    alpha = np.empty(colour.shape[:2], np.uint8) if image.mode == "RGBA" else None
    for y in range(0, image.height, _BAND_ROWS):
        band = np.asarray(image.crop((0, y, image.width, min(y + _BAND_ROWS, image.height))))
        colour[y : y + _BAND_ROWS] = band[..., :3]
        if alpha is not None:
            alpha[y : y + _BAND_ROWS] = band[..., 3]
    return colour, alpha


def _grey_palette(image: Image.Image) -> bool:
    colours = np.asarray(image.getpalette("RGB")).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())
