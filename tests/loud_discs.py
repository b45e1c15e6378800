"""Discs of a loud colour with their masks, and green noise to put them on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

LOUD = (255, 0, 255)  # of subjects, which nothing else here is


def write_loud_discs(root: Path) -> Path:
    """`discs/images`, `discs/masks` and `scenes` in `root`, 24 pictures each."""
    random = np.random.default_rng(3)
    for name in ("discs/images", "discs/masks", "scenes"):
        (root / name).mkdir(parents=True)
    for number in range(24):
        mask = np.zeros((96, 96), np.uint8)
        cv2.circle(mask, (48, 48), 30 + number % 12, 255, -1)
        picture = np.where(mask[..., None] > 0, np.uint8(LOUD), np.uint8((40, 120, 60)))
        cv2.imwrite(str(root / "discs/images" / f"{number}.png"), picture[..., ::-1])
        cv2.imwrite(str(root / "discs/masks" / f"{number}.png"), mask)
        scene = np.zeros((120, 160, 3), np.uint8)
        scene[..., 1] = cv2.GaussianBlur(random.integers(0, 255, (120, 160), np.uint8), (0, 0), 2)
        cv2.imwrite(str(root / "scenes" / f"{number}.png"), scene)
    return root
