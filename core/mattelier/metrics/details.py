"""Scores of what area hardly counts: holes and thin parts. Masks are (H, W) boolean.

A filled wheel or a lost strand costs a hundredth of IoU and is what an artist sees first.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_MIN_HOLE_SHARE = 0.0005  # of the picture; smaller holes are specks of the truth
_MIN_THIN_SHARE = 0.0005  # of the picture: from here there are thin parts, not just corners
_THIN_WIDTH_SHARE = 0.01  # of the longer side
_OPEN_SHARE = 0.5  # of a hole's pixels that are open, from which it counts as open


def holes_open(mask: Mask, truth: Mask) -> float:
    """The share of the truth's holes that are open in the mask; NaN where it has none.

    A hole is background that the subject encloses: a connected area (by its four neighbours) that
    does not reach the picture's border and covers 0.05 % of it at least. It is open where at least
    half of it is background in the mask as well; how large it is does not matter.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (~truth).astype(np.uint8), connectivity=4
    )
    border = set(np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])))
    open_pixels = np.bincount(labels[~mask], minlength=count)
    shares = [
        open_pixels[label] / stats[label, cv2.CC_STAT_AREA]
        for label in range(1, count)
        if label not in border and stats[label, cv2.CC_STAT_AREA] >= _MIN_HOLE_SHARE * truth.size
    ]
    return float(np.mean([share >= _OPEN_SHARE for share in shares])) if shares else math.nan


def thin_kept(mask: Mask, truth: Mask) -> float:
    """The share of the truth's thin parts that the mask has; NaN where it has hardly any.

    Thin is what a morphological opening by a disc as wide as 1 % of the longer side takes away.
    """
    # Odd, so that the disc has a middle: what is opened must not move.
    width = 2 * max(1, round(_THIN_WIDTH_SHARE * max(truth.shape) / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    # Beyond the border the subject goes on: what is cut off there is not thin for that.
    reach = width // 2 + 1
    padded = np.pad(truth.astype(np.uint8), reach, mode="edge")
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc)[reach:-reach, reach:-reach]
    thin = truth & (opened == 0)
    if int(thin.sum()) < _MIN_THIN_SHARE * truth.size:
        return math.nan
    return float(mask[thin].mean())
