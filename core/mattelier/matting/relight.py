"""The light of a new background on the subject that is put before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types import illuminant
from mattelier.types.colour import from_float, linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.oklab import luminance
from mattelier.types.picture import Picture
from mattelier.types.tiles import Tile, for_tiles

# Share of the light's colour that is the surroundings' own, cast back by them.
_REFLECTED_SHARE = 0.4
_MIN_LIGHT = 1e-3  # linear light below this is no measure of colour
_MAX_GAIN = 3.0  # gain of one channel; beyond it a subject looks painted, not lit
# Of a small pixel, from which on it shows the surroundings and nothing else.
_MIN_OUTSIDE_SHARE = 0.9
_MIN_SURROUNDINGS_SHARE = 0.02  # share of the picture that must show the old surroundings


def match_light(
    foreground: NDArray[Any],
    picture: Picture,
    alpha: NDArray[np.float32],
    background: NDArray[Any] | tuple[float, float, float],
    amount: float,
) -> NDArray[Any]:
    """The subject's colours as if lit by the new surroundings instead of the old.

    How bright the light is, is told by the surroundings' mean luminance. Its colour is the lamp's
    or the sky's, found as for white balance (`illuminant.estimate_illuminant`), mixed with the
    surroundings' mean (grey world; Buchsbaum 1980), which they cast on the subject. Each channel
    is scaled by the ratio of the new light to the old (von Kries), raised to `amount`. Both are
    measured around the subject, never on it, so that a black coat is not taken for darkness.

    Parameters
    ----------
    foreground : (H, W, 3) uint8, uint16 or float32, straight, in the encoding of `picture`
    picture : Picture
        The picture that the subject comes from.
    alpha : (H, W) float32 0…1
    background : (H, W, 3) like `foreground`, or one colour in its encoding, floats 0…1
    amount : float 0…1
        0 changes nothing, 1 takes on the new light fully.

    Returns
    -------
    (H, W, 3), dtype of `foreground`
    """
    linear = picture.transfer == "linear"
    height, width = _measuring_size(*alpha.shape)
    outside = 1 - _downsample(alpha, height, width)
    if outside.mean() < _MIN_SURROUNDINGS_SHARE:
        return foreground
    old = _measure_light(picture.colour, outside, linear)
    if isinstance(background, tuple):
        new = np.asarray(background, np.float32)
        new = new if linear else srgb_to_linear(new)
    else:
        new = _measure_light(background, np.ones_like(outside), linear)
    ratio = np.maximum(new, _MIN_LIGHT) / np.maximum(old, _MIN_LIGHT)
    gains = np.clip(ratio, 1 / _MAX_GAIN, _MAX_GAIN).astype(np.float32) ** np.float32(amount)
    return _apply_gains(foreground, gains, linear)


def _measuring_size(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, illuminant.SIDE_PX / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _downsample(samples: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
    import cv2

    return to_float(cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA))


def _measure_light(
    colour: NDArray[Any], weight: NDArray[np.float32], linear: bool
) -> NDArray[np.float32]:
    small = _downsample(colour, *weight.shape)
    if not linear:
        small = srgb_to_linear(small)
    # A sun or a lamp in the frame is a source, not the light on things: it counts as white.
    small = np.clip(small, 0, 1)
    mean = (small * weight[..., None]).sum((0, 1)) / weight.sum()
    level = float(luminance(mean[None, None])[0, 0])
    around = np.maximum(mean, _MIN_LIGHT)
    light = illuminant.estimate_illuminant(small, weight > _MIN_OUTSIDE_SHARE)
    light = light ** (1 - _REFLECTED_SHARE) * (around / around.mean()) ** _REFLECTED_SHARE
    light *= level / float(luminance(light.astype(np.float32)[None, None])[0, 0])
    return np.asarray(light, np.float32)


def _apply_gains(colour: NDArray[Any], gains: NDArray[np.float32], linear: bool) -> NDArray[Any]:
    if colour.dtype != np.float32:
        levels = np.arange(np.iinfo(colour.dtype).max + 1, dtype=colour.dtype)
        encoded = linear_to_srgb(srgb_to_linear(to_float(levels))[:, None] * gains)
        table = from_float(encoded, colour.dtype)
    result = np.empty_like(colour)

    def fill(tile: Tile) -> None:
        part = colour[tile.slices]
        if colour.dtype != np.float32:
            for channel in range(3):
                result[tile.slices][..., channel] = table[part[..., channel], channel]
        elif linear:
            result[tile.slices] = part * gains
        else:
            result[tile.slices] = linear_to_srgb(srgb_to_linear(part) * gains)

    for_tiles(fill, *colour.shape[:2])
    return result
