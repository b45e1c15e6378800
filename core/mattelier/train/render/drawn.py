"""A drawn subject by its number: of any type, sharp, out of focus or moving."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from mattelier.train.render import lattices, media, strands
from mattelier.train.render.canvas import Canvas
from mattelier.train.render.source import Source, from_premultiplied

SIDE = 512


def _painter(paint: Callable[[Canvas, Generator], None]) -> Callable[[int, Generator], Source]:
    def draw(side: int, random: Generator) -> Source:
        canvas = Canvas(side)
        paint(canvas, random)
        return canvas.source()

    return draw


SUBJECT_TYPES: dict[str, tuple[float, Callable[[int, Generator], Source]]] = {
    "hair": (0.28, _painter(strands.paint_hair)),
    "fur": (0.18, _painter(strands.paint_fur)),
    "feather": (0.06, _painter(strands.paint_feather)),
    "grass": (0.06, _painter(strands.paint_grass)),
    "net": (0.08, _painter(lattices.paint_net)),
    "lace": (0.05, _painter(lattices.paint_lace)),
    "wires": (0.05, _painter(lattices.paint_wires)),
    "twigs": (0.12, _painter(lattices.paint_twigs)),
    "solid": (0.06, _painter(lattices.paint_solid)),
    "smoke": (0.04, media.smoke),
    "glass": (0.02, media.glass),
}
"""How often each type is drawn, and what draws it at a side in pixels."""


def draw(seed: int, number: int, side: int = SIDE) -> Source:
    """Subject `number` of this seed, (side, side)."""
    random = np.random.default_rng((seed, number))
    shares = np.array([share for share, _ in SUBJECT_TYPES.values()])
    subject = list(SUBJECT_TYPES)[int(random.choice(len(SUBJECT_TYPES), p=shares / shares.sum()))]
    return add_lens_blur(SUBJECT_TYPES[subject][1](side, random), random)


def add_lens_blur(source: Source, random: Generator) -> Source:
    """The subject as a lens sees it: mostly sharp, sometimes out of focus or moving."""
    chance = random.random()
    if chance < 0.6:
        return source
    if chance < 0.9:
        radius = float(np.exp(random.uniform(np.log(0.6), np.log(4))))
        reach = int(np.ceil(radius))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
        kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    else:
        length, angle = random.uniform(2, 14), random.uniform(0, np.pi)
        reach = int(np.ceil(length / 2)) + 1
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
        u = np.abs(np.cos(angle) * x + np.sin(angle) * y)
        v = np.abs(np.cos(angle) * y - np.sin(angle) * x)
        kernel = np.clip(1 - v, 0, 1) * np.clip(length / 2 + 0.5 - u, 0, 1)
    layers = np.dstack([source.colour * source.alpha[..., None], source.alpha])
    blurred = cv2.filter2D(layers, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return from_premultiplied(
        np.ascontiguousarray(blurred[..., :3]), np.ascontiguousarray(blurred[..., 3])
    )
