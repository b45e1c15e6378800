"""A green or blue screen: which colour it has, and what it would look like without the subject.

All values are linear light, float32, (…, 3), as light mixes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mattelier.types.errors import PictureError
from mattelier.types.progress import remark

Floats = NDArray[np.float32]

# Of a colour, how far its strongest channel lies above the next, in its own share. Paint and
# cloth made for keying have .5 to .7 under white light.
_MIN_PURITY = 0.2
_MIN_SHARE = 0.005  # of the picture, that a screen is seen in
_BINS = 24  # of chromaticity, each way
_MIN_LIGHT, _MAX_LIGHT = 0.15, 4.0  # of the screen's usual light, in its corners and hot spots
# How far a pixel of the screen may lie off the clean plate, in shares of its light, while the
# plate is found; shadows that are darker stay on the subject's side.
_TOLERANCES = (0.3, 0.16, 0.12)
_NOISE_SIGMAS = 3.0
_MEDIAN_OF_LARGEST = 1.2  # of three normal values, in standard deviations
_EDGE_WEIGHT = 1e-3
_NOISE_LEVEL = 4  # noise is averaged over some 2^4 pixels
_EDGE_PX = 2  # kept from everything that is not the screen
_WEAK = 0.02  # of a pixel's evidence, at which as much is taken from further away


class Screen(NamedTuple):
    """What was found of a screen.

    colour : (3,), its usual light; plate : (H, W, 3), itself without the subject; seen :
    (H, W) bool, where nothing else is; variance : (H, W), of the noise of its samples.
    """

    colour: Floats
    plate: Floats
    seen: NDArray[np.bool_]
    variance: Floats


def difference(light: Floats, key: int) -> Floats:
    """How far the key channel lies above the larger of the others: Vlahos' colour difference."""
    first, second = (light[..., i] for i in range(3) if i != key)
    values: Floats = light[..., key] - np.maximum(first, second)
    return values


def find_colour(light: Floats, keys: tuple[int, ...], usable: NDArray[np.bool_]) -> Floats:
    """The screen's usual colour: (3,) linear light.

    Parameters
    ----------
    light : (H, W, 3)
    keys : the channels that may be the screen's: 1 green, 2 blue
    usable : (H, W), where it may be looked for

    Raises
    ------
    PictureError
        So little of the picture has such a colour that there is no screen.
    """
    best, most = None, _MIN_SHARE * usable.size
    for key in keys:
        strength = np.maximum(light[..., key], 1e-6)
        pure = difference(light, key) > _MIN_PURITY * strength
        pure &= usable & (strength > 0.05 * np.quantile(strength, 0.98))
        colours = light[pure]
        if len(colours) < most:
            continue
        mode = _mode(colours, key)
        near = np.abs(_chromaticity(colours, key) - mode).max(1) < 2 / _BINS
        if near.sum() > most:
            best, most = np.median(colours[near], axis=0), float(near.sum())
    if best is None:
        kind = " or ".join({0: "red", 1: "green", 2: "blue"}[key] for key in keys)
        raise PictureError(
            "No {kind} screen was found in the picture; say its colour with --screen #rrggbb.",
            kind=kind,
        )
    return np.asarray(best, np.float32)


def find_screen(
    light: Floats, colour: Floats, usable: NDArray[np.bool_], clean: Floats | None = None
) -> Screen:
    """The clean plate behind the subject, however unevenly the screen is lit.

    What has the screen's chromaticity is taken for it and continued below everything else; then
    what lies near that, with edges left out, more strictly from turn to turn.

    Parameters
    ----------
    light : (H, W, 3)
    colour : (3,), the screen's usual one
    usable : (H, W), where the screen may be seen
    clean : (H, W, 3), the clean plate, where it was shot
    """
    import cv2

    key = int(np.argmax(colour))
    target = _chromaticity(colour[None], key)[0]
    strength = np.maximum(light[..., key], 1e-6)
    chroma = np.abs(_chromaticity(light.reshape(-1, 3), key) - target).max(1)
    ratio = strength / colour[key]
    sure = (chroma.reshape(ratio.shape) < 0.15) & (ratio > _MIN_LIGHT) & (ratio < _MAX_LIGHT)
    sure &= usable
    if clean is None and sure.sum() < _MIN_SHARE * sure.size:
        remark(
            "Almost nothing in the picture has the screen's colour; if there is a screen, say "
            "another with --screen."
        )
        plate, none = np.full_like(light, colour), np.zeros(sure.shape, bool)
        return Screen(colour, plate, none, np.zeros(sure.shape, np.float32))
    ring = np.ones((2 * _EDGE_PX + 1,) * 2, np.uint8)
    plate, kept = light if clean is None else clean, sure.view(np.uint8)
    for turn, tolerance in enumerate((*_TOLERANCES, 0.0)):
        kept = cv2.erode(sure.view(np.uint8), ring)
        if clean is None:
            weight = np.where(kept > 0, np.float32(1), np.float32(_EDGE_WEIGHT) * sure)
            plate = continued(light, weight, finest=max(4 - turn, 2))
        apart = np.abs(light - plate).max(-1)
        noise = measure_noise(light, plate, kept > 0)
        if tolerance:
            limit = tolerance * plate[..., key]
            sure = (apart < np.maximum(limit, _NOISE_SIGMAS * noise)) & usable
    seen = kept > 0
    squares = np.square(light - plate).mean(2, keepdims=True)
    variance = continued(squares, seen.astype(np.float32), finest=_NOISE_LEVEL)[..., 0]
    return Screen(colour, plate, seen, variance)


def measure_noise(light: Floats, plate: Floats, seen: NDArray[np.bool_]) -> float:
    """The standard deviation of a channel's samples of a screen, where it is seen: (H, W)."""
    if not seen.any():
        return 0.0
    off = np.abs(light[seen] - plate[seen])
    largest = np.maximum(np.maximum(off[:, 0], off[:, 1]), off[:, 2])  # faster than max(-1)
    return float(np.median(largest)) / _MEDIAN_OF_LARGEST


def continued(values: Floats, weight: Floats, *, finest: int = 2) -> Floats:
    """Values where they have weight, continued smoothly where they have none (pull and push).

    Gortler and others, "The Lumigraph", SIGGRAPH 1996, part 3.4.

    Parameters
    ----------
    values : (H, W, C); weight : (H, W) 0…1
    finest : how often the size is halved at least; details below 2^finest pixels are smoothed
    """
    import cv2

    levels = [_weighted(values, weight)]
    while min(levels[-1].shape[:2]) > 1 and max(levels[-1].shape[:2]) > 2:
        levels.append(_down(levels[-1]))
    first, weak = min(finest, len(levels) - 1), np.float32(_WEAK)
    top = levels[-1].mean(axis=(0, 1), keepdims=True)
    result: Floats = np.asarray(top[..., :-1] / np.maximum(top[..., -1:], 1e-9), np.float32)
    for level in reversed(levels[first:]):
        height, width = level.shape[:2]
        farther = cv2.resize(result, (width, height), interpolation=cv2.INTER_LINEAR)
        farther = farther.reshape(height, width, -1)
        result = (level[..., :-1] + weak * farther) / (level[..., -1:] + weak)
    height, width = weight.shape
    stretched: Floats = cv2.resize(result, (width, height), interpolation=cv2.INTER_LINEAR)
    return stretched.reshape(height, width, -1)


def _weighted(values: Floats, weight: Floats) -> Floats:
    return np.concatenate([values * weight[..., None], weight[..., None]], axis=2)


def _down(level: Floats) -> Floats:
    import cv2

    smaller: Floats = cv2.pyrDown(level, borderType=cv2.BORDER_REPLICATE)
    return smaller


def _chromaticity(colours: Floats, key: int) -> Floats:
    """The two other channels in shares of the key channel: (N, 2)."""
    others = [i for i in range(3) if i != key]
    shares = colours[:, others] / np.maximum(colours[:, key : key + 1], 1e-6)
    return np.asarray(shares, np.float32)


def _mode(colours: Floats, key: int) -> Floats:
    """The most frequent chromaticity, weighted by light: (2,)."""
    import cv2

    shares = np.clip(_chromaticity(colours, key), 0, 0.999)
    places = (shares * _BINS).astype(np.int32)
    counts = np.zeros((_BINS, _BINS), np.float32)
    np.add.at(counts, (places[:, 0], places[:, 1]), colours[:, key])
    smooth = cv2.GaussianBlur(counts, (5, 5), 1.0)
    top = np.unravel_index(int(np.argmax(smooth)), smooth.shape)
    return np.asarray((np.array(top) + 0.5) / _BINS, np.float32)
