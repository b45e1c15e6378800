"""Made clips: a textured disc that moves over a textured wall, with the truth of every frame."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 112, 192

Clip = tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]


def texture(seed: int, colour: tuple[float, float, float]) -> NDArray[np.float32]:
    """Smooth spots around a colour, larger than the view."""
    noise = np.random.default_rng(seed).normal(0, 1, (HEIGHT * 2, WIDTH * 2, 3))
    spots = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 2.5)
    return np.clip(np.array(colour) + 0.06 * spots / spots.std(), 0, 1).astype(np.float32)


def disc_clip(
    places: Iterable[tuple[float, float]],
    *,
    wall: tuple[float, float, float] = (0.35, 0.42, 0.5),
    disc: tuple[float, float, float] = (0.85, 0.4, 0.15),
    bar: int | None = None,
    radius: int = 22,
) -> Clip:
    """Views (h, w, 3) 0…1 and alphas (h, w) of a disc at those (x, y), behind a bar or not."""
    back, skin = texture(1, wall)[:HEIGHT, :WIDTH], texture(2, disc)
    front = texture(3, (0.1, 0.3, 0.12))
    ys, xs = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    views, alphas = [], []
    for x, y in places:
        alpha = np.clip(radius - np.hypot(xs - x, ys - y) + 0.5, 0, 1)
        move = np.float32([[1, 0, x - WIDTH], [0, 1, y - HEIGHT]])
        moved = cv2.warpAffine(skin, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_WRAP)
        view = back + alpha[..., None] * (moved - back)
        if bar is not None:
            view[:, bar : bar + 26] = front[:HEIGHT, bar : bar + 26]
            alpha[:, bar : bar + 26] = 0
        views.append(np.rint(view * 255).astype(np.float32) / 255)
        alphas.append(alpha.astype(np.float32))
    return views, alphas


def iou(alpha: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    ours, theirs = alpha > 0.5, truth > 0.5
    either = int((ours | theirs).sum())
    return int((ours & theirs).sum()) / either if either else 1.0
