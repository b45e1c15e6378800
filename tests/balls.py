"""A drawn picture of three things before a wall, with the exact alpha of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 240, 360
BALLS = ((90, 130, 52), (190, 110, 34), (290, 140, 45))  # x, y, radius


def ball(number: int) -> NDArray[np.float32]:
    """The exact alpha of one ball."""
    x, y, radius = BALLS[number]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1)


def photo() -> NDArray[np.uint8]:
    """Three shaded balls before a wall."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    picture = np.stack([0.62 + 0 * rows, 0.66 - 0.0003 * rows, 0.7 - 0.0002 * rows], -1)
    for number, colour in enumerate(((0.95, 0.35, 0.12), (0.1, 0.5, 0.9), (0.2, 0.7, 0.25))):
        x, y, radius = BALLS[number]
        distance = np.hypot(columns - x, rows - y) / radius
        light = 0.3 + 0.9 * np.sqrt(np.maximum(1 - distance**2, 0))
        light -= 0.2 * (columns - x + rows - y) / radius
        alpha = ball(number)[..., None]
        picture += alpha * (np.clip(light, 0, 1)[..., None] * np.array(colour) - picture)
    noise = np.random.default_rng(0).normal(0, 0.008, picture.shape)
    return (np.clip(picture + noise, 0, 1) * 255).astype(np.uint8)
