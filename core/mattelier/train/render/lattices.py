"""What has holes: nets, lace, fences; wires and twigs with what is between them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from mattelier.train.render.canvas import Canvas, Points
from mattelier.train.render.strands import grow_strands, outline, paint_strands


def _warp_cloth(points: Points, side: int, random: Generator) -> Points:
    """Points of a flat cloth (N, 2), 0…1, on the canvas: turned, hung in folds."""
    angle, size = random.uniform(0, 2 * np.pi), random.uniform(0.55, 1.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = (points - 0.5) @ turn.T * size * np.exp(random.uniform(-0.25, 0.25, 2))
    for _ in range(3):
        wave, phase = random.normal(0, 5, 2), random.uniform(0, 7)
        flat = flat + random.normal(0, 0.02, 2) * np.sin(flat @ wave + phase)[:, None]
    return np.asarray((flat + random.uniform(0.4, 0.6, 2)) * side, np.float32)


def paint_net(canvas: Canvas, random: Generator) -> None:
    """A net or fence: threads that cross, over a solid rim or alone."""
    side, random_colour = canvas.side, random.uniform(0.05, 0.95, 3).astype(np.float32)
    meshes = int(random.integers(6, 40))
    points = 60
    along = np.linspace(0, 1, points)
    lines = []
    slant = random.choice([0.0, random.uniform(-0.3, 0.3)])
    for cross in (0, 1):
        for place in np.linspace(0, 1, meshes):
            run = np.stack([along, np.full(points, place) + slant * along], 1)
            lines.append(run[:, ::-1] if cross else run)
    flat = _warp_cloth(np.concatenate(lines), side, random).reshape(len(lines), points, 2)
    room = random.uniform(0.06, 0.35) * side / meshes
    paint_strands(canvas, flat, random_colour, max(room, 0.5), random, spread=0.1)
    if random.random() < 0.5:
        canvas.polygon(outline(side, random) * 0.6, random_colour * random.uniform(0.6, 1))


def paint_lace(canvas: Canvas, random: Generator) -> None:
    """A cloth with rows of holes of one or two shapes."""
    side = canvas.side
    colour = random.uniform(0.05, 0.95, 3).astype(np.float32)
    canvas.polygon(outline(side, random, rough=0.08), colour)
    rows = int(random.integers(5, 22))
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(rows)), 2).reshape(-1, 2).astype(float)
    grid[:, 0] += 0.5 * (grid[:, 1] % 2)
    centres = _warp_cloth((grid / rows).astype(np.float32), side, random)
    corners = int(random.integers(3, 9))
    petals = random.uniform(0, 0.5)
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    radius = (1 + petals * np.cos(corners * turn)) * random.uniform(0.15, 0.42) * side * 0.7 / rows
    shape = np.stack([np.cos(turn), np.sin(turn)], 1) * radius[:, None]
    for centre in centres:
        canvas.hole((centre + shape * random.uniform(0.8, 1.1)).astype(np.float32))


def paint_wires(canvas: Canvas, random: Generator) -> None:
    """A few long wires, a stand, a bicycle's spokes."""
    side = canvas.side
    colour = random.uniform(0.02, 0.9, 3).astype(np.float32)
    count = int(random.integers(4, 30))
    if random.random() < 0.4:  # spokes
        centre = random.uniform(0.3, 0.7, 2) * side
        angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
        roots = np.tile(centre, (count, 1)).astype(np.float32)
        lengths = np.full(count, random.uniform(0.25, 0.5) * side)
        turn = np.linspace(0, 2 * np.pi, 90)
        rim = centre + lengths[0] * np.stack([np.cos(turn), np.sin(turn)], 1)
        paint_strands(canvas, rim[None].astype(np.float32), colour, random.uniform(2, 9), random)
        bend = 0.0
    else:
        roots = random.uniform(0, 1, (count, 2)).astype(np.float32) * side
        angles, lengths = (
            random.uniform(0, 2 * np.pi, count),
            random.uniform(0.4, 1.2, count) * side,
        )
        bend = float(random.normal(0, 1))
    wires = grow_strands(
        roots, angles, lengths, 40, random, bend=bend, curl=random.choice([0.0, 0.6])
    )
    paint_strands(canvas, wires, colour, float(np.exp(random.uniform(-0.5, 1.6))), random)


def paint_twigs(canvas: Canvas, random: Generator) -> None:
    """A branch that forks, bare or with leaves."""
    side = canvas.side
    bark = np.array([0.35, 0.26, 0.18]) * random.uniform(0.3, 1.8, 3)
    green = np.array([0.3, 0.48, 0.16]) * random.uniform(0.4, 1.9, 3)
    leafy = random.choice([0.0, random.uniform(0.2, 1)])
    leaf = random.uniform(0.012, 0.06) * side
    start = np.array([random.uniform(0.2, 0.8) * side, side * random.uniform(0.85, 1.05)])
    paths: list[tuple[Points, float]] = []
    ends = [(start, -np.pi / 2 + random.normal(0, 0.3), 0.35 * side, random.uniform(4, 12))]
    while ends and len(paths) < 260:
        root, angle, length, width = ends.pop(0)
        path = grow_strands(
            np.asarray(root, np.float32)[None], np.array([angle]), np.array([length]), 10, random,
            bend=random.normal(0, 0.3), unruly=0.08,
        )[0]  # fmt: skip
        paths.append((path, width))
        for _ in range(int(random.integers(2, 5))):
            at = path[int(random.integers(3, 11))]
            if length > 0.03 * side:
                shorter = length * random.uniform(0.45, 0.8)
                ends.append((at, angle + random.normal(0, 0.7), shorter, max(width * 0.6, 0.5)))
    for path, width in paths:
        shade = np.tile(bark * random.uniform(0.6, 1.2), (10, 1)).astype(np.float32)
        canvas.strand(path, width, max(width * 0.6, 0.4), shade)
        if leafy and width < 4:
            for at in path[1:]:
                if random.random() < leafy:
                    _leaf(canvas, at, leaf, green * random.uniform(0.5, 1.4), random)


def _leaf(canvas: Canvas, at: Points, size: float, colour: Points, random: Generator) -> None:
    turn = np.linspace(0, np.pi, 12)
    narrow = random.uniform(0.1, 0.6)
    half = np.stack([-np.cos(turn) * 0.5 + 0.5, np.sin(turn) * narrow * 0.5], 1)
    shape = np.concatenate([half, half[::-1] * [1, -1]]) * size * random.uniform(0.5, 1.3)
    angle = random.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    canvas.polygon((at + shape @ rotation).astype(np.float32), colour.astype(np.float32))


def paint_solid(canvas: Canvas, random: Generator) -> None:
    """A plain thing with a hard edge, and perhaps a hole."""
    side = canvas.side
    edge = outline(side, random, rough=random.uniform(0, 0.4))
    if random.random() < 0.4:
        edge = cv2.approxPolyDP(edge, 0.06 * side, True)[:, 0]
    canvas.polygon(edge, random.uniform(0.03, 0.97, 3).astype(np.float32))
    if random.random() < 0.3:
        centre = edge.mean(0)
        canvas.hole(centre + (outline(side, random) - side / 2) * random.uniform(0.1, 0.4))
