"""Scenes to paste a subject on when there are none: made up, or pictures with theirs taken out."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.learning.augment import Image
from mattelier.train import composites


def remove_subject(picture: Image, truth: Image) -> Image:
    """The picture with what surrounds its subject blurred over it.

    Parameters
    ----------
    picture : (H, W, 3) RGB uint8
    truth : (H, W) uint8, 255 on the subject
    """
    height, width = truth.shape
    reach = max(3, round(0.03 * max(height, width))) | 1
    hole = cv2.dilate((truth > 16).astype(np.uint8), np.ones((reach, reach), np.uint8))
    background = (1 - hole).astype(np.float32)
    colour = picture.astype(np.float32)
    filled = np.empty_like(colour)
    filled[:] = colour[hole == 0].mean(axis=0) if not hole.all() else 128
    for share in (0.3, 0.1, 0.03, 0.01):  # from afar first, what is near then paints over it
        sigma = share * max(height, width)
        weight = cv2.GaussianBlur(background, (0, 0), sigma)[..., None]
        blurred = cv2.GaussianBlur(colour * background[..., None], (0, 0), sigma)
        trust = np.clip(weight * 4, 0, 1)
        filled += trust * (blurred / np.maximum(weight, 1e-4) - filled)
    return np.asarray(np.clip(np.where(hole[..., None] > 0, filled, colour), 0, 255), np.uint8)


def random_scene(size: int, rng: Generator) -> Image:
    """A scene of no place: soft colours, textures of all scales and a few shapes; size² RGB."""
    canvas = _noise(size, 3, rng) * rng.uniform(20, 90) + rng.uniform(30, 225, 3)
    for humps in (8, 24, 80):
        canvas = canvas + _noise(size, humps, rng) * rng.uniform(0, 28)
    grey = canvas.mean(axis=-1, keepdims=True)
    canvas = grey + rng.uniform(0.1, 0.7) * (canvas - grey)  # the world is not as loud
    scene = np.asarray(np.clip(canvas, 0, 255), np.uint8)
    for _ in range(int(rng.integers(0, 7))):
        paint = composites.random_surface(scene, size, rng)
        shape = composites.random_shape(size, rng)
        scene = composites.paste(scene, paint, shape, rng)[0]
    if rng.random() < 0.6:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.5, 5)), np.uint8)
    return scene


def random_pattern(size: int, rng: Generator) -> Image:
    """Stripes, checks, a ramp or noise: a picture without a subject; size² RGB."""
    paints = rng.uniform(0, 255, (2, 3))
    if rng.random() < 0.5:  # of one hue
        paints[1] = np.clip(paints[0] + rng.choice([-1, 1]) * rng.uniform(15, 200), 0, 255)
    turn = rng.uniform(0, np.pi) if rng.random() < 0.5 else rng.integers(2) * np.pi / 2
    period = size * np.exp(rng.uniform(np.log(0.015), np.log(0.25)))
    yy, xx = np.mgrid[:size, :size] + rng.uniform(0, size)
    kind = rng.choice(["stripes", "checks", "ramp", "noise"])
    if kind == "noise":
        mix = _noise(size, int(max(2, size / period)), rng)[..., 0]
    elif kind == "ramp":
        mix = 2 * (xx * np.cos(turn) + yy * np.sin(turn) - xx.min()) / size - 1
    else:
        mix = np.sin(2 * np.pi / period * (xx * np.cos(turn) + yy * np.sin(turn)))
        if kind == "checks":
            mix = mix * np.sin(2 * np.pi / period * (yy * np.cos(turn) - xx * np.sin(turn)))
        mix = np.clip(mix * np.exp(rng.uniform(0, 5)), -1, 1)  # from waves to sharp edges
    share = np.clip(0.5 + 0.5 * mix, 0, 1)[..., None]
    picture = paints[0] + share * (paints[1] - paints[0])
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(0, 12), (size, size, 1))
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _noise(size: int, humps: int, rng: Generator) -> NDArray[np.float32]:
    field = rng.normal(0, 1, (humps, humps, 3)).astype(np.float32)
    return np.asarray(cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
