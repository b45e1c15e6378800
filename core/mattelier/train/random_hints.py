"""Hints at random, as users and tracking give them: masks from right to stale, clicks, boxes …

They are evidence at the network's size; `evaluate.standard_hints` has the exact ones that are
scored.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.learning.corrupt_mask import corrupt_mask
from mattelier.matting.hint import CLICK_RADIUS, MASK_CONFIDENCE
from mattelier.train.recipe import HINT_KINDS

Alpha = NDArray[np.float32]


def draw_hint(
    alpha: Alpha, rng: Generator, shares: tuple[float, ...], others: Sequence[Alpha] = ()
) -> NDArray[np.float32]:
    """Evidence (2, H, W) for the subject `alpha`, of a type drawn by `shares` (of `HINT_KINDS`).

    `others` are subjects beside it that are not meant: clicks against go to them first.
    """
    evidence = np.zeros((2, *alpha.shape), np.float32)
    inside = alpha > 0.5
    hint_type = rng.choice(HINT_KINDS, p=shares)
    if hint_type == "none" or not inside.any():
        return evidence
    if hint_type == "mask":
        rough = corrupt_mask(alpha, rng)
        evidence[0], evidence[1] = MASK_CONFIDENCE * rough, MASK_CONFIDENCE * (1 - rough)
    elif hint_type == "clicks":
        _draw_clicks(evidence[0], inside, rng, int(rng.choice([1, 1, 1, 2, 3, 5])))
        if rng.random() < 0.35:
            for _ in range(int(rng.integers(1, 4))):
                where = alpha < 0.05
                if others and rng.random() < 0.8:
                    where = where & (others[int(rng.integers(len(others)))] > 0.5)
                _draw_clicks(evidence[1], where, rng, 1)
    elif hint_type == "box":
        ys, xs = np.nonzero(inside)
        size_y, size_x = alpha.shape
        margin = rng.uniform(-0.02, 0.08, 4) * [size_x, size_y, size_x, size_y]
        x0, y0 = max(0, int(xs.min() - margin[0])), max(0, int(ys.min() - margin[1]))
        x1, y1 = int(xs.max() + 1 + margin[2]), int(ys.max() + 1 + margin[3])
        evidence[1] = 1
        evidence[1, y0:y1, x0:x1] = 0
    elif hint_type == "tracked":
        odds = _tracked(alpha, rng, others)
        evidence[0], evidence[1] = np.maximum(odds, 0), np.maximum(-odds, 0)
    else:
        width = int(rng.uniform(0.01, 0.08) * alpha.shape[0]) * 2 + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        evidence[0] = cv2.erode((alpha > 0.98).astype(np.float32), kernel)
        evidence[1] = cv2.erode((alpha < 0.02).astype(np.float32), kernel)
    return evidence


def _tracked(alpha: Alpha, rng: Generator, others: Sequence[Alpha]) -> Alpha:
    """−0.7…0.7: what an earlier frame's matte and a place's looks say, as unsure as they are.

    It strays onto others: what tracking collects little by little, and the network has to refuse.
    """
    size_y, size_x = alpha.shape
    odds = 2 * stray_onto(corrupt_mask(alpha, rng), others, rng) - 1
    looks, sure = (
        cv2.resize(grid.astype(np.float32), (size_x, size_y), interpolation=cv2.INTER_CUBIC)
        for grid in (rng.normal(0, rng.uniform(0, 0.5), (12, 12)), rng.uniform(0, 1.6, (8, 8)))
    )
    odds = np.clip((odds + looks) * np.clip(sure, 0, 1), -1, 1)
    return np.asarray(np.float32(MASK_CONFIDENCE) * odds, np.float32)


def stray_onto(mask: Alpha, others: Sequence[Alpha], rng: Generator) -> Alpha:
    """A mask that takes discs of others along, as far as each is taken for the subject."""
    strayed = mask.copy()
    for other in others:
        ys, xs = np.nonzero(other > 0.5)
        if len(ys) and rng.random() < 0.6:
            pick = int(rng.integers(len(ys)))
            disc = np.zeros_like(mask)
            reach = rng.uniform(0.04, 0.16) * max(mask.shape)
            cv2.circle(disc, (int(xs[pick]), int(ys[pick])), max(2, int(reach)), 1.0, -1)
            where = (disc > 0) & (other > 0.5)
            strayed[where] = np.maximum(strayed[where], rng.uniform(0.5, 1))
    return strayed


def _draw_clicks(channel: Alpha, where: NDArray[np.bool_], rng: Generator, count: int) -> None:
    distance = cv2.distanceTransform(where.astype(np.uint8), cv2.DIST_L2, 3)
    ys, xs = np.nonzero(distance >= min(3.0, 0.8 * float(distance.max())))
    radius = max(2, round(CLICK_RADIUS * max(channel.shape)))
    for pick in rng.integers(0, len(ys), count) if len(ys) else ():
        cv2.circle(channel, (int(xs[pick]), int(ys[pick])), radius, 1.0, -1)
