"""A subject on a scene, as a camera and a file would bring it, with its alpha and a trimap."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.colour import linear_to_srgb, srgb_to_linear
from mattelier.train.degrade import jpeg, rounded, sensor_noise, white_noise
from mattelier.train.render.canvas import Canvas
from mattelier.train.render.source import Source, from_premultiplied
from mattelier.train.render.strands import outline

Colour = NDArray[np.float32]
Photo = NDArray[np.uint8]

_SURE = 0.01  # alpha nearer than this to 0 or 1 counts as known


@dataclass(frozen=True, eq=False)
class Scene:
    """`picture` (H, W, 3) uint8, `alpha` (H, W) float32 0…1, `trimap` (H, W) uint8 0/128/255.

    `foreground` (H, W, 3) float32 is the subject's straight colour, before noise.
    """

    picture: Photo
    alpha: NDArray[np.float32]
    foreground: Colour
    trimap: NDArray[np.uint8]


def composed(source: Source, photos: list[Photo], side: int, random: Generator) -> Scene | None:
    """The subject in front of one of these photographs; None where no edge came into view."""
    window = _window(source, side, random)
    colour, alpha = window.colour, window.alpha
    behind = _behind(photos, side, random)
    if random.random() < 0.45:
        colour = _textured(colour, _cut(photos, side, random), random)
    colour = _lit(colour, random)
    hidden = np.zeros(alpha.shape, bool)
    if random.random() < 0.25:  # another part of the subject, of which the trimap knows nothing
        canvas = Canvas(side)
        canvas.polygon(outline(side, random, rough=0.3), np.ones(3, np.float32))
        part = canvas.source().alpha
        print_ = _textured(np.full_like(colour, 0.5), _cut(photos, side, random), random)
        colour = colour + ((1 - alpha) * part)[..., None] * (_lit(print_, random) - colour)
        alpha = alpha + (1 - alpha) * part
        hidden = part > 0
    if random.random() < 0.2:  # camouflage
        share = random.uniform(0.3, 0.9)
        seen = colour[alpha > 0.5]
        if len(seen):
            colour = np.clip(colour + share * (behind.mean((0, 1)) - seen.mean(0)), 0, 1)
    colour, alpha = colour.astype(np.float32), alpha.astype(np.float32)
    cover = alpha[..., None]
    if random.random() < 0.4:
        light = srgb_to_linear(behind)
        mixed = linear_to_srgb(light + cover * (srgb_to_linear(colour) - light))
    else:
        mixed = behind + cover * (colour - behind)
    trimap = _trimap(alpha, hidden, random)
    unknown = float((trimap == 128).mean())
    if not 0.03 < unknown < 0.75 or not (trimap == 0).any() or not (trimap == 255).any():
        return None
    return Scene(_worn(mixed, random), alpha, colour, trimap)


def _window(source: Source, side: int, random: Generator) -> Source:
    """A square of the source around some place of its edge, at `side`; never enlarged much."""
    height, width = source.alpha.shape
    size = int(random.uniform(0.6, 1.0) * min(height, width))
    soft = np.flatnonzero((source.alpha > 0.1) & (source.alpha < 0.9))
    y, x = height // 2, width // 2
    if soft.size:
        y, x = (int(v) for v in np.unravel_index(random.choice(soft), source.alpha.shape))
    y = int(np.clip(y - random.uniform(0.2, 0.8) * size, 0, height - size))
    x = int(np.clip(x - random.uniform(0.2, 0.8) * size, 0, width - size))
    part = (slice(y, y + size), slice(x, x + size))
    alpha = source.alpha[part]
    layers = np.dstack([source.colour[part] * alpha[..., None], alpha])
    layers = np.rot90(layers, int(random.integers(4)))
    if random.integers(2):
        layers = layers[:, ::-1]
    mode = cv2.INTER_AREA if size >= side else cv2.INTER_LINEAR
    layers = cv2.resize(np.ascontiguousarray(layers), (side, side), interpolation=mode)
    return from_premultiplied(layers[..., :3], np.ascontiguousarray(layers[..., 3]))


def _cut(photos: list[Photo], side: int, random: Generator) -> Colour:
    """A square of a photograph at a random scale, (side, side, 3) 0…1."""
    photo = photos[int(random.integers(len(photos)))]
    height, width = photo.shape[:2]
    most = min(height, width)
    size = int(np.exp(random.uniform(np.log(min(0.4 * side, most)), np.log(most))))
    y, x = int(random.integers(height - size + 1)), int(random.integers(width - size + 1))
    cut = photo[y : y + size, x : x + size]
    mode = cv2.INTER_AREA if size >= side else cv2.INTER_CUBIC
    cut = cv2.resize(cut, (side, side), interpolation=mode).astype(np.float32) / 255
    return np.asarray(cut[:, ::-1] if random.integers(2) else cut, np.float32)


def _behind(photos: list[Photo], side: int, random: Generator) -> Colour:
    scene = _cut(photos, side, random)
    if random.random() < 0.5:  # out of focus
        scene = cv2.GaussianBlur(scene, (0, 0), float(np.exp(random.uniform(-0.5, 2.3))))
    if random.random() < 0.1:  # a studio's wall
        plain = random.uniform(0, 1, 3).astype(np.float32)
        scene = plain + np.float32(random.uniform(0, 0.3)) * (scene - scene.mean((0, 1)))
    return np.clip(_lit(scene, random), 0, 1)


def _textured(colour: Colour, print_: Colour, random: Generator) -> Colour:
    """The subject's shading with a photograph's texture on it, or instead of it."""
    if random.random() < 0.4:
        return print_
    pattern = print_ / max(float(print_.mean()), 0.05)
    share = np.float32(random.uniform(0.3, 1))
    return np.clip(colour * (1 + share * (pattern - 1)), 0, 1).astype(np.float32)


def _lit(colour: Colour, random: Generator) -> Colour:
    gain = np.exp(random.normal(0, 0.2) + random.normal(0, 0.08, 3))
    power = np.exp(random.normal(0, 0.15))
    return np.asarray(np.clip(np.clip(colour, 0, 1) ** power * gain, 0, 1), np.float32)


def _trimap(
    alpha: NDArray[np.float32], hidden: NDArray[np.bool_], random: Generator
) -> NDArray[np.uint8]:
    """What is soft or hidden is unknown, and so far around it as a hurried artist leaves."""
    widest = 3.3 if random.random() < 0.15 else 2.6
    subject, background = alpha > 1 - _SURE, alpha < _SURE
    sides = []
    for known in (subject & ~hidden, background & ~hidden):
        reach = float(np.exp(random.uniform(0.3, widest)))
        depth = cv2.distanceTransform(
            np.pad(known, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, 5
        )
        wobble = cv2.resize(random.random((9, 9)).astype(np.float32), alpha.shape[::-1])
        sides.append(depth[1:-1, 1:-1] > reach * (0.6 + 0.8 * wobble))
    trimap = np.full(alpha.shape, 128, np.uint8)
    trimap[sides[0]], trimap[sides[1]] = 255, 0
    return trimap


def _worn(colour: Colour, random: Generator) -> Photo:
    if random.random() < 0.7:
        strength = float(np.exp(random.uniform(np.log(0.3), np.log(6)))) / 255
        if random.random() < 0.5:
            colour = white_noise(colour, strength, random, float(random.random()))
        else:
            colour = sensor_noise(np.clip(colour, 0, 1), strength**2, strength / 8, random)
    if random.random() < 0.3:
        colour = jpeg(np.clip(colour, 0, 1), int(random.integers(70, 99)), bool(random.integers(2)))
    return rounded(colour)
