"""Small pictures for people: a result over a checkerboard, and where it is wrong."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Thumbnail = NDArray[np.uint8]

MISSING, EXTRA = (255, 120, 40), (60, 190, 255)  # colours that all eyes can tell apart
_CHECKER_SQUARE_PX = 8  # pixels of the checkerboard


def fit(height: int, width: int, longest: int) -> tuple[int, int]:
    """Height and width within a square of `longest`, of the same shape."""
    scale = min(1.0, longest / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def grey(alpha: Map, size: tuple[int, int]) -> Thumbnail:
    """A matte as a grey picture, (h, w, 3) uint8."""
    return np.repeat(_levels(_resize(alpha, size))[..., None], 3, axis=2)


def colour(view: NDArray[np.float32], size: tuple[int, int]) -> Thumbnail:
    """A display picture (H, W, 3) 0…1, (h, w, 3) uint8."""
    return _levels(_resize(view, size))


def on_board(view: NDArray[np.float32], alpha: Map, size: tuple[int, int]) -> Thumbnail:
    """The picture cut out, over a checkerboard."""
    picture, cover = _resize(view, size), _resize(alpha, size)[..., None]
    rows, columns = (
        np.arange(size[0])[:, None] // _CHECKER_SQUARE_PX,
        np.arange(size[1]) // _CHECKER_SQUARE_PX,
    )
    board = np.where((rows + columns) % 2, 0.45, 0.65).astype(np.float32)[..., None]
    return _levels(board + cover * (picture - board))


def error(
    result: Map, truth: Map, size: tuple[int, int], view: NDArray[np.float32] | None
) -> Thumbnail:
    """What is missing (orange) and what is too much (blue), over the dimmed picture."""
    off = _resize(truth - result, size)[..., None]
    base = np.full((*size, 1), 0.15, np.float32)
    if view is not None:
        base = 0.1 + 0.4 * _resize(view, size).mean(axis=-1, keepdims=True)
    colours = np.array([EXTRA, MISSING], np.float32) / np.float32(255)
    paint = colours[(off[..., 0] > 0).astype(np.intp)]
    return _levels(base + np.abs(off) * (paint - base))


def heat(view: NDArray[np.float32], activation: Map, size: tuple[int, int]) -> Thumbnail:
    """Where something is seen: from dark violet (nothing) to yellow over the grey picture."""
    levels = _levels(_resize(activation, size))
    paint = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32) / 255
    base = _resize(view, size).mean(axis=-1, keepdims=True)
    return _levels(0.45 * base + 0.55 * paint)


def beside(thumbnails: list[Thumbnail]) -> Thumbnail:
    """Equally high thumbnails in one row, a pixel or two apart."""
    gap = np.full((thumbnails[0].shape[0], 2, 3), 28, np.uint8)
    parts = [part for thumbnail in thumbnails for part in (thumbnail, gap)]
    return np.concatenate(parts[:-1], axis=1)


def jpeg(thumbnail: Thumbnail) -> bytes:
    """A small JPEG file."""
    code = cv2.imencode(".jpg", thumbnail[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    return bytes(code.tobytes())


def _resize(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    mode = cv2.INTER_AREA if size[0] < values.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, size[::-1], interpolation=mode), np.float32)


def _levels(values: NDArray[np.float32]) -> Thumbnail:
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5, np.uint8)
