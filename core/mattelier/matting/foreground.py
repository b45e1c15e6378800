"""Straight foreground colour of a matted picture, free of what shone through from behind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import from_float, to_float
from mattelier.types.tiles import Tile, for_tiles, upsample_tile

_MAX_GLOBAL_PIXELS = 150_000  # pixels of the largest level that is solved on the whole picture
_TILE_PX = 256
_BLEED_PX = 4  # pixels of foreground colour kept beyond the last one with alpha above 0
_REGULARISATION = 1e-5  # weight of neighbours where alpha is flat; steps of alpha count 1
_OPAQUE_ALPHA = 254.5 / 255  # alpha from here on is full in 8 bits, and nothing shines through
_FUSION_SIZES_PX = (91, 7)  # of the means of `blur_fusion`, as in its paper
_MIN_FUSION_WEIGHT = 1e-3  # of a wider mean beside a nearer one
_SMALL_LEVEL_PX, _SMALL_LEVEL_PASSES, _LEVEL_PASSES = 256, 20, 6


def estimate_foreground(colour: NDArray[Any], alpha: NDArray[np.float32]) -> NDArray[Any]:
    """The subject's own colour, so that alpha·F + (1 − alpha)·B gives the picture back.

    Multi-level estimation (Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground
    Estimation", ICPR 2020) of foreground and background together, on the whole picture up to a
    working size; then once more at full size, in the tiles that hold 0 < alpha < 1.

    Parameters
    ----------
    colour : (H, W, 3) uint8, uint16 or float32
        The picture in its own encoding: what mixed there is unmixed there.
    alpha : (H, W) float32 0…1

    Returns
    -------
    (H, W, 3), dtype of `colour`
        Straight. Where alpha is 1, or rounds to it in 8 bits: the picture's samples, to the bit.
        Where it is 0: black, so that the old background neither shows nor costs bytes, except for
        the first 4 pixels beside the subject, which continue its colour: resampling a straight
        picture there must not mix in a dark rim. Estimates are clipped below at 0; floats may
        exceed 1.
    """
    height, width = alpha.shape
    foreground = np.zeros_like(colour)
    if not alpha.any():
        return foreground
    layers = _estimate_globally(colour, alpha)

    def fill(tile: Tile) -> None:
        wide = tile.expand(_BLEED_PX, height, width)
        cover = alpha[wide.slices]
        if cover.max() == 0:
            return
        if cover.min() >= _OPAQUE_ALPHA:
            foreground[tile.slices] = colour[tile.slices]
        else:
            front, back = (upsample_tile(layer, tile, height, width) for layer in layers)
            place = tile.within(wide)
            foreground[tile.slices] = _unmix_tile(colour[tile.slices], cover, place, front, back)

    for_tiles(fill, height, width, _TILE_PX)
    return foreground


def blur_fusion(
    colour: NDArray[np.uint8],
    alpha: NDArray[np.float32],
    small: NDArray[np.float32],
    small_alpha: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """The subject's own colour in a tenth of the time, for frames that are seen once.

    Foreground and background are means of what surely is one or the other nearby, at a small size
    (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021), and unmixed at full size
    where 0 < alpha < 1.

    Parameters
    ----------
    colour : (H, W, 3) uint8
    alpha : (H, W) float32 0…1
    small, small_alpha : (h, w, 3) and (h, w) float32 0…1
        Both at a small size, the colour in the same encoding.

    Returns
    -------
    (H, W, 3) uint8
        Straight. Elsewhere the picture's samples; where alpha is 0 they are the old background's.
    """
    import cv2

    soft = (alpha > 0) & (alpha < _OPAQUE_ALPHA)
    if not soft.any():
        return colour
    layers = []
    for share in (small_alpha, 1 - small_alpha):
        mean = small
        for size in _FUSION_SIZES_PX:  # wide first; what has nothing near keeps the wider mean
            weight = cv2.blur(share, (size, size))[..., None]
            near = cv2.blur(small * share[..., None], (size, size))
            mean = (near + np.float32(_MIN_FUSION_WEIGHT) * mean) / (
                weight + np.float32(_MIN_FUSION_WEIGHT)
            )
        layers.append(mean)
    front, back = (
        upsample_tile(layer, Tile(0, alpha.shape[0], 0, alpha.shape[1]), *alpha.shape)[soft]
        for layer in layers
    )
    cover = alpha[soft][:, None]
    mixed = to_float(colour[soft])
    result = colour.copy()
    result[soft] = from_float(
        front + cover * (mixed - cover * front - (1 - cover) * back), np.uint8
    )
    return result


def _unmix_tile(
    colour: NDArray[Any],
    cover: NDArray[np.float32],
    place: tuple[slice, slice],
    front: NDArray[np.float32],
    back: NDArray[np.float32],
) -> NDArray[Any]:
    """One tile's foreground; `cover` is its alpha with a margin, the tile lying at `place`."""
    import cv2

    ring = np.ones((2 * _BLEED_PX + 1, 2 * _BLEED_PX + 1), np.uint8)
    near = cv2.dilate((cover > 0).view(np.uint8), ring)[place].reshape(-1)
    shape = colour.shape
    cover = cover[place]
    slopes = _alpha_gradient(cover).reshape(-1)
    cover = cover.reshape(-1)
    part = colour.copy().reshape(-1, 3)
    front, back = front.reshape(-1, 3), back.reshape(-1, 3)

    soft = np.flatnonzero((cover > 0) & (cover < _OPAQUE_ALPHA))
    share, rest = cover[soft, None], 1 - cover[soft, None]
    fore = front[soft]
    # One step of the same minimisation, with the stretched layers as the neighbours' mean.
    missing = to_float(part[soft]) - share * fore - rest * back[soft]
    fore += missing * (share / (share * share + rest * rest + slopes[soft, None]))
    part[soft] = from_float(np.maximum(fore, 0), colour.dtype)
    clear = cover == 0
    bleed = np.flatnonzero(clear & (near > 0))
    part[clear] = 0
    part[bleed] = from_float(front[bleed], colour.dtype)
    return part.reshape(shape)


def _estimate_globally(
    colour: NDArray[Any], alpha: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Foreground and background, (h, w, 3) each, of the whole picture at the working size."""
    import cv2

    height, width = alpha.shape
    scale = min(1.0, (_MAX_GLOBAL_PIXELS / (height * width)) ** 0.5)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = to_float(cv2.resize(colour, size, interpolation=cv2.INTER_AREA))
    cover = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)

    pyramid = [(picture, cover)]
    while max(cover.shape) > 1:
        size = ((cover.shape[1] + 1) // 2, (cover.shape[0] + 1) // 2)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
        pyramid.append((picture, cover))
    layers = np.tile(picture.reshape(3, 1, 1), (2, 1, 1))
    for picture, cover in reversed(pyramid):
        size = cover.shape[::-1]
        larger = [cv2.resize(layer, size, interpolation=cv2.INTER_NEAREST) for layer in layers]
        passes = _SMALL_LEVEL_PASSES if max(size) <= _SMALL_LEVEL_PX else _LEVEL_PASSES
        planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
        layers = _relax(np.stack(larger), planes, cover, passes)
    front, back = np.ascontiguousarray(layers.reshape(2, 3, *size[::-1]).transpose(0, 2, 3, 1))
    return front, back


def _relax(
    layers: NDArray[np.float32],
    picture: NDArray[np.float32],
    alpha: NDArray[np.float32],
    passes: int,
) -> NDArray[np.float32]:
    """Jacobi steps of the cost |αF + (1−α)B − I|² + Σ weight·(|F−F′|² + |B−B′|²), at one size.

    layers : (6, h, w), foreground then background; picture : (3, h, w).
    """
    padded = np.pad(alpha, 1, mode="edge")
    weights = [np.abs(alpha - near) + np.float32(_REGULARISATION) for near in _neighbours(padded)]
    total = sum(weights[1:], weights[0])
    weights = [weight / total for weight in weights]
    rest = 1 - alpha
    gain = 1 / (total + alpha * alpha + rest * rest)
    front_gain, back_gain = alpha * gain, rest * gain
    for _ in range(passes):
        padded = np.pad(layers, ((0, 0), (1, 1), (1, 1)), mode="edge")
        near = _neighbours(padded)
        layers = near[0] * weights[0]
        for neighbour, weight in zip(near[1:], weights[1:], strict=True):
            layers += neighbour * weight
        missing = picture - alpha * layers[:3] - rest * layers[3:]
        layers[:3] += missing * front_gain
        layers[3:] += missing * back_gain
        np.maximum(layers, 0, out=layers)
    return layers


def _neighbours(padded: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The pixels above, below, left and right, as views of an array padded by one."""
    return [
        padded[..., :-2, 1:-1],
        padded[..., 2:, 1:-1],
        padded[..., 1:-1, :-2],
        padded[..., 1:-1, 2:],
    ]


def _alpha_gradient(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much alpha changes to the four neighbours, together."""
    padded = np.pad(alpha, 1, mode="edge")
    near = _neighbours(padded)
    total: NDArray[np.float32] = np.abs(alpha - near[0])
    for neighbour in near[1:]:
        total += np.abs(alpha - neighbour)
    return total
