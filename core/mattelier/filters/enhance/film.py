"""What a camera leaves in every picture: grain, and how soft its sharpest edges are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.enhance.noise_level import noise_level
from mattelier.types.oklab import luminance

_BLOCK_PX = 16
_LEVELS = 5  # of brightness, at which grain is measured
_MIN_BLOCKS = 12  # at a level, that it is measured by
_QUIET_SHARE = 0.1  # of the blocks at a level: there is grain and nothing else in them
_CLIPPED = 0.02  # next to black and white nothing shows its grain
_LEAST_GRAIN = 0.0008  # standard deviation of encoded values, a fifth of a step of 8 bits
_SIZES_PX = np.linspace(0, 1.6, 9)  # standard deviations of the Gaussian that makes grain coarse
_PATCH_PX = 256
_CALM_PX = 1.0  # of the blur that takes grain off edges before they are measured
_REBLUR_PX = 1.5
_SHARPEST_SHARE = 0.2  # of the edges: others are out of focus, or move
_MIN_EDGES = 40
_MIN_EDGE = 0.02  # step between neighbours, encoded
_GRAIN_SHARE = 1.5  # of the grain's deviation, that an edge's slope is at least


@dataclass(frozen=True, eq=False)
class Film:
    """Grain and softness of a picture.

    Attributes
    ----------
    levels : (n,) float32
        Encoded brightness, 0…1, ascending.
    grain : (n, 3) float32
        Standard deviation there, of each channel's encoded values.
    size : float
        Pixels: how coarse grain is, 0 from one pixel to the next.
    softness : float or None
        Pixels: the Gaussian that the sharpest edges are blurred by; None where there are too few.
    """

    levels: NDArray[np.float32]
    grain: NDArray[np.float32]
    size: float
    softness: float | None

    def grain_at(self, encoded: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W, 3) for brightness (H, W)."""
        channels = [np.interp(encoded, self.levels, self.grain[:, c]) for c in range(3)]
        return np.stack(channels, -1).astype(np.float32)


def measure_film(encoded: NDArray[np.float32], visible: NDArray[np.bool_] | None = None) -> Film:
    """The grain and the softness of a picture.

    Grain by Immerkær's operator in blocks, of which the quietest tenth at each level of brightness
    is believed; its size by how much of it is left at half the size. Softness by how much more a
    known blur takes off an edge (Zhuo and Sim 2011).

    Parameters
    ----------
    encoded : (H, W, 3) float32 0…1, display-encoded
    visible : (H, W), optional
        What of it counts.
    """
    grey = luminance(encoded)
    levels, grain = _grain(encoded, grey, visible)
    strongest = float(grain.max(initial=0))
    size = _grain_size(grey) if strongest > _LEAST_GRAIN else 0.0
    return Film(levels, grain, size, _softness(grey, strongest, visible))


def common_film(films: Sequence[Film]) -> Film:
    """What some frames of a shot have in common: the quietest grain, and the median softness."""
    soft = sorted(f.softness for f in films if f.softness is not None)
    quietest = min(films, key=lambda film: float(film.grain.mean()))
    return replace(quietest, softness=soft[len(soft) // 2] if soft else None)


def _grain(
    encoded: NDArray[np.float32], grey: NDArray[np.float32], visible: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    squares = cv2.filter2D(encoded, cv2.CV_32F, kernel) ** 2
    counts = np.ones_like(grey) if visible is None else visible.astype(np.float32)
    rows, columns = (side // _BLOCK_PX for side in grey.shape)

    def blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        cut = plane[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
        shape = (rows, _BLOCK_PX, columns, _BLOCK_PX, *plane.shape[2:])
        means: NDArray[np.float32] = cut.reshape(shape).mean((1, 3))
        return means.reshape(-1, *plane.shape[2:])

    light, deviation = blocks(grey), np.sqrt(blocks(squares))
    usable = (blocks(counts) == 1) & (light > _CLIPPED) & (light < 1 - _CLIPPED)
    light, deviation = light[usable], deviation[usable]
    order = np.argsort(light)
    parts = [p for p in np.array_split(order, _LEVELS) if p.size >= _MIN_BLOCKS]
    if not parts and order.size:
        parts = [order]
    if not parts:
        return np.array([0.5], np.float32), np.zeros((1, 3), np.float32)
    found = [(np.median(light[p]), np.quantile(deviation[p], _QUIET_SHARE, axis=0)) for p in parts]
    return (
        np.array([level for level, _ in found], np.float32),
        np.array([values for _, values in found], np.float32),
    )


def _grain_size(grey: NDArray[np.float32]) -> float:
    import cv2

    half = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    full = noise_level(grey)
    if not full:
        return 0.0
    ratios, _ = _calibration()
    return float(np.interp(noise_level(half) / full, ratios, _SIZES_PX))


@lru_cache(maxsize=1)
def _calibration() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each size of grain: what is left at half the size, and what is measured of grain 1."""
    import cv2

    ratios, measured = [], []
    for size in _SIZES_PX:
        patch = grain_patch((_PATCH_PX, _PATCH_PX), float(size), np.random.default_rng(1))[..., 0]
        half = cv2.resize(patch, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        ratios.append(noise_level(half) / noise_level(patch))
        measured.append(noise_level(patch))
    return np.maximum.accumulate(ratios), np.array(measured)


def grain_patch(
    shape: tuple[int, int], size: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Grain of standard deviation 1 before it is made coarse: (H, W, 3)."""
    import cv2

    white = random.standard_normal((*shape, 3), np.float32)
    if size <= 0:
        return white
    coarse: NDArray[np.float32] = cv2.GaussianBlur(white, (0, 0), size)
    return coarse


def grain_like(
    film: Film, own: Film, encoded: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.float32]:
    """What is added to encoded values, (H, W, 3), so that they have another picture's grain.

    Parameters
    ----------
    film, own : Film
        The other's, and the picture's, of which so much less is added.
    encoded : (H, W) float32
        Brightness.
    """
    _, measured = _calibration()
    added = film.grain_at(encoded) ** 2 - own.grain_at(encoded) ** 2
    scale = np.float32(1 / np.interp(film.size, _SIZES_PX, measured))
    height, width = encoded.shape
    grain: NDArray[np.float32] = grain_patch((height, width), film.size, random)
    grain *= np.sqrt(np.maximum(added, 0)) * scale
    return grain


def _softness(
    grey: NDArray[np.float32], grain: float, visible: NDArray[np.bool_] | None
) -> float | None:
    import cv2

    def slope(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        across = cv2.Scharr(plane, cv2.CV_32F, 1, 0, scale=1 / 32)
        down = cv2.Scharr(plane, cv2.CV_32F, 0, 1, scale=1 / 32)
        length: NDArray[np.float32] = cv2.magnitude(across, down)
        return length

    calm = cv2.GaussianBlur(grey, (0, 0), _CALM_PX)
    steep = slope(calm)
    window = np.ones((3, 3), np.uint8)
    edges = (steep >= cv2.dilate(steep, window)) & (steep > max(_MIN_EDGE, _GRAIN_SHARE * grain))
    if visible is not None:
        near = np.ones((9, 9), np.uint8)
        edges &= cv2.erode(visible.astype(np.uint8), near, borderValue=0) > 0
    if np.count_nonzero(edges) < _MIN_EDGES:
        return None
    ratio = steep[edges] / slope(cv2.GaussianBlur(calm, (0, 0), _REBLUR_PX))[edges]
    blur = _REBLUR_PX / np.sqrt(np.maximum(ratio**2 - 1, 1e-3))
    sharpest = float(np.quantile(blur, _SHARPEST_SHARE))
    return float(np.sqrt(max(sharpest**2 - _CALM_PX**2, 0)))


def soften(
    linear: NDArray[np.float32], alpha: NDArray[np.float32] | None, pixels: float
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Straight colour (H, W, 3) and alpha (H, W), blurred as light is: by what covers a pixel."""
    import cv2

    if alpha is None:
        return cv2.GaussianBlur(linear, (0, 0), pixels), None
    light = cv2.GaussianBlur(linear * alpha[..., None], (0, 0), pixels)
    cover: NDArray[np.float32] = cv2.GaussianBlur(alpha, (0, 0), pixels)
    covered = cover[..., None] > 1e-4
    return np.where(covered, light / np.maximum(cover[..., None], 1e-4), linear), cover
