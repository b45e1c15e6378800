"""Small random pictures to train restoring networks on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_clean_pictures(folder: Path, *, discs: bool = False) -> Path:
    """Write 16 smooth PNGs of 60 × 70, each with a hard-edged disc where asked for; the folder."""
    folder.mkdir()
    random = np.random.default_rng(3)
    for number in range(16):
        picture = cv2.resize(random.integers(0, 255, (9, 9, 3)).astype(np.uint8), (70, 60))
        if discs:
            cv2.circle(picture, (30, 30), 15, random.integers(0, 255, 3).tolist(), -1, cv2.LINE_AA)
        cv2.imencode(".png", picture)[1].tofile(folder / f"{number}.png")
    return folder
