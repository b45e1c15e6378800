"""A second look at the subject alone, where it is small in the picture.

A network sees a picture at a few hundred pixels, whatever its size: a subject of a third of the
width keeps a third of them. Once it is found, its surroundings can be left out. Over all 884 dev
pictures this raises the IoU from 0.842 to 0.846, where the subject's box covers less than a fifth
of the picture by 0.03.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.logit_mean import logit_mean
from mattelier.requests import Point

_MARGIN = 0.1  # of the subject's box, on each side
_ENLARGED = 8  # times the pixels that it has; more would show it as nothing but blur
_SECOND = 2 / 3  # its share of the mean; the first has seen the surroundings
_FINER = 3  # the resolution is raised by no more than this: clicks cost with its square


class Window(NamedTuple):
    """Rows y0…y1−1 and columns x0…x1−1 of the picture."""

    y0: int
    y1: int
    x0: int
    x1: int


def window(
    alpha: NDArray[np.float32],
    height: int,
    width: int,
    points: tuple[Point, ...] = (),
    *,
    below: float,
) -> Window | None:
    """What is worth a second look in a picture of that size; None where it would show nothing new.

    Parameters
    ----------
    alpha : (h, w) float32 0…1
        What the first look found in the whole picture.
    points : tuple of Point
        Clicks; they stay in sight, so that what they say is not forgotten.
    below : float 0…1
        The share of the picture from which a window is too large.
    """
    found = alpha > 0.5
    if not found.any():
        return None
    sides = []
    for axis, full, clicked in (
        (1, height, [point.y for point in points]),
        (0, width, [point.x for point in points]),
    ):
        step = full / found.shape[1 - axis]
        taken = np.flatnonzero(found.any(axis)) * step
        first, last = min([taken[0], *clicked]), max([taken[-1] + step, *clicked])
        margin = _MARGIN * (last - first) + step
        sides += [max(0, int(first - margin)), min(full, math.ceil(last + margin))]
    seen = Window(*sides)
    pixels = (seen.y1 - seen.y0) * (seen.x1 - seen.x0)
    worth = found.size / _ENLARGED <= pixels < below * height * width
    return seen if worth else None


def merge_passes(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    seen: Window,
    height: int,
    width: int,
) -> NDArray[np.float32]:
    """Both looks as one matte of the whole picture.

    Parameters
    ----------
    first : (h, w) float32 0…1, of the whole picture
    second : float32 0…1 of any size, of the window `seen`
    height, width : of the picture

    Returns
    -------
    float32 0…1, at most three times as fine as `first` and never finer than the picture
    """
    import cv2

    shares = (seen.y1 - seen.y0) / height, (seen.x1 - seen.x0) / width
    rows, columns = (
        round(coarse * max(1, min(_FINER, fine / max(share * coarse, 1), full / coarse)))
        for coarse, fine, share, full in zip(
            first.shape, second.shape, shares, (height, width), strict=True
        )
    )
    matte = np.asarray(cv2.resize(first, (columns, rows)), np.float32)
    y0, x0 = int(seen.y0 * rows / height), int(seen.x0 * columns / width)
    y1 = max(y0 + 1, round(seen.y1 * rows / height))
    x1 = max(x0 + 1, round(seen.x1 * columns / width))
    part = matte[y0:y1, x0:x1]
    closer = np.asarray(cv2.resize(second, part.shape[::-1]), np.float32)
    matte[y0:y1, x0:x1] = logit_mean([part, closer], [1 - _SECOND, _SECOND])
    return matte
