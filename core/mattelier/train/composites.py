"""Pictures made by pasting: any compact thing on any scene, with its exact alpha.

The few kinds of subject that the photographs hold would teach the network those kinds; a
subject pasted on a foreign scene, and shapes that are no known thing at all, teach it what
a subject is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.learning.augment import Image, resize_image

Alpha = NDArray[np.float32]


def paste(
    canvas: Image,
    subject: Image,
    alpha: Alpha,
    rng: Generator,
    *,
    box: tuple[float, ...] | None = None,
    margin: float = 1.1,
) -> tuple[Image, Alpha]:
    """Paste a subject at a random place and size, its light drawn to the scene's.

    With a `box` (x0, y0, x1, y1) it covers that, `margin` times as large.

    Returns the new canvas and the (H, W) alpha of the pasted subject in it.
    """
    size_y, size_x = canvas.shape[:2]
    ys, xs = np.nonzero(alpha > 0.1)
    if len(ys) < 16:
        return canvas, np.zeros((size_y, size_x), np.float32)
    window = (slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1))
    subject, alpha = subject[window], alpha[window]
    h, w = alpha.shape
    if box is None:
        scale = rng.uniform(0.3, 1.05) * min(size_y / h, size_x / w)
        stretch = np.exp(rng.uniform(-0.12, 0.12))
        cx, cy = rng.uniform(0.2, 0.8) * size_x, rng.uniform(0.25, 0.85) * size_y
    else:
        x0, y0, x1, y1 = box
        scale, stretch = margin * max((y1 - y0) / h, (x1 - x0) / w), 1.0
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    h, w = max(8, int(h * scale / stretch)), max(8, int(w * scale * stretch))
    h, w = min(h, 3 * size_y), min(w, 3 * size_x)
    subject = resize_image(subject, h, w)
    alpha = np.asarray(cv2.resize(alpha, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)
    if rng.random() < 0.5:
        subject, alpha = subject[:, ::-1], alpha[:, ::-1]
    x, y = int(cx - w / 2), int(cy - h / 2)
    placed = np.zeros((size_y, size_x), np.float32)
    colour = np.zeros((size_y, size_x, 3), np.float32)
    target = (slice(max(y, 0), min(y + h, size_y)), slice(max(x, 0), min(x + w, size_x)))
    source = (
        slice(target[0].start - y, target[0].stop - y),
        slice(target[1].start - x, target[1].stop - x),
    )
    if target[0].start >= target[0].stop or target[1].start >= target[1].stop:
        return canvas, placed
    placed[target] = alpha[source]
    colour[target] = subject[source]
    colour = _match_light(colour, placed, canvas, rng.uniform(0, 0.7))
    scene = canvas.astype(np.float32)
    if rng.random() < 0.3:
        scene = _cast_shadow(scene, placed, rng)
    mixed = scene + placed[..., None] * (colour - scene)
    return np.clip(mixed, 0, 255).astype(np.uint8), placed


def aspect(alpha: Alpha) -> float:
    """Width of a subject over its height, as `paste` crops it."""
    ys, xs = np.nonzero(alpha > 0.1)
    return float(np.ptp(xs) + 1) / float(np.ptp(ys) + 1) if len(ys) else 1.0


def soften_mask(truth: Image, rng: Generator) -> Alpha:
    """Alpha of a binary mask: soft, and shrunk by a pixel to leave the old background behind."""
    alpha = (truth > 192).astype(np.float32)
    if rng.random() < 0.7:
        alpha = cv2.erode(alpha, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.6, 1.4)), np.float32)


def random_shape(size: int, rng: Generator) -> Alpha:
    """A random compact shape: blob, polygon, ellipse, rounded box, or a few of them joined."""
    alpha = np.zeros((size, size), np.float32)
    for _ in range(int(rng.choice([1, 1, 2, 3, 4]))):
        figure = rng.integers(5)
        cx, cy = rng.uniform(0.35, 0.65, 2) * size
        rx, ry = rng.uniform(0.08, 0.36, 2) * size
        turn = rng.uniform(0, 360)
        part = np.zeros_like(alpha)
        if figure == 0:
            field = cv2.resize(
                rng.normal(size=(6, 6)).astype(np.float32),
                (size, size),
                interpolation=cv2.INTER_CUBIC,
            )
            yy, xx = np.mgrid[:size, :size]
            field -= 2.5 * (((xx - cx) / rx / 2) ** 2 + ((yy - cy) / ry / 2) ** 2) - 0.8
            part = (field > 0).astype(np.float32)
        elif figure == 1:
            corners = int(rng.integers(3, 10))
            angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
            radii = rng.uniform(0.5, 1.2, corners)
            points = np.stack(
                [cx + rx * radii * np.cos(angles), cy + ry * radii * np.sin(angles)], 1
            )
            cv2.fillPoly(part, [np.rint(points).astype(np.int32)], 1.0)
        elif figure == 2:
            cv2.ellipse(part, (int(cx), int(cy)), (int(rx), int(ry)), turn, 0, 360, 1.0, -1)
        elif figure == 3:
            corners4 = cv2.boxPoints(
                ((cx, cy), (2 * rx, 2 * ry), turn if rng.random() < 0.5 else 0)
            )
            cv2.fillPoly(part, [np.rint(corners4).astype(np.int32)], 1.0)
        else:
            ends = rng.uniform(0.15, 0.85, (2, 2)) * size
            thick = int(rng.uniform(0.01, 0.08) * size) + 1
            cv2.line(part, ends[0].astype(int).tolist(), ends[1].astype(int).tolist(), 1.0, thick)
        alpha = np.maximum(alpha, part)
    if rng.random() < 0.15:
        hole = np.zeros_like(alpha)
        cv2.circle(hole, (size // 2, size // 2), int(rng.uniform(0.04, 0.12) * size), 1.0, -1)
        alpha = alpha * (1 - hole)
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), rng.uniform(0.5, 1.2)), np.float32)


def random_surface(texture: Image, size: int, rng: Generator) -> Image:
    """What such a shape is made of: photographic texture, plain paint or print, with shading."""
    material = rng.random()
    if material < 0.5:
        paint = resize_image(texture, size, size)
        if rng.random() < 0.5:  # pull towards one paint, so that it reads as one thing
            paint = (paint * 0.5 + rng.uniform(0, 255, 3) * 0.5).astype(np.uint8)
    else:
        paint = np.empty((size, size, 3), np.uint8)
        paint[:] = rng.uniform(0, 255, 3)
        if material > 0.7:
            _print_on(paint, rng)
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    direction = rng.normal(size=2)
    shade = 1 + 0.35 * (ramp[None] * direction[0] + ramp[:, None] * direction[1]) / 2
    return np.asarray(np.clip(paint * shade[..., None], 0, 255), np.uint8)


def _print_on(surface: Image, rng: Generator) -> None:
    """Stripes, panels, and now and then a word, painted into the surface."""
    size = surface.shape[0]

    def random_paint() -> list[float]:
        return [float(value) for value in rng.uniform(0, 255, 3)]

    for _ in range(int(rng.integers(1, 7))):
        x, y = rng.integers(0, size, 2).tolist()
        width, height = int(rng.uniform(0.02, 0.8) * size), int(rng.uniform(0.02, 0.4) * size)
        cv2.rectangle(surface, (x, y), (x + width, y + height), random_paint(), -1)
    if rng.random() < 0.4:
        word = "".join(rng.choice(list("ABCDEFGHKLMNOPRSTUVXYZ0123456789"), 5))
        where = (int(rng.uniform(0.1, 0.5) * size), int(rng.uniform(0.3, 0.7) * size))
        font, scale = int(rng.integers(0, 5)), size / rng.uniform(90, 250)
        cv2.putText(surface, word, where, font, scale, random_paint(), int(rng.integers(1, 7)))


def _match_light(
    colour: NDArray[np.float32], alpha: Alpha, scene: Image, strength: float
) -> NDArray[np.float32]:
    inside = alpha > 0.5
    if not inside.any():
        return colour
    mean, spread = colour[inside].mean(0), colour[inside].std() + 1
    scene_mean, scene_spread = scene.reshape(-1, 3).mean(0), scene.std() + 1
    gain = 1 + strength * 0.6 * (np.clip(scene_spread / spread, 0.6, 1.6) - 1)
    shift = strength * 0.6 * (scene_mean - mean)
    return np.asarray((colour - mean) * gain + mean + shift, np.float32)


def _cast_shadow(scene: NDArray[np.float32], alpha: Alpha, rng: Generator) -> NDArray[np.float32]:
    size = alpha.shape[0]
    dx, dy = rng.uniform(-0.08, 0.08) * size, rng.uniform(0, 0.08) * size
    moved = cv2.warpAffine(alpha, np.array([[1, 0, dx], [0, 1, dy]], np.float32), alpha.shape[::-1])
    blurred = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.01, 0.05) * size)
    return np.asarray(scene * (1 - rng.uniform(0.2, 0.6) * blurred[..., None]), np.float32)
