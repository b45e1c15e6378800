"""Bicubic resampling with antialiasing, the one that super-resolution is trained and judged with.

The convention is MATLAB's `imresize`: Keys' cubic (a = −½, Keys 1981), widened by the factor of a
reduction, pixel centres at half-integers, edges mirrored. OpenCV's cubic has another kernel
(a = −¾) and does not widen it, so it aliases where it reduces.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def bicubic(samples: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A picture at another size; each axis on its own.

    Parameters
    ----------
    samples : (h, w) or (h, w, channels) float32, any range
    height, width : the size wanted

    Returns
    -------
    (height, width[, channels]) float32; overshoots are left as they come.
    """
    return rows(columns(samples, width), 0, height, height)


def rows(
    samples: NDArray[np.float32],
    start: int,
    stop: int,
    full: int,
    *,
    first: int = 0,
    count: int | None = None,
) -> NDArray[np.float32]:
    """Rows start…stop−1 of a picture resampled to `full` rows.

    Parameters
    ----------
    samples : (h, w[, channels]) float32
        The picture, or those of its rows that `rows_needed` names.
    first, count : where `samples` is a part: its first row's number, and how many rows there are
    """
    count = samples.shape[0] if count is None else count
    weights = _weights(count, full)[start:stop, first : first + samples.shape[0]]
    flat = samples.reshape(samples.shape[0], -1)
    return np.asarray(weights @ flat, np.float32).reshape(stop - start, *samples.shape[1:])


def columns(samples: NDArray[np.float32], full: int) -> NDArray[np.float32]:
    """A picture, or some of its rows, resampled to `full` columns."""
    turned = rows(np.ascontiguousarray(np.swapaxes(samples, 0, 1)), 0, full, full)
    return np.ascontiguousarray(np.swapaxes(turned, 0, 1))


def rows_needed(start: int, stop: int, count: int, full: int) -> tuple[int, int]:
    """The rows first…last−1, of `count`, that rows start…stop−1 of `full` are made from."""
    part = _weights(count, full)[start:stop]
    return int(part.indices.min()), int(part.indices.max()) + 1


@lru_cache(maxsize=8)
def _weights(count: int, full: int) -> Any:
    """Sparse (full, count) matrix: how much of each sample goes into each result."""
    from scipy.sparse import csr_array

    scale = full / count
    stretch = min(scale, 1.0)  # of the kernel's argument: a reduction widens the kernel
    taps = int(np.ceil(4 / stretch)) + 2
    centres = (np.arange(full) + 0.5) / scale - 0.5
    places = np.floor(centres - 2 / stretch).astype(np.int64)[:, None] + np.arange(taps)
    values = _cubic((centres[:, None] - places) * stretch)
    values /= values.sum(axis=1, keepdims=True)
    mirrored = np.mod(places, 2 * count)
    mirrored = np.where(mirrored < count, mirrored, 2 * count - 1 - mirrored)
    which = np.repeat(np.arange(full), taps)
    matrix = csr_array((values.ravel(), (which, mirrored.ravel())), (full, count), np.float32)
    matrix.eliminate_zeros()
    return matrix


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
