"""A mask made worse at random, as a person or an earlier frame would give it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Alpha = NDArray[np.float32]


def corrupt_mask(alpha: Alpha, rng: Generator) -> Alpha:
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
