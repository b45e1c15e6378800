"""Hints as users give them: right, rough, shifted, stale, or only a click, a box, a trimap."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.matting.hint import CLICK_RADIUS, MASK_CONFIDENCE
from mattelier.train.recipe import HINT_KINDS

Alpha = NDArray[np.float32]


def hint(alpha: Alpha, rng: Generator, shares: tuple[float, ...]) -> NDArray[np.float32]:
    """Evidence (2, H, W) for the subject `alpha`, of a kind drawn by `shares` (of `HINT_KINDS`)."""
    evidence = np.zeros((2, *alpha.shape), np.float32)
    inside = alpha > 0.5
    kind = rng.choice(HINT_KINDS, p=shares)
    if kind == "none" or not inside.any():
        return evidence
    if kind == "mask":
        rough = damage(alpha, rng)
        evidence[0], evidence[1] = MASK_CONFIDENCE * rough, MASK_CONFIDENCE * (1 - rough)
    elif kind == "clicks":
        _click(evidence[0], inside, rng, int(rng.choice([1, 1, 1, 2, 3, 5])))
        if rng.random() < 0.35:
            _click(evidence[1], alpha < 0.05, rng, int(rng.integers(1, 4)))
    elif kind == "box":
        ys, xs = np.nonzero(inside)
        size_y, size_x = alpha.shape
        loose = rng.uniform(-0.02, 0.08, 4) * [size_x, size_y, size_x, size_y]
        x0, y0 = max(0, int(xs.min() - loose[0])), max(0, int(ys.min() - loose[1]))
        x1, y1 = int(xs.max() + 1 + loose[2]), int(ys.max() + 1 + loose[3])
        evidence[1] = 1
        evidence[1, y0:y1, x0:x1] = 0
    else:
        width = int(rng.uniform(0.01, 0.08) * alpha.shape[0]) * 2 + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        evidence[0] = cv2.erode((alpha > 0.98).astype(np.float32), kernel)
        evidence[1] = cv2.erode((alpha < 0.02).astype(np.float32), kernel)
    return evidence


def damage(alpha: Alpha, rng: Generator) -> Alpha:
    """A mask as a person or an earlier frame would give it, from nearly right to quite wrong."""
    size_y, size_x = alpha.shape
    mask = alpha.copy()
    if rng.random() < 0.15:
        return mask
    if rng.random() < 0.45:  # shifted, scaled, turned: the previous frame's matte, an old mask
        reach = 0.06 if rng.random() < 0.7 else 0.15
        matrix = cv2.getRotationMatrix2D(
            (size_x / 2, size_y / 2), rng.normal(0, 60 * reach), 1 + rng.normal(0, reach)
        )
        matrix[:, 2] += rng.normal(0, reach / 2, 2) * (size_x, size_y)
        mask = cv2.warpAffine(mask, matrix, (size_x, size_y))
    if rng.random() < 0.45:  # too fat or too thin
        width = int(rng.uniform(0.005, 0.04) * size_y) * 2 + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        thinner = cv2.erode(mask, kernel)
        thin = rng.random() < 0.5 and thinner.sum() > 0.3 * mask.sum()
        mask = thinner if thin else cv2.dilate(mask, kernel)
    if rng.random() < 0.3:  # wobbly outline
        grid = rng.normal(0, 1, (2, 8, 8)).astype(np.float32)
        bend = [cv2.resize(g, (size_x, size_y), interpolation=cv2.INTER_CUBIC) for g in grid]
        reach = rng.uniform(0.005, 0.03) * size_x
        yy, xx = np.mgrid[:size_y, :size_x].astype(np.float32)
        mask = cv2.remap(mask, xx + reach * bend[0], yy + reach * bend[1], cv2.INTER_LINEAR)
    if rng.random() < 0.3:  # a piece missing, a piece too many
        for value in (0.0, 1.0):
            if rng.random() < 0.6:
                where = (int(rng.uniform(0, size_x)), int(rng.uniform(0, size_y)))
                axes = (rng.uniform(0.02, 0.13, 2) * size_x).astype(int).tolist()
                cv2.ellipse(mask, where, axes, rng.uniform(0, 180), 0, 360, value, -1)
    if rng.random() < 0.35:  # coarse: blocks
        block = int(rng.choice([4, 8, 12, 16, 24]))
        small = cv2.resize(
            mask, (max(1, size_x // block), max(1, size_y // block)), interpolation=cv2.INTER_AREA
        )
        mode = cv2.INTER_NEAREST if rng.random() < 0.5 else cv2.INTER_LINEAR
        mask = cv2.resize(small, (size_x, size_y), interpolation=mode)
    if rng.random() < 0.3:
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 0.03 * size_y))
    elif rng.random() < 0.5:
        mask = (mask > 0.5).astype(np.float32)
    return np.asarray(np.clip(mask, 0, 1), np.float32)


def _click(channel: Alpha, where: NDArray[np.bool_], rng: Generator, count: int) -> None:
    distance = cv2.distanceTransform(where.astype(np.uint8), cv2.DIST_L2, 3)
    ys, xs = np.nonzero(distance >= min(3.0, 0.8 * float(distance.max())))
    radius = max(2, round(CLICK_RADIUS * max(channel.shape)))
    for pick in rng.integers(0, len(ys), count) if len(ys) else ():
        cv2.circle(channel, (int(xs[pick]), int(ys[pick])), radius, 1.0, -1)
