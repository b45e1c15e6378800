"""What light passes through: smoke, clouds, glass."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.train.render.canvas import Canvas
from mattelier.train.render.source import Source
from mattelier.train.render.strands import outline

_OCTAVES = 6


def clouds(side: int, random: Generator, rough: float = 0.55) -> NDArray[np.float32]:
    """Noise of all scales (Perlin's turbulence), (side, side), mean 0 and deviation about 1."""
    field = np.zeros((side, side), np.float32)
    for octave in range(_OCTAVES):
        knots = random.normal(0, 1, (3 << octave, 3 << octave)).astype(np.float32)
        larger = cv2.resize(knots, (side, side), interpolation=cv2.INTER_CUBIC)
        field += np.float32(rough**octave) * larger
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), np.float32)


def smoke(side: int, random: Generator) -> Source:
    """A soft volume that is nowhere quite solid, or only in its midst."""
    canvas = Canvas(side)
    canvas.polygon(outline(side, random), np.ones(3, np.float32))
    body = canvas.source().alpha
    body = cv2.GaussianBlur(body, (0, 0), random.uniform(0.04, 0.14) * side)
    density = (
        body * np.exp(random.uniform(0.3, 1.2) * clouds(side, random)) * random.uniform(0.5, 5)
    )
    alpha = np.clip((1 - np.exp(-density) - 0.03) / 0.97, 0, 1)
    grey = random.uniform(0.1, 1) + random.uniform(0, 0.12) * clouds(side, random, 0.4)
    tint = 1 + random.normal(0, 0.08, 3)
    colour = np.clip(grey[..., None] * tint, 0, 1).astype(np.float32)
    return Source(colour, alpha.astype(np.float32))


def glass(side: int, random: Generator) -> Source:
    """A vessel: a clear body, a denser rim, highlights that hide what is behind."""
    canvas = Canvas(side)
    shape = outline(side, random, rough=0.08)
    canvas.polygon(shape, np.ones(3, np.float32))
    body = canvas.source().alpha
    inside = cv2.distanceTransform((body > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    rim = np.exp(-inside / (random.uniform(0.008, 0.05) * side))
    clear = random.uniform(0.1, 0.5)
    alpha = clear + (random.uniform(0.6, 1) - clear) * rim
    glare = np.clip(clouds(side, random, 0.35) - random.uniform(1, 1.8), 0, 1)
    tint = random.uniform(0.2, 0.9, 3)
    colour = tint * (0.6 + 0.4 * rim[..., None]) + glare[..., None]
    alpha = np.maximum(alpha, glare) * body
    return Source(np.clip(colour, 0, 1).astype(np.float32), alpha.astype(np.float32))
