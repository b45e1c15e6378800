"""Lines that grow: hair, fur, feathers, grass."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.train.render.canvas import Canvas, Points

_SHADES = 6  # tones within one head of hair


def grow_strands(
    roots: Points,
    angles: Points,
    lengths: Points,
    steps: int,
    random: Generator,
    *,
    bend: Points | float = 0.0,
    curl: float = 0.0,
    unruly: float = 0.0,
) -> Points:
    """Strands from `roots` (N, 2): (N, steps + 1, 2) points.

    Parameters
    ----------
    angles : (N,) radians, the direction each starts in
    lengths : (N,) pixels
    bend : radians by which each has turned at its tip
    curl : radians to each side, in waves
    unruly : standard deviation of the turn at each step, radians
    """
    count = len(roots)
    along = np.linspace(0, 1, steps, dtype=np.float32)[None]
    turn = np.asarray(angles, np.float32)[:, None] + np.asarray(bend).reshape(-1, 1) * along
    if curl:
        waves = random.uniform(1, 1 + steps / 6) + random.normal(0, 0.3, (count, 1))
        phase = random.uniform(0, 2 * np.pi) + random.normal(0, 0.8, (count, 1))
        turn = turn + curl * np.sin(2 * np.pi * waves * along + phase)
    if unruly:
        turn = turn + np.cumsum(random.normal(0, unruly, (count, steps)), 1)
    pieces = (np.asarray(lengths, np.float32) / steps)[:, None, None] * np.stack(
        [np.cos(turn), np.sin(turn)], 2
    )
    way = np.cumsum(pieces, 1)
    return np.concatenate([roots[:, None], roots[:, None] + way], 1).astype(np.float32)


def hair_colour(random: Generator) -> Points:
    """Black, brown, red, blond, grey or dyed: (3,) display-encoded RGB."""
    if random.random() < 0.2:
        return np.asarray(random.uniform(0.05, 0.95, 3), np.float32)
    dark, pale = np.array([0.06, 0.05, 0.045]), np.array([0.86, 0.76, 0.58])
    if random.random() < 0.25:
        pale = np.array([0.62, 0.28, 0.12])
    if random.random() < 0.2:
        dark, pale = np.array([0.12] * 3), np.array([0.92, 0.92, 0.93])
    return np.asarray(dark + random.random() ** 1.3 * (pale - dark), np.float32)


def paint_strands(
    canvas: Canvas,
    strands: Points,
    colour: Points,
    width: float,
    random: Generator,
    *,
    spread: float = 0.2,
) -> None:
    """Paint strands (N, steps + 1, 2), lit by one light as fibres are (Kajiya and Kay 1989)."""
    pieces = np.diff(strands, axis=1)
    angle = np.arctan2(pieces[..., 1], pieces[..., 0])
    light = random.uniform(0, 2 * np.pi)
    across = np.abs(np.sin(angle - light))
    shine = random.uniform(0, 0.5) * across ** random.uniform(8, 40)
    steps = pieces.shape[1]
    root = np.linspace(random.uniform(0.5, 1), random.uniform(0.9, 1.15), steps)[None]
    depth = np.linspace(random.uniform(0.45, 0.9), 1.05, len(strands))[:, None]  # behind is darker
    level = (0.5 + 0.5 * across) * root * depth
    tints = np.exp(
        random.normal(0, spread, (_SHADES, 1)) + random.normal(0, spread / 6, (_SHADES, 3))
    )
    tint = tints[random.integers(0, _SHADES, len(strands))]
    colours = colour * tint[:, None] * level[..., None] + shine[..., None]
    widths = width * np.exp(random.normal(0, 0.25, len(strands)))
    tips = widths * random.uniform(0.2, 1)
    for strand, one, thick, tip in zip(
        strands, colours.astype(np.float32), widths, tips, strict=True
    ):
        canvas.strand(strand, float(thick), float(tip), one)


def outline(side: int, random: Generator, rough: float = 0.15) -> Points:
    """A closed soft outline, (360, 2), somewhere on the canvas."""
    turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    radius = np.ones_like(turn)
    for wave in range(1, 7):
        radius += rough / wave * random.normal() * np.cos(wave * turn + random.uniform(0, 7))
    size = random.uniform(0.16, 0.34) * side
    centre = random.uniform(0.35, 0.65, 2) * side
    stretch = np.exp(random.uniform(-0.3, 0.3))
    x, y = np.cos(turn) * radius * size * stretch, np.sin(turn) * radius * size / stretch
    return np.stack([centre[0] + x, centre[1] + y], 1).astype(np.float32)


def _points_on(
    edge: Points, count: int, random: Generator
) -> tuple[Points, Points, NDArray[np.intp]]:
    """Roots on and inside an outline, the way out of it there, and where along it they are."""
    where = random.integers(0, len(edge), count)
    tangent = np.roll(edge, -1, 0) - np.roll(edge, 1, 0)
    out = np.arctan2(-tangent[:, 0], tangent[:, 1])[where]
    depth = random.uniform(0, 0.95, (count, 1)) ** 1.5
    roots = edge[where] + depth * (edge.mean(0) - edge[where])
    return roots.astype(np.float32), out.astype(np.float32), where


def _smooth_random(count: int, size: float, random: Generator) -> Points:
    """A number that changes slowly around an outline: neighbours lie alike, in locks."""
    knots = int(random.integers(4, 60))
    values = np.tile(random.normal(0, size, knots).astype(np.float32), 3)
    wide = cv2.resize(values[None], (3 * count, 1), interpolation=cv2.INTER_CUBIC)[0]
    return np.asarray(wide[count : 2 * count], np.float32)


def paint_hair(canvas: Canvas, random: Generator) -> None:
    """A head of hair: locks, curls and flyaways over a solid body."""
    side = canvas.side
    edge = outline(side, random)
    colour = hair_colour(random)
    canvas.polygon(edge, colour * random.uniform(0.3, 1.0))
    count = int(np.exp(random.uniform(np.log(150), np.log(3500))))
    roots, out, where = _points_on(edge, count, random)
    down = np.float32(np.pi / 2)
    fall = random.uniform(0, 0.9)  # how far it hangs instead of standing out
    lean = np.angle(np.exp(1j * (down - out)))
    angles = (
        out + fall * lean + _smooth_random(360, 0.5, random)[where] + random.normal(0, 0.15, count)
    )
    bend = _smooth_random(360, random.uniform(0.2, 1.5), random)[where] + random.normal(
        0, 0.3, count
    )
    lengths = random.uniform(0.06, 0.4) * side * np.exp(random.normal(0, 0.35, count))
    curl = random.choice([0.0, random.uniform(0.1, 1.2)])
    strands = grow_strands(
        roots,
        angles,
        lengths,
        14,
        random,
        bend=bend,
        curl=float(curl),
        unruly=random.uniform(0, 0.12),
    )
    width = float(np.exp(random.uniform(np.log(0.3), np.log(1.6))))
    paint_strands(canvas, strands, colour, width, random)


def paint_fur(canvas: Canvas, random: Generator) -> None:
    """A coat of short hair all over a body."""
    side = canvas.side
    edge = outline(side, random, rough=0.25)
    colour = hair_colour(random)
    canvas.polygon(edge, colour * random.uniform(0.5, 1.0))
    count = int(random.integers(2500, 8000))
    roots, out, where = _points_on(edge, count, random)
    angles = (
        out
        + _smooth_random(360, 0.7, random)[where]
        + random.normal(0, random.uniform(0.1, 0.5), count)
    )
    lengths = random.uniform(0.02, 0.1) * side * np.exp(random.normal(0, 0.3, count))
    bend = _smooth_random(360, 0.6, random)[where]
    strands = grow_strands(
        roots, angles, lengths, 5, random, bend=bend, unruly=random.uniform(0, 0.2)
    )
    paint_strands(canvas, strands, colour, random.uniform(0.3, 1.2), random, spread=0.3)


def paint_grass(canvas: Canvas, random: Generator) -> None:
    """Blades and stalks from below."""
    side, count = canvas.side, int(random.integers(30, 350))
    colour = np.array([0.3, 0.5, 0.2]) * random.uniform(0.4, 1.7, 3)
    x = random.uniform(-0.1, 1.1, count) * side
    roots = np.stack([x, side * random.uniform(0.75, 1.05, count)], 1).astype(np.float32)
    angles = -np.pi / 2 + random.normal(0, 0.25, count)
    lengths = random.uniform(0.25, 0.85) * side * random.uniform(0.4, 1, count)
    strands = grow_strands(roots, angles, lengths, 12, random, bend=random.normal(0, 0.8, count))
    canvas.polygon(
        np.array([[0, 0.9], [1, 0.88], [1, 1], [0, 1]], np.float32) * side,
        colour.astype(np.float32),
    )
    paint_strands(canvas, strands, colour.astype(np.float32), random.uniform(1, 6), random)


def paint_feather(canvas: Canvas, random: Generator) -> None:
    """Feathers: barbs to both sides of a shaft, with gaps where they have come apart."""
    side = canvas.side
    colour = hair_colour(random)
    for _ in range(int(random.integers(1, 4))):
        root = random.uniform(0.2, 0.8, (1, 2)).astype(np.float32) * side
        heading = np.arctan2(0.5 * side - root[0, 1], 0.5 * side - root[0, 0])
        length = np.array([random.uniform(0.5, 0.9) * side])
        shaft = grow_strands(
            root, np.array([heading + random.normal(0, 0.4)]), length, 200, random,
            bend=random.normal(0, 0.5),
        )[0]  # fmt: skip
        ahead = np.diff(shaft, axis=0)
        heading_at = np.arctan2(ahead[:, 1], ahead[:, 0])
        at = np.sort(random.integers(10, 200, int(random.integers(300, 900))))
        sides = random.choice([-1, 1], len(at))
        gaps = _smooth_random(200, 0.25, random)[at]
        angles = heading_at[at] + sides * (random.uniform(0.5, 1.1) + gaps)
        reach = np.sin(np.pi * np.clip(at / 200, 0.02, 1) ** random.uniform(0.5, 1.2))
        lengths = random.uniform(0.06, 0.2) * side * reach + 2
        barbs = grow_strands(
            shaft[at], angles, lengths, 8, random,
            bend=-sides * random.uniform(0, 0.8), unruly=random.uniform(0, 0.1),
        )  # fmt: skip
        paint_strands(canvas, barbs, colour, random.uniform(0.4, 1.4), random)
        paint_strands(canvas, shaft[None, ::10], colour * 0.7, random.uniform(1, 3), random)
