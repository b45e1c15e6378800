"""A person who clicks until a matte is right, simulated as interactive segmentation is measured.

The protocol of Sofiiuk et al. ("Reviving Iterative Training with Mask Guidance", RITM, 2021): the
first click lies where the subject is thickest, each further one at the deepest point of what is
missing or of what is too much, whichever is deeper, and says which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.metrics.masks import iou
from mattelier.metrics.measures import MAX_CLICKS, REPORTED_CLICKS, TARGET_IOUS
from mattelier.requests import Point

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ClickOutcome:
    """What came of clicking on one picture.

    Attributes
    ----------
    alpha : (H, W) float32 0…1, predicted from the first five clicks, or fewer where they sufficed
    points : the clicks in order
    ious : IoU after each of them
    """

    alpha: NDArray[np.float32]
    points: tuple[Point, ...]
    ious: tuple[float, ...]


def simulate_clicks(
    predict: Callable[[tuple[Point, ...]], NDArray[np.float32]], truth: NDArray[np.float32]
) -> ClickOutcome:
    """Click until an IoU of 0.9 was reached, five times at least and twenty at most.

    Parameters
    ----------
    predict : gives an (H, W) alpha 0…1 for all clicks so far; 0.5 and above counts as subject
    truth : (H, W) float32 0…1
        Above 0.75 subject, of which there is some; below 0.25 background; between not scored.
    """
    subject = truth > 0.75
    scored = subject | (truth < 0.25)
    points: list[Point] = []
    ious: list[float] = []
    reported = np.zeros(truth.shape, np.float32)
    mask = np.zeros(truth.shape, bool)
    unclicked = np.ones(truth.shape, bool)  # no pixel is clicked on twice
    while len(points) < MAX_CLICKS:
        point = next_click(subject & ~mask & scored, mask & ~subject & scored, unclicked)
        if point is None:
            break
        points.append(point)
        unclicked[int(point.y), int(point.x)] = False
        alpha = predict(tuple(points))
        mask = alpha >= 0.5
        ious.append(iou(mask[scored], subject[scored]))
        if len(points) <= REPORTED_CLICKS:
            reported = alpha
        if len(points) >= REPORTED_CLICKS and max(ious) >= max(TARGET_IOUS):
            break
    return ClickOutcome(reported, tuple(points), tuple(ious))


def next_click(missing: Mask, surplus: Mask, unclicked: Mask) -> Point | None:
    """The deepest point of either mask that is `unclicked`; None when nothing is wrong."""
    depths = [np.where(unclicked, _depth(mask), 0) for mask in (missing, surplus)]
    positive = bool(depths[0].max() > depths[1].max())
    depth = depths[0] if positive else depths[1]
    if not depth.max() > 0:
        return None
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return Point(float(x), float(y), positive)


def _depth(mask: Mask) -> NDArray[np.float32]:
    """Distance to what is not in the mask, as which the picture's outside counts too."""
    padded = np.pad(mask.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance[1:-1, 1:-1], np.float32)
