"""Tiles of a picture, and the piece of a small map that lies under one: pure geometry."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types.progress import remark, tell

_MIN_TILE_PX = 64


@dataclass(frozen=True)
class Tile:
    """Rows y0…y1−1 and columns x0…x1−1 of a picture."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing: `picture[tile.slices]`."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def expand(self, margin: int, height: int, width: int) -> Tile:
        """This tile with `margin` more pixels on each side, as far as the picture reaches."""
        return Tile(
            max(self.y0 - margin, 0),
            min(self.y1 + margin, height),
            max(self.x0 - margin, 0),
            min(self.x1 + margin, width),
        )

    def within(self, outer: Tile) -> tuple[slice, slice]:
        """For indexing an array that covers `outer`, of which this tile is a part."""
        return (
            slice(self.y0 - outer.y0, self.y1 - outer.y0),
            slice(self.x0 - outer.x0, self.x1 - outer.x0),
        )


def tiles(height: int, width: int, size: int = 512) -> Iterator[Tile]:
    """Tiles of at most size × size pixels that cover a height × width picture once."""
    for y in range(0, height, size):
        for x in range(0, width, size):
            yield Tile(y, min(y + size, height), x, min(x + size, width))


def for_tiles(work: Callable[[Tile], None], height: int, width: int, size: int = 512) -> None:
    """Call `work` for every tile, on all cores; NumPy and OpenCV compute without Python's lock.

    Tells its progress. `work` may be called again for a part that it has done: where memory runs
    out, everything is done once more in smaller tiles, one after the other.
    """
    all_tiles = list(tiles(height, width, size))
    try:
        if len(all_tiles) == 1:
            work(all_tiles[0])
            return
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            done = [pool.submit(work, tile) for tile in all_tiles]
            try:
                for count, tile in enumerate(done, 1):
                    tile.result()
                    tell(count / len(all_tiles))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    except MemoryError:
        remark("Memory ran short: this was done in smaller tiles, which takes longer.")
        _one_by_one(work, height, width, size // 2)


def _one_by_one(work: Callable[[Tile], None], height: int, width: int, size: int) -> None:
    all_tiles = list(tiles(height, width, size))
    try:
        for count, tile in enumerate(all_tiles, 1):
            work(tile)
            tell(count / len(all_tiles))
    except MemoryError:
        if size <= _MIN_TILE_PX:
            raise
        _one_by_one(work, height, width, size // 2)


def source_slices(small: NDArray[Any], tile: Tile, height: int, width: int) -> tuple[slice, slice]:
    """The block of a small map that `upsample_tile` reads for this tile."""

    def span(start: int, stop: int, full: int, count: int) -> slice:
        scale = count / full
        first = int(np.floor((start + 0.5) * scale - 0.5))
        last = int(np.ceil((stop - 0.5) * scale - 0.5))
        return slice(max(first, 0), min(last, count - 1) + 1)

    return (
        span(tile.y0, tile.y1, height, small.shape[0]),
        span(tile.x0, tile.x1, width, small.shape[1]),
    )


def upsample_tile(
    small: NDArray[np.float32], tile: Tile, height: int, width: int
) -> NDArray[np.float32]:
    """One tile of `small` stretched bilinearly over a height × width picture.

    Pixel centres are at half-integers, as in `cv2.resize`; the same pixel has the same value
    whatever tile it is computed in.

    Parameters
    ----------
    small : (h, w) or (h, w, 1…4) float32
    height, width : the size of the whole picture

    Returns
    -------
    (tile height, tile width, …) float32
    """
    import cv2

    rows, columns = source_slices(small, tile, height, width)
    sy, sx = small.shape[0] / height, small.shape[1] / width
    origin_y = (tile.y0 + 0.5) * sy - 0.5 - rows.start
    origin_x = (tile.x0 + 0.5) * sx - 0.5 - columns.start
    values: NDArray[np.float32] = cv2.warpAffine(
        np.ascontiguousarray(small[rows, columns]),
        np.array([[sx, 0, origin_x], [0, sy, origin_y]]),
        (tile.x1 - tile.x0, tile.y1 - tile.y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return values
