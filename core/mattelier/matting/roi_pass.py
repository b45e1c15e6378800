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

_MARGIN_SHARE = 0.1  # of the subject's box, on each side
_MAX_PIXEL_GAIN = 8  # times the pixels that it has; more would show it as nothing but blur
_SECOND_PASS_SHARE = 2 / 3  # its share of the mean; the first has seen the surroundings
# The resolution is raised by no more than this: clicks cost with its square.
_MAX_RESOLUTION_GAIN = 3


class Roi(NamedTuple):
    """Rows y0…y1−1 and columns x0…x1−1 of the picture."""

    y0: int
    y1: int
    x0: int
    x1: int

    def scaled(self, height: int, width: int, rows: int, columns: int) -> Roi:
        """The same window of a height × width picture in a matte of rows × columns."""
        y0, x0 = int(self.y0 * rows / height), int(self.x0 * columns / width)
        y1 = max(y0 + 1, round(self.y1 * rows / height))
        return Roi(y0, y1, x0, max(x0 + 1, round(self.x1 * columns / width)))


def find_roi(
    alpha: NDArray[np.float32],
    height: int,
    width: int,
    points: tuple[Point, ...] = (),
    *,
    below: float,
) -> Roi | None:
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
    subject = alpha > 0.5
    if not subject.any():
        return None
    sides = []
    for axis, full, click_places in (
        (1, height, [point.y for point in points]),
        (0, width, [point.x for point in points]),
    ):
        step = full / subject.shape[1 - axis]
        occupied = np.flatnonzero(subject.any(axis)) * step
        first, last = min([occupied[0], *click_places]), max([occupied[-1] + step, *click_places])
        margin = _MARGIN_SHARE * (last - first) + step
        sides += [max(0, int(first - margin)), min(full, math.ceil(last + margin))]
    roi = Roi(*sides)
    pixels = (roi.y1 - roi.y0) * (roi.x1 - roi.x0)
    worthwhile = subject.size / _MAX_PIXEL_GAIN <= pixels < below * height * width
    return roi if worthwhile else None


def merge_passes(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    roi: Roi,
    height: int,
    width: int,
) -> NDArray[np.float32]:
    """Both looks as one matte of the whole picture.

    Parameters
    ----------
    first : (h, w) float32 0…1, of the whole picture
    second : float32 0…1 of any size, of the window `roi`
    height, width : of the picture

    Returns
    -------
    float32 0…1, at most three times as fine as `first` and never finer than the picture
    """
    import cv2

    shares = (roi.y1 - roi.y0) / height, (roi.x1 - roi.x0) / width
    rows, columns = (
        round(
            coarse * max(1, min(_MAX_RESOLUTION_GAIN, fine / max(share * coarse, 1), full / coarse))
        )
        for coarse, fine, share, full in zip(
            first.shape, second.shape, shares, (height, width), strict=True
        )
    )
    matte = np.asarray(cv2.resize(first, (columns, rows)), np.float32)
    y0, y1, x0, x1 = roi.scaled(height, width, rows, columns)
    part = matte[y0:y1, x0:x1]
    closer = np.asarray(cv2.resize(second, part.shape[::-1]), np.float32)
    matte[y0:y1, x0:x1] = logit_mean([part, closer], [1 - _SECOND_PASS_SHARE, _SECOND_PASS_SHARE])
    return matte
