"""A small matte refined to the picture's full size, along the true edge.

Only the unknown band is solved: closed-form matting at a working size that bounds the number of
unknown pixels, coarse to fine, where a trimap is given helped by samples of its known colours; then
each full-size tile that holds an edge gets its alpha from the working level's local colour lines.
Cost grows with the edge, memory with a tile and the result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.colour import View
from mattelier.errors import UsageError
from mattelier.request import Quality
from mattelier.tasks.closed_form import closed_form
from mattelier.tasks.colour_samples import sampled
from mattelier.tasks.guided import apply_lines, colour_lines
from mattelier.tiles import Tile, for_tiles, stretched, under

# A matte this sure of itself, also one of its pixels further on, is not in the band. Wider limits
# let the haze of a network's unsure interior be solved again, and worse (measured).
_SOLID, _CLEAR = 0.94, 0.06
# How much the first level holds to the matte given, where it is flat (glass, smoke) and where it
# is steep (an edge, whose place a small matte cannot know); the smoothness term weighs about 1.
_PULL_FLAT, _PULL_STEEP = 0.1, 0.001
_PULL_SURE = 0.005  # more where the matte is near 0 or 1: keeps gaps in foliage from filling
_STEEP = 0.15  # change of the matte over three of its pixels
_PULL_ON = 0.003  # later levels, to the level before
# How much a trimap's solution holds to what colour samples say, where they are trusted fully.
_PULL_MIXED = 0.003
# Conjugate-gradient steps, finest level first: stopping early keeps to the coarser level, which
# sees further. More than two halvings smear what lies apart (measured).
_TRIMAP_STEPS = (200, 100, 60)
_BAND_STEPS = (50, 100)
_TOLERANCE = 1e-5
_SMALLEST = 48  # pixels; the shorter side of the coarsest level


@dataclass(frozen=True)
class _Budget:
    """The working size: at most so many unknown pixels, and so many in all."""

    unknown: int
    pixels: int

    def size(self, height: int, width: int, unknown: float) -> tuple[int, int]:
        """Working height and width for a picture of which the fraction `unknown` is unknown."""
        allowed = min(self.pixels, self.unknown / max(unknown, 1e-9))
        scale = min(1.0, (allowed / (height * width)) ** 0.5)
        return max(1, round(height * scale)), max(1, round(width * scale))


_BAND = {"balanced": _Budget(60_000, 1_000_000), "best": _Budget(300_000, 4_000_000)}
_TRIMAP = {
    "fast": _Budget(60_000, 1_000_000),
    "balanced": _Budget(300_000, 2_000_000),
    "best": _Budget(600_000, 6_000_000),
}


def refine(
    view: View,
    coarse: NDArray[np.float32],
    *,
    trimap: NDArray[np.uint8] | None = None,
    quality: Quality = "balanced",
) -> NDArray[np.float32]:
    """Full-size alpha that follows the picture's edges.

    Parameters
    ----------
    view : View
        The picture, H × W.
    coarse : (h, w) float32 0…1
        The matte of the whole picture at any size, usually a network's. A trimap that holds
        both subject and background replaces it.
    trimap : (H, W) uint8, optional
        0 background, 255 subject, both obeyed exactly; anything else is unknown.
    quality : "fast", "balanced" or "best"
        "fast" stretches along colour lines without solving (a trimap is always solved);
        better qualities solve at a larger working size.

    Returns
    -------
    (H, W) float32 0…1

    Raises
    ------
    UsageError
        When the trimap is not of the picture's size.
    """
    height, width = view.height, view.width
    if trimap is not None and trimap.shape != (height, width):
        raise UsageError(
            f"The trimap is {trimap.shape[1]}×{trimap.shape[0]} pixels but the picture is "
            f"{width}×{height}; give one of the same size."
        )
    coarse = np.clip(coarse, 0, 1).astype(np.float32, copy=False)
    if trimap is not None and (trimap == 0).any() and (trimap == 255).any():
        fraction = 1 - float(((trimap == 0) | (trimap == 255)).mean())
        picture = view.resized(*_TRIMAP[quality].size(height, width, fraction))
        alpha = solve_trimap(picture, trimap)
    elif quality == "fast":
        picture, alpha = view.resized(*coarse.shape), coarse
    else:
        picture, alpha = _solve_band(view, coarse, _BAND[quality])
    return _full_size(view, picture, alpha, trimap)


def stretch(coarse: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A small matte merely stretched to full size, for those who ask not to refine."""
    full = np.empty((height, width), np.float32)

    def fill(tile: Tile) -> None:
        full[tile.slices] = stretched(coarse, tile, height, width)

    for_tiles(fill, height, width)
    return np.clip(full, 0, 1, out=full)


def solve_trimap(picture: NDArray[np.float32], trimap: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Closed-form alpha at the size of `picture`, coarse to fine, from what a trimap knows.

    Parameters
    ----------
    picture : (h, w, 3) float32 0…1, display-encoded RGB
    trimap : (H, W) uint8 of that size or larger
        0 background, 255 subject, there must be some of both; anything else is unknown.

    Returns
    -------
    (h, w) float32 0…1
    """
    pyramid = _pyramid(picture, len(_TRIMAP_STEPS))
    alpha: NDArray[np.float32] | None = None
    for index in reversed(range(len(pyramid))):
        level = pyramid[index]
        # A smaller pixel is known when all it covers is known alike.
        subject = _shrunk((trimap == 255).view(np.uint8) * np.uint8(255), level)
        clear = _shrunk((trimap == 0).view(np.uint8) * np.uint8(255), level)
        unknown = (subject < 255) & (clear < 255)
        guess = np.float32(0.5) if alpha is None else _carried(pyramid[index + 1], alpha, level)
        mixture, trust = _mixtures(level, subject == 255, clear == 255)
        alpha = closed_form(
            level,
            np.where(unknown, guess, subject == 255).astype(np.float32),
            unknown,
            pull=_PULL_MIXED * trust,
            toward=mixture,
            iterations=_TRIMAP_STEPS[index],
            tolerance=_TOLERANCE,
        )
    assert alpha is not None
    return alpha


def _mixtures(
    picture: NDArray[np.float32], subject: NDArray[np.bool_], background: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Alpha of colour samples, and how far to trust it: (H, W) float32 0…1 each."""
    mixture = subject.astype(np.float32)
    trust = np.zeros_like(mixture)
    unknown = ~(subject | background)
    if subject.any() and background.any():
        samples = sampled(picture, subject, background)
        mixture[unknown] = samples.alpha
        trust[unknown] = samples.trust
    return mixture, trust


def _solve_band(
    view: View, coarse: NDArray[np.float32], budget: _Budget
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Working picture and alpha from a matte alone: its edges and what it is unsure of."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(coarse, kernel), cv2.dilate(coarse, kernel)
    band = (high > _CLEAR) & (low < _SOLID)
    known = np.where(band, coarse, coarse > 0.5).astype(np.float32)
    steep = cv2.dilate(high - low, kernel) / _STEEP
    sure = (2 * coarse - 1) ** 4
    pull = _PULL_STEEP + _PULL_SURE * sure + _PULL_FLAT * np.exp(-steep * steep)

    picture = view.resized(*budget.size(view.height, view.width, float(band.mean())))
    pyramid = _pyramid(picture, len(_BAND_STEPS))
    alpha: NDArray[np.float32] | None = None
    for index in reversed(range(len(pyramid))):
        level = pyramid[index]
        size = level.shape[1::-1]
        unknown = cv2.resize(band.astype(np.float32), size) > 0
        alpha_known = cv2.resize(known, size)
        if alpha is None:
            guess, hold = alpha_known, cv2.resize(pull, size)
        else:
            guess, hold = _carried(pyramid[index + 1], alpha, level), _PULL_ON
        alpha = closed_form(
            level,
            np.where(unknown, guess, alpha_known > 0.5).astype(np.float32),
            unknown,
            pull=hold,
            iterations=_BAND_STEPS[index],
            tolerance=_TOLERANCE,
        )
    assert alpha is not None
    return picture, alpha


def _full_size(
    view: View,
    picture: NDArray[np.float32],
    alpha: NDArray[np.float32],
    trimap: NDArray[np.uint8] | None,
) -> NDArray[np.float32]:
    """Alpha of the working size carried to every full-size tile that is not constant."""
    height, width = view.height, view.width
    same = alpha.shape == (height, width)
    full = alpha if same else np.empty((height, width), np.float32)
    lines = None if same else colour_lines(picture, alpha)

    def fill(tile: Tile) -> None:
        if lines is not None:
            full[tile.slices] = _tile_alpha(view, lines, tile)
        if trimap is not None:
            known = trimap[tile.slices]
            part = full[tile.slices]
            part[known == 0] = 0
            part[known == 255] = 1

    for_tiles(fill, height, width)
    return full


def _tile_alpha(view: View, lines: NDArray[np.float32], tile: Tile) -> NDArray[np.float32] | float:
    block = lines[under(lines, tile, view.height, view.width)]
    if not block[..., :3].any() and np.ptp(block[..., 3]) == 0:
        return float(block[0, 0, 3])
    local = stretched(lines, tile, view.height, view.width)
    return apply_lines(local, view.tile(tile.y0, tile.y1, tile.x0, tile.x1))


def _pyramid(picture: NDArray[np.float32], levels: int) -> list[NDArray[np.float32]]:
    """The picture and its halvings, largest first, as far as they are worth solving."""
    import cv2

    pyramid = [picture]
    while len(pyramid) < levels and min(pyramid[-1].shape[:2]) >= 2 * _SMALLEST:
        size = ((pyramid[-1].shape[1] + 1) // 2, (pyramid[-1].shape[0] + 1) // 2)
        pyramid.append(cv2.resize(pyramid[-1], size, interpolation=cv2.INTER_AREA))
    return pyramid


def _shrunk(mask: NDArray[np.uint8], level: NDArray[np.float32]) -> NDArray[np.uint8]:
    import cv2

    smaller: NDArray[np.uint8] = cv2.resize(mask, level.shape[1::-1], interpolation=cv2.INTER_AREA)
    return smaller


def _carried(
    smaller: NDArray[np.float32], alpha: NDArray[np.float32], level: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A smaller level's alpha at this level's size, along its colours."""
    height, width = level.shape[:2]
    lines = stretched(colour_lines(smaller, alpha), Tile(0, height, 0, width), height, width)
    return apply_lines(lines, level)
