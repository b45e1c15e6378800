"""A window of a picture and its truth, at random: where it lies, how it is turned and flipped."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from mattelier.learning.augment import Image, resize_image


def random_crop(picture: Image, truth: Image, rng: Generator, size: int) -> tuple[Image, Image]:
    """A random window that keeps most of the subject, turned, flipped, scaled to size².

    The window's aspect is not the output's, so that the network meets the distortion of
    being fitted to round sizes. A truth (H, W, 2) is the subject's and that of others beside it.
    """
    height, width = truth.shape[:2]
    turned = rng.random()
    if turned < 0.15:
        angle = rng.uniform(-20, 20)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1 + abs(angle) / 60)
        picture = cv2.warpAffine(
            picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        truth = cv2.warpAffine(
            truth, matrix, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT
        )
    elif turned < 0.33:
        quarters = int(rng.choice((1, 3)))
        picture, truth = (np.rot90(image, quarters).copy() for image in (picture, truth))
        height, width = truth.shape[:2]
    meant = truth if truth.ndim == 2 else truth[..., 0]
    subject = max(1, int(np.count_nonzero(meant)))
    x = y = 0
    w, h = width, height
    if rng.random() < 0.75:
        for _ in range(6):
            share = rng.uniform(0.45, 1.0)
            aspect = np.exp(rng.uniform(-0.35, 0.35))
            w = min(width, max(16, int(width * np.sqrt(share) * aspect)))
            h = min(height, max(16, int(height * np.sqrt(share) / aspect)))
            x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
            if np.count_nonzero(meant[y : y + h, x : x + w]) >= 0.7 * subject:
                break
        else:
            x, y, w, h = 0, 0, width, height
    picture, truth = picture[y : y + h, x : x + w], truth[y : y + h, x : x + w]
    if rng.random() < 0.5:
        picture, truth = picture[:, ::-1], truth[:, ::-1]
    return resize_image(picture, size, size), resize_image(truth, size, size)
