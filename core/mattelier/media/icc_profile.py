"""ICC profiles that must not outlive a change of colour model: grey and CMYK become sRGB."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mattelier.types.colour import linear_to_srgb


def rgb_profile(icc: bytes | None) -> bytes | None:
    """The profile if it speaks of RGB (ICC.1:2022, 7.2.8: bytes 16–19), else None."""
    return icc if icc and icc[16:20] == b"RGB " else None


def image_as_srgb(image: Image.Image, icc: bytes) -> tuple[Image.Image, bytes | None]:
    """An L, LA or CMYK image through its profile to sRGB, with the profile that then fits.

    A profile that is damaged, or made for other pixels, is left out with a warning.
    """
    from PIL import ImageCms

    alpha = image.getchannel("A") if image.mode == "LA" else None
    try:
        converted = ImageCms.profileToProfile(
            image.convert("L") if alpha else image,
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        warnings.warn(f"The profile does not fit its {image.mode} pixels; left out.", stacklevel=2)
        return image, None
    assert converted is not None
    if alpha:
        converted.putalpha(alpha)
    return converted, _srgb_profile()


def grey16_as_srgb(grey: NDArray[np.uint16], icc: bytes) -> tuple[NDArray[np.uint16], bytes | None]:
    """16-bit grey samples (any shape) through their profile's curve to sRGB, with its profile.

    LittleCMS as Pillow binds it stops at 8 bits, so the curve (tag kTRC, type curv:
    ICC.1:2022, 10.6) is read here. Samples under any other profile stay, with a warning.
    """
    linear = _grey_curve(icc)
    if linear is None:
        warnings.warn("The grey profile has no simple curve; left out.", stacklevel=2)
        return grey, None
    table = np.rint(linear_to_srgb(linear) * 65535).astype(np.uint16)
    return table[grey], _srgb_profile()


def _srgb_profile() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _grey_curve(icc: bytes) -> NDArray[np.float64] | None:
    """Linear light of each 16-bit sample."""
    levels = np.linspace(0, 1, 65536)
    (tags,) = struct.unpack_from(">I", icc, 128)
    for tag in range(min(tags, 100)):
        name, offset, _ = struct.unpack_from(">4sII", icc, 132 + 12 * tag)
        if name != b"kTRC" or icc[offset : offset + 4] != b"curv":
            continue
        (count,) = struct.unpack_from(">I", icc, offset + 8)
        if count == 0:
            return levels
        points: NDArray[Any] = np.frombuffer(icc, ">u2", count, offset + 12)
        if count == 1:  # a gamma, unsigned 8.8 fixed point
            return levels ** (float(points[0]) / 256)
        return np.interp(levels, np.linspace(0, 1, count), points / 65535)
    return None
