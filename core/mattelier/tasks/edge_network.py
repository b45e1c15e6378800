"""A network's corrections to a solved matte, in the tiles of its unknown band."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mattelier.tasks.colour_samples import sampled
from mattelier.tiles import Tile, tiles

_TILE = 384
_MARGIN = 64  # pixels around a tile that the network sees; what lies further hardly counts
_FOLD = 16  # sides of what it is given are multiples of this

Network = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""picture (1, 3, h, w) and hint (1, 11, h, w) → alpha (1, 1, h, w); see `networks.edge`."""


def corrected(
    picture: NDArray[np.float32],
    subject: NDArray[np.bool_],
    background: NDArray[np.bool_],
    alpha: NDArray[np.float32],
    network: Network,
) -> NDArray[np.float32]:
    """`alpha` as the refiner network would have it; what is known stays.

    Parameters
    ----------
    picture, subject, background, alpha : as of `hint_channels`
    network : Network

    Returns
    -------
    (H, W) float32 0…1
    """
    result = alpha.copy()
    hint = hint_channels(picture, subject, background, alpha)
    planes = picture.transpose(2, 0, 1)
    unknown = ~(subject | background)
    height, width = alpha.shape
    for tile in tiles(height, width, _TILE):
        there = unknown[tile.slices]
        if not there.any():
            continue
        wide = tile.grown(_MARGIN, height, width)
        answer = network(_padded(planes, wide), _padded(hint, wide))[0, 0]
        part = answer[tile.within(wide)]
        result[tile.slices][there] = np.clip(part[there], 0, 1)
    return result


def hint_channels(
    picture: NDArray[np.float32],
    subject: NDArray[np.bool_],
    background: NDArray[np.bool_],
    alpha: NDArray[np.float32],
) -> NDArray[np.float32]:
    """What the refiner network is told beside the picture; see `networks.edge.HINTS`.

    Parameters
    ----------
    picture : (H, W, 3) float32, display-encoded RGB 0…1
    subject, background : (H, W) bool, known; neither is empty
    alpha : (H, W) float32 0…1, as `refine.solve_trimap` solves it

    Returns
    -------
    (11, H, W) float32 0…1; where the trimap knows, samples are the picture itself, trusted fully
    """
    hint = np.empty((11, *alpha.shape), np.float32)
    hint[0], hint[1], hint[2], hint[3], hint[4] = subject, background, alpha, subject, 1
    hint[5:8] = hint[8:11] = picture.transpose(2, 0, 1)
    unknown = ~(subject | background)
    samples = sampled(picture, subject, background)
    hint[3][unknown] = samples.alpha
    hint[4][unknown] = samples.trust
    hint[5:8, unknown] = samples.subject.T
    hint[8:11, unknown] = samples.background.T
    return hint


def _padded(planes: NDArray[np.float32], tile: Tile) -> NDArray[np.float32]:
    """The tile of (C, H, W) planes, its last pixels repeated up to a multiple of `_FOLD`."""
    part = planes[:, *tile.slices]
    more = [(0, 0), *((0, -side % _FOLD) for side in part.shape[1:])]
    return np.ascontiguousarray(np.pad(part, more, mode="edge")[None])
