"""EXIF blocks and orientation: pixels are turned upright once, and the block says so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

_ORIENTATION = 0x0112
_PIXEL_OFFSETS = (ExifTags.Base.StripOffsets, ExifTags.Base.TileOffsets)
_FOLDERS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# In a TIFF the same directory also lays out the pixels; only what describes the picture goes on.
_DESCRIPTIVE = (
    *(ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model),
    *(ExifTags.Base.Software, ExifTags.Base.DateTime, ExifTags.Base.Artist),
    *(ExifTags.Base.Copyright, ExifTags.Base.XResolution, ExifTags.Base.YResolution),
    ExifTags.Base.ResolutionUnit,
)


def upright_block(exif: Image.Exif) -> tuple[bytes | None, int]:
    """The block to keep, its orientation reset to 1, and the orientation 1…8 it had.

    Thumbnails are dropped: they would show the old picture. A block too damaged to be
    written again is dropped as a whole; that never costs the picture.
    """
    try:
        found = exif.get(_ORIENTATION, 1)
        orientation = found if found in range(1, 9) else 1
        kept = Image.Exif()
        lays_out_pixels = any(tag in exif for tag in _PIXEL_OFFSETS)
        for tag, value in exif.items():
            if tag in _DESCRIPTIVE or not (lays_out_pixels or tag in _FOLDERS):
                kept[tag] = value
        for folder in _FOLDERS:
            values = dict(exif.get_ifd(folder))
            values.pop(ExifTags.IFD.Interop, None)
            if values:
                kept.get_ifd(folder).update(values)
                kept[folder] = values
        if not set(kept) - {_ORIENTATION}:
            return None, orientation
        kept[_ORIENTATION] = 1
        return kept.tobytes(), orientation
    except Exception:  # Pillow parses EXIF lazily, and raises whatever the damage causes
        return None, 1


def turn_upright(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo an EXIF orientation 1…8 (EXIF 2.32, tag 0x0112) on (H, W) or (H, W, C) samples."""
    if orientation == 1:
        return samples
    import cv2

    upright: NDArray[Any]
    match orientation:
        case 2:
            upright = cv2.flip(samples, 1)
        case 3:
            upright = cv2.rotate(samples, cv2.ROTATE_180)
        case 4:
            upright = cv2.flip(samples, 0)
        case 5:
            upright = cv2.transpose(samples)
        case 6:
            upright = cv2.rotate(samples, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            upright = cv2.rotate(cv2.transpose(samples), cv2.ROTATE_180)
        case _:
            upright = cv2.rotate(samples, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return upright


def as_attributes(block: bytes) -> dict[str, str | int | float]:
    """An EXIF block's plain values under OpenImageIO's names, for TIFF and EXR headers."""
    exif = Image.Exif()
    exif.load(block)
    named = {ExifTags.TAGS.get(tag, ""): value for tag, value in exif.items()}
    for tag, value in exif.get_ifd(ExifTags.IFD.Exif).items():
        name = ExifTags.TAGS.get(tag, "")
        plain = name in ("ExposureTime", "FNumber")
        named[name if plain else f"Exif:{name}"] = value
    return {
        name: kept
        for name, value in named.items()
        if name and not name.endswith("Offset") and (kept := _plain_value(value)) is not None
    }


def _plain_value(value: Any) -> str | int | float | None:
    if isinstance(value, (str, int, float)):
        return value
    try:
        number = float(value)  # Pillow's rationals
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None
