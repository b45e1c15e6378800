"""Sample types, the sRGB curve, and the bounded view of a picture that networks see."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

_FULL_SCALE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}

MAX_SAMPLE = 1e6
"""Of a float picture, either sign. The sun's disc in an HDRI is less; more overflows in filters."""

_INFINITE_SAMPLE = 65504.0  # what ±Inf becomes: the largest half float, as in compositors' nodes
_BAND_ROWS = 256

# Rec. 709 luminance weights (ITU-R BT.709-6, 3.2).
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)

# A scene whose log-average luminance lies between these needs no exposure change. The band is
# two stops to one stop around photographic mid-grey (0.18): ordinary pictures fall inside it.
_DARKEST_MEAN, _BRIGHTEST_MEAN = 0.045, 0.36
# Linear light up to the knee passes unchanged; what lies above is bent to stay below 1.
_KNEE = 0.8

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Of display-encoded RGB: ITU-R BT.601."""


def to_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Samples of any picture type as float32.

    Parameters
    ----------
    samples : array of any shape, uint8, uint16 or float32
        A whole picture or a tile of one. Integers span 0…full scale.

    Returns
    -------
    float32 array of the same shape
        Integers become 0…1; floats are returned as they are (unclipped, not copied).
    """
    if samples.dtype == np.float32:
        return samples
    scale = np.float32(_FULL_SCALE[samples.dtype])
    values: NDArray[np.float32] = np.divide(samples, scale, dtype=np.float32)
    return values


def from_float(values: NDArray[np.float32], dtype: DTypeLike) -> NDArray[Any]:
    """Inverse of `to_float`: exact for every value `to_float` gives.

    Parameters
    ----------
    values : float32 array of any shape
        0…1 for integer types; what lies outside is clipped. Must be finite.
    dtype : uint8, uint16 or float32
        Integers are rounded to nearest; floats pass unclipped.
    """
    dtype = np.dtype(dtype)
    if dtype == np.float32:
        return values.astype(np.float32, copy=False)
    scaled = np.multiply(values, np.float32(_FULL_SCALE[dtype]), dtype=np.float32)
    np.clip(scaled, 0, _FULL_SCALE[dtype], out=scaled)
    return np.rint(scaled, out=scaled).astype(dtype)


def bound_samples(samples: NDArray[np.float32]) -> int:
    """Make float samples finite and at most `MAX_SAMPLE`, in place; returns how many were not.

    NaN becomes 0, ±Inf ±65504. `samples` has its rows first: (H, W) or (H, W, C).
    """
    changed = 0
    for y in range(0, len(samples), _BAND_ROWS):
        band = samples[y : y + _BAND_ROWS]
        good = np.abs(band) <= MAX_SAMPLE  # never true of NaN
        if good.all():
            continue
        changed += good.size - int(np.count_nonzero(good))
        np.nan_to_num(band, copy=False, nan=0.0, posinf=_INFINITE_SAMPLE, neginf=-_INFINITE_SAMPLE)
        np.clip(band, -MAX_SAMPLE, MAX_SAMPLE, out=band)
    return changed


def srgb_to_linear(values: NDArray[Any]) -> NDArray[np.float32]:
    """sRGB-encoded values as linear light (IEC 61966-2-1), float32 of any shape.

    Values above 1 follow the power curve on; below 0 the curve is odd: f(−v) = −f(v).
    """
    magnitude = np.abs(values, dtype=np.float32)
    power = ((magnitude + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    linear = np.where(magnitude <= np.float32(0.04045), magnitude / np.float32(12.92), power)
    signed: NDArray[np.float32] = np.copysign(linear, values, dtype=np.float32)
    return signed


def linear_to_srgb(values: NDArray[Any]) -> NDArray[np.float32]:
    """Linear light as sRGB-encoded values (IEC 61966-2-1), float32 of any shape.

    Values above 1 follow the power curve on; below 0 the curve is odd: f(−v) = −f(v).
    """
    magnitude = np.abs(values, dtype=np.float32)
    power = np.float32(1.055) * magnitude ** np.float32(1 / 2.4) - np.float32(0.055)
    encoded = np.where(magnitude <= np.float32(0.0031308), magnitude * np.float32(12.92), power)
    signed: NDArray[np.float32] = np.copysign(encoded, values, dtype=np.float32)
    return signed


def parse_colour(text: str) -> tuple[float, float, float]:
    """A colour as people write it: "#rgb", "#rrggbb", a CSS name, "rgb(…)", "hsl(…)".

    Returns
    -------
    (r, g, b) : floats 0…1, display-encoded sRGB

    Raises
    ------
    UsageError
        When the text is no opaque colour.
    """
    from PIL import ImageColor

    try:
        red, green, blue, *alpha = ImageColor.getrgb(text.strip())
        if alpha:
            raise ValueError
    except ValueError:
        raise UsageError(
            "{text} is not a colour; write a name like red, or #rrggbb, or rgb(255, 0, 0).",
            text=repr(text),
        ) from None
    return red / 255, green / 255, blue / 255


class View:
    """A picture as networks and matting maths see it: display-encoded RGB, float32 0…1.

    A display picture is its own samples scaled to 0…1. A scene-linear one is exposed, bent
    below 1 and sRGB-encoded, so that a plate with a sun of 10 000 and one lit by a candle both
    look like photographs. A linear picture of ordinary exposure looks as if sRGB-encoded
    plainly: exposure stays 1 while the log-average luminance (Reinhard et al. 2002, eq. 1) is
    near mid-grey, and changes continuously outside that, so frames of a shot do not jump.
    The picture itself is never changed.

    Parameters
    ----------
    picture : Picture
    exposure : float, optional
        Gain of a scene-linear picture, instead of what it asks for by itself: one for all the
        frames of a shot keeps their views from flickering.

    Attributes
    ----------
    exposure : float
        The gain that is used; 1 for a display picture.
    """

    def __init__(self, picture: Picture, exposure: float | None = None) -> None:
        self._colour = picture.colour
        self._linear = picture.transfer == "linear"
        if not self._linear:
            exposure = 1.0
        elif exposure is None:
            exposure = _exposure(picture.colour)
        self.exposure = exposure
        self._exposure = np.float32(exposure)

    @property
    def height(self) -> int:
        return int(self._colour.shape[0])

    @property
    def width(self) -> int:
        return int(self._colour.shape[1])

    def part(self, y0: int, y1: int, x0: int, x1: int) -> View:
        """The view of rows y0…y1−1 and columns x0…x1−1 alone, exposed as the whole is."""
        part = copy(self)
        part._colour = self._colour[y0:y1, x0:x1]
        return part

    def resize(self, height: int, width: int) -> NDArray[np.float32]:
        """The whole view at another size: (height, width, 3) float32 0…1.

        Shrinks by area averaging, enlarges linearly; each axis on its own. Native samples are
        shrunk before they become float, so memory stays near that of the result.
        """
        if not self._linear:
            return to_float(_shrink_or_grow(self._colour, height, width))
        small = np.empty((height, width, 3), np.float32)
        for channel in range(3):  # one at a time: the bounded copy is a third as large
            bounded = _compress_positive(self._colour[..., channel] * self._exposure)
            small[..., channel] = _shrink_or_grow(bounded, height, width)
        return linear_to_srgb(small)

    def tile(self, y0: int, y1: int, x0: int, x1: int) -> NDArray[np.float32]:
        """Rows y0…y1−1 and columns x0…x1−1 at full resolution: (y1−y0, x1−x0, 3) float32 0…1."""
        samples = to_float(self._colour[y0:y1, x0:x1])
        if not self._linear:
            return np.clip(samples, 0, 1) if self._colour.dtype == np.float32 else samples
        return linear_to_srgb(_compress_positive(samples * self._exposure))


def _exposure(colour: NDArray[Any]) -> float:
    """Gain that brings the log-average luminance of a linear picture near mid-grey."""
    step = max(1, int((colour.shape[0] * colour.shape[1] / 65536) ** 0.5))
    luminance = to_float(colour[::step, ::step]) @ _LUMINANCE
    positive = luminance[luminance > 1e-6]
    if positive.size == 0:
        return 1.0
    # The middle 90 % only: neither a sun disc nor crushed blacks should set the exposure.
    low, high = np.percentile(positive, (5, 95))
    mean = float(np.exp(np.mean(np.log(np.clip(positive, low, high)))))
    return min(max(mean, _DARKEST_MEAN), _BRIGHTEST_MEAN) / mean


def _compress_positive(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    return compress_highlights(np.maximum(linear, 0, out=linear))


def compress_highlights(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light bent below 1, in place: identity to the knee, then a smooth shoulder."""
    over = linear > _KNEE
    excess = (linear[over] - np.float32(_KNEE)) / np.float32(1 - _KNEE)
    linear[over] = np.float32(_KNEE) + np.float32(1 - _KNEE) * (excess / (1 + excess))
    return linear


def expand_highlights(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inverse of the shoulder that a linear picture's `View` bends: 0…1 → 0…∞, as exposed.

    Takes linear values, `srgb_to_linear` of the view's. Near 1 it magnifies any error without
    limit, so what lies above about 2 is better taken from the picture.
    """
    excess = np.maximum(values - np.float32(_KNEE), 0) / np.float32(1 - _KNEE)
    bent = np.float32(_KNEE) + np.float32(1 - _KNEE) * excess / np.maximum(1 - excess, 1e-6)
    result: NDArray[np.float32] = np.where(values > _KNEE, bent, values)
    return result


def _shrink_or_grow(samples: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    import cv2

    # Exact halving is several times faster than one long area resize; the last step stays a
    # shrink by 1.5 or more, so that the difference is within a few 8-bit levels.
    while (
        samples.shape[0] >= 3 * height
        and samples.shape[1] >= 3 * width
        and samples.shape[0] % 2 == samples.shape[1] % 2 == 0
    ):
        half = (samples.shape[1] // 2, samples.shape[0] // 2)
        samples = cv2.resize(samples, half, interpolation=cv2.INTER_AREA)
    # OpenCV's area mode turns linear, and aliases, when one axis grows: shrink first.
    reduced_size = (min(width, samples.shape[1]), min(height, samples.shape[0]))
    if reduced_size != samples.shape[1::-1]:
        samples = cv2.resize(samples, reduced_size, interpolation=cv2.INTER_AREA)
    if reduced_size != (width, height):
        samples = cv2.resize(to_float(samples), (width, height), interpolation=cv2.INTER_LINEAR)
    return samples
