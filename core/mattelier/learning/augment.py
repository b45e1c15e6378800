"""What a camera, an editor and the web do to a picture, at random, on uint8 RGB."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Pixel = TypeVar("Pixel", np.uint8, np.float32)


def resize_image(image: NDArray[Pixel], height: int, width: int) -> NDArray[Pixel]:
    """Area-averaged when shrinking, bilinear when growing; uint8 or float32."""
    shrink = height * width < image.shape[0] * image.shape[1]
    mode = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=mode)
    return np.asarray(resized, image.dtype)


def augment_photometry(picture: Image, rng: Generator) -> Image:
    """Exposure, white balance, contrast, saturation, resolution, blur, noise, JPEG: at times."""
    table = np.arange(256, dtype=np.float32) / 255
    curves = np.stack([table] * 3)
    if rng.random() < 0.7:
        gain = np.exp(rng.uniform(-0.45, 0.35) + rng.normal(0, 0.07, (3, 1)))
        curves = np.clip(curves * gain, 0, 1) ** np.exp(rng.uniform(-0.35, 0.35))
        curves = (curves - 0.5) * rng.uniform(0.75, 1.2) + 0.5
    lut = np.rint(np.clip(curves, 0, 1) * 255).astype(np.uint8).T.reshape(1, 256, 3)
    picture = np.asarray(cv2.LUT(picture, np.ascontiguousarray(lut)), np.uint8)
    chance = rng.random(5)
    if chance[4] < 0.2:
        height, width = picture.shape[:2]
        share = rng.uniform(0.15, 0.6)
        small = resize_image(picture, max(8, int(height * share)), max(8, int(width * share)))
        picture = resize_image(small, height, width)
    if chance[0] < 0.14:
        picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    elif chance[0] < 0.45:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        keep = rng.uniform(0.4, 1.4)
        picture = cv2.addWeighted(picture, keep, grey, 1 - keep, 0)
    if chance[1] < 0.12:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    elif chance[1] < 0.22:
        soft = cv2.GaussianBlur(picture, (0, 0), 1.0)
        picture = cv2.addWeighted(picture, 1.6, soft, -0.6, 0)
    if chance[2] < 0.2:
        noise = rng.normal(0, rng.uniform(2, 14), picture.shape).astype(np.float32)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if chance[3] < 0.25:
        quality = int(rng.integers(25, 90))
        code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(picture, np.uint8)
