"""Keyed splines of a shot's mattes: few points, few key frames, within a tolerance.

Each piece of the subject, and each hole in it, is one closed cubic Bézier curve for as long as it
can be followed from frame to frame. All key frames of a curve have the same points, and between
them points and handles go straight and evenly, as hosts interpolate the shapes of a mask. A key
frame stands only where the curve would else leave the tolerance (as Douglas and Peucker 1973 thin
a line), a point only where one of the frames needs it (Schneider 1990, in Graphics Gems).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, minimum_filter1d
from scipy.spatial import cKDTree

from mattelier.matting.outlines import Outline, Points, area, find_outlines, perimeter, resample

Shape = NDArray[np.float64]

_FIT_SHARE = 0.7  # of the tolerance, for the curve on one frame; the rest is for the way between
_STEP_PX = 5.0  # of an outline, between the samples that are looked for on the next frame
_MIN_STEPS, _MAX_STEPS = 24, 240
_SAMPLE_PX = 1.5
_MAX_BETWEEN = 12
_FINER = 6  # places on the next outline for each sample
_STEP_WEIGHT = 1.0
_LEAN_WEIGHT = 2.0
_TURN_WEIGHT = 20.0
_FORGETTING = 0.03  # of how a place turned, from frame to frame
_DRIFT_SIGMA = 1.0  # samples: what is found counts whole places
_SAME_PIECE = 0.15  # how like each other two outlines are that belong together
_LIKENESS_PX = 96  # size at which they are compared
_CORNER_COSINE = 0.5  # sharper turns are corners
_LEAN_SAMPLES = 3  # to each side, that a point's direction is taken from


@dataclass(frozen=True)
class Spline:
    """A closed Bézier curve over time.

    Attributes
    ----------
    depth : int
        How many others it lies in: even around the subject, odd around a hole.
    first, last : int
        The frames on which it is there.
    corners : tuple of int
        The points whose handles may go different ways.
    keys : dict
        Frame → (P, 3, 2) float64: each point, its handle before and that after it, x and y in
        pixels from the picture's top left corner.
    """

    depth: int
    first: int
    last: int
    corners: tuple[int, ...]
    keys: dict[int, Shape]


@dataclass(frozen=True)
class Traced:
    """What came of a shot's mattes.

    Attributes
    ----------
    splines : tuple of Spline
        Outer ones before those that lie in them.
    left_out : int
        Pieces that are nowhere thicker than the tolerance, counted on each frame.
    """

    splines: tuple[Spline, ...]
    left_out: int


@dataclass
class _Strand:
    """A piece followed from frame to frame."""

    depth: int
    frames: list[int] = field(default_factory=list)
    outlines: list[Points] = field(default_factory=list)


def trace(mattes: Iterable[tuple[int, NDArray[np.float32]]], tolerance: float) -> Traced:
    """Splines of mattes that come frame by frame.

    Parameters
    ----------
    mattes : iterable of (frame, (H, W) float32 0…1)
        Ascending; one is held at a time.
    tolerance : float
        Pixels that a curve may be away from the matte's edge (alpha 0.5), on any of the frames.
    """
    strands: list[_Strand] = []
    open_strands: list[_Strand] = []
    left_out = 0
    for frame, alpha in mattes:
        margin = 2 + int(np.ceil(tolerance))
        outlines, dropped = find_outlines(alpha, slack=max(tolerance, 1) / 2, margin=margin)
        left_out += dropped
        open_strands = _follow(open_strands, frame, outlines)
        strands += [strand for strand in open_strands if len(strand.frames) == 1]
    splines = [_fit(strand, tolerance) for strand in strands]
    splines.sort(key=lambda spline: spline.depth)
    return Traced(tuple(splines), left_out)


def sample_curve(shape: Shape, spacing: float) -> Points:
    """Points along a closed curve, at most `spacing` pixels apart: (N, 2).

    Parameters
    ----------
    shape : (P, 3, 2)
        As in `Spline.keys`.
    """
    control = _controls(shape)
    reach = np.hypot(*np.moveaxis(np.diff(control, axis=1), -1, 0)).sum(1).max()
    steps = max(4, int(np.ceil(reach / spacing)))
    return _bezier(control, np.arange(steps) / steps).reshape(-1, 2)


def _follow(strands: Sequence[_Strand], frame: int, outlines: Sequence[Outline]) -> list[_Strand]:
    """The strands that go on or begin on a frame: each outline belongs to one."""
    scored = [
        (likeness, s, o)
        for s, strand in enumerate(strands)
        for o, outline in enumerate(outlines)
        if strand.depth == outline.depth
        and (likeness := _likeness(strand.outlines[-1], outline.points)) > _SAME_PIECE
    ]
    owners: dict[int, int] = {}
    for _, s, o in sorted(scored, reverse=True):
        if o not in owners and s not in owners.values():
            owners[o] = s
    going_on = []
    for o, outline in enumerate(outlines):
        strand = strands[owners[o]] if o in owners else _Strand(outline.depth)
        strand.frames.append(frame)
        strand.outlines.append(outline.points)
        going_on.append(strand)
    return going_on


def _likeness(one: Points, other: Points) -> float:
    """Overlap of two shapes laid upon each other, less the further they are apart: 0…1."""
    areas = area(one), area(other)
    size = max(areas) ** 0.5
    centres = one.mean(0), other.mean(0)
    nearness = float(np.exp(-np.hypot(*(centres[0] - centres[1])) / max(size, 1)))
    if min(areas) / max(*areas, 1e-6) * nearness <= _SAME_PIECE:
        return 0.0
    both = one - centres[0], other - centres[1]
    scale = _LIKENESS_PX / 2 / max(float(np.abs(points).max()) for points in both)
    filled = []
    for points in both:
        canvas = np.zeros((_LIKENESS_PX + 2,) * 2, np.uint8)
        places = np.round(points * scale + _LIKENESS_PX / 2 + 1).astype(np.int32)
        filled.append(cv2.fillPoly(canvas, [places], 1) > 0)
    return nearness * float((filled[0] & filled[1]).sum() / max((filled[0] | filled[1]).sum(), 1))


def _fit(strand: _Strand, tolerance: float) -> Spline:
    """One curve for all frames of a strand."""
    followed = _follow_samples(strand.outlines)
    corners = _corners(followed)
    places = _choose_points(followed, corners, tolerance * _FIT_SHARE)
    shapes = _shapes(followed, places, corners)
    keys = _choose_keys(shapes, strand.outlines, tolerance)
    frames = strand.frames
    return Spline(
        strand.depth,
        frames[0],
        frames[-1],
        tuple(map(int, np.flatnonzero(corners[places]))),
        {frames[key]: shapes[key] for key in keys},
    )


def _follow_samples(outlines: Sequence[Points]) -> NDArray[np.float64]:
    """The same places of a piece on all frames: (frames, samples, 2).

    Every few samples one is looked for on the next outline; the others lie evenly between.
    """
    longest = max(map(perimeter, outlines))
    count = int(np.clip(round(longest / _STEP_PX), _MIN_STEPS, _MAX_STEPS))
    between = int(np.clip(np.ceil(longest / count / _SAMPLE_PX), 1, _MAX_BETWEEN))
    places = np.arange(count) / count  # shares of the way around
    followed = []
    last = outlines[0]
    known = _turns(_at(last, places))
    for number, outline in enumerate(outlines):
        if number:
            places = _correspond(_at(last, places), known, outline)
            known = known + _FORGETTING * (_turns(_at(outline, places)) - known)
        steps = np.append(places, places[0] + 1)
        fine = np.interp(np.arange(count * between) / between, np.arange(count + 1), steps)
        followed.append(_at(outline, fine))
        last = outline
    return np.stack(followed)


def _at(points: Points, places: NDArray[np.float64]) -> Points:
    """Where on a closed polygon these shares of the way around it are."""
    closed = np.concatenate([points, points[:1]])
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    along = places % 1 * lengths[-1]
    return np.stack([np.interp(along, lengths, closed[:, axis]) for axis in (0, 1)], -1)


def _correspond(
    samples: Points, turns: NDArray[np.float64], outline: Points
) -> NDArray[np.float64]:
    """Where samples of one outline lie on the next: shares of the way around it, ascending.

    Parameters
    ----------
    samples : (N, 2)
    turns : (N,)
        How the outline turned at each of them on the frames before.
    """
    count, total = len(samples), _FINER * len(samples)
    fine = resample(outline, total)
    spacing = max(perimeter(outline) / count, 1e-6)
    moved = samples - samples.mean(0) + fine.mean(0)
    apart = (moved[:, None] - fine[None]) / spacing
    leaning = 1 - _directions(moved, 1) @ _directions(fine, _FINER).T
    bending = (turns[:, None] - _turns(fine, _FINER)[None]) ** 2
    costs = np.minimum((apart**2).sum(-1), 100) + _LEAN_WEIGHT * leaning + _TURN_WEIGHT * bending
    start, end = np.unravel_index(int(costs.argmin()), costs.shape)
    costs = np.roll(costs, (-int(start), -int(end)), (0, 1))
    costs = np.concatenate([costs, costs[:1]])
    costs = np.concatenate([costs, costs[:, :1]], 1)
    widest = 3 * _FINER  # an outline that grows threefold at a place is as much as is followed
    uneven = _STEP_WEIGHT * ((np.arange(widest + 1) - _FINER) / _FINER) ** 2
    reached = np.full(widest + total + 1, np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(reached, widest + 1)[:, ::-1]
    reached[widest] = 0
    steps = np.zeros((count + 1, total + 1), np.int16)
    rows = np.arange(total + 1)
    for i in range(1, count + 1):
        options = windows + uneven
        steps[i] = options.argmin(1)
        reached[widest:] = options[rows, steps[i]] + costs[i]
    drift = np.zeros(count)  # from where even steps lead
    place = total
    for i in range(count, 0, -1):
        if i < count:
            drift[i] = place - _FINER * i
        place -= int(steps[i, place])
    drift = gaussian_filter1d(drift, _DRIFT_SIGMA, mode="wrap")
    places = np.roll((_FINER * np.arange(count) + drift + int(end)) / total, int(start))
    places[: int(start)] -= 1
    found: NDArray[np.float64] = places
    return found


def _directions(points: Points, reach: int) -> Points:
    """Unit tangents of a closed polygon, from so many points before to so many after."""
    return _unit(np.roll(points, -reach, 0) - np.roll(points, reach, 0))


def _turns(points: Points, reach: int = 1) -> NDArray[np.float64]:
    """How far a closed polygon turns at each point, from what is before to what is after: -π…π."""
    into, out = points - np.roll(points, reach, 0), np.roll(points, -reach, 0) - points
    turns: NDArray[np.float64] = np.arctan2(
        into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0], (into * out).sum(1)
    )
    return turns


def _choose_points(
    followed: NDArray[np.float64], corners: NDArray[np.bool_], slack: float
) -> NDArray[np.intp]:
    """Samples to be the curve's points: as few as let all frames lie within `slack` pixels."""
    count = followed.shape[1]
    chosen = sorted({0, count // 4, count // 2, 3 * count // 4, *np.flatnonzero(corners)})
    pending = list(zip(chosen, [*chosen[1:], count], strict=True))
    while pending:
        a, b = pending.pop()
        if b - a < 2:
            continue
        worst, error = _worst(followed, corners, a, b)
        if error > slack:
            chosen.append(worst)
            pending += [(a, worst), (worst, b)]
    return np.unique(chosen)


def _worst(
    followed: NDArray[np.float64], corners: NDArray[np.bool_], a: int, b: int
) -> tuple[int, float]:
    """The sample between two points that is furthest from the curve between them, and how far."""
    curve = _segment(followed, corners, a, b)
    between = np.take(followed, range(a, b + 1), axis=1, mode="wrap")
    steps = int(np.clip(2 * (b - a), 8, 48))
    line = _bezier(curve, np.linspace(0, 1, steps + 1))
    distance = _distance_to_line(between[:, 1:-1], line).max(0)
    # Near the middle where two are about as far: points should not crowd.
    middle = 1 - 0.2 * np.abs(np.linspace(-1, 1, len(distance)))
    return a + 1 + int((distance * middle).argmax()), float(distance.max())


def _distance_to_line(points: NDArray[np.float64], line: NDArray[np.float64]) -> Shape:
    """Of points (F, N, 2) to polylines (F, S, 2), frame by frame: (F, N)."""
    start, along = line[:, None, :-1], np.diff(line, axis=1)[:, None]
    offset = points[:, :, None] - start
    length = np.maximum((along**2).sum(-1), 1e-12)
    share = np.clip((offset * along).sum(-1) / length, 0, 1)
    apart = offset - share[..., None] * along
    nearest: Shape = np.sqrt((apart**2).sum(-1).min(-1))
    return nearest


def _segment(
    followed: NDArray[np.float64], corners: NDArray[np.bool_], a: int, b: int
) -> NDArray[np.float64]:
    """The cubic that fits the samples from a to b best, its ends fixed and directed: (F, 4, 2)."""
    between = np.take(followed, range(a, b + 1), axis=1, mode="wrap")
    first, last = between[:, 0], between[:, -1]
    reach = min(_LEAN_SAMPLES, b - a)
    count = followed.shape[1]

    def behind(place: int, steps: int) -> Points:
        """Where the direction at a place is taken from: a corner has one to each side."""
        return followed[:, (place if corners[place % count] else place + steps) % count]

    out = _unit(between[:, reach] - behind(a, -reach))
    into = _unit(between[:, -1 - reach] - behind(b, reach))
    chords = np.hypot(*np.moveaxis(np.diff(between, axis=1), -1, 0))
    t = np.concatenate([np.zeros((len(chords), 1)), np.cumsum(chords, 1)], 1)
    reach = np.maximum(t[:, -1:], 1e-9)
    t = t / reach
    b0, b1, b2, b3 = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    rest = between - (b0 + b1)[..., None] * first[:, None] - (b2 + b3)[..., None] * last[:, None]
    one, two = b1[..., None] * out[:, None], b2[..., None] * into[:, None]
    c00, c01, c11 = ((u * v).sum((1, 2)) for u, v in ((one, one), (one, two), (two, two)))
    x0, x1 = ((u * rest).sum((1, 2)) for u in (one, two))
    determinant = c00 * c11 - c01**2
    solvable = np.abs(determinant) > 1e-9 * np.maximum(c00 * c11, 1e-12)
    safe = np.where(solvable, determinant, 1)
    third = reach[:, 0] / 3
    begin = np.where(solvable, (x0 * c11 - x1 * c01) / safe, third)
    end = np.where(solvable, (c00 * x1 - c01 * x0) / safe, third)
    # Handles that turn back or cross far over make loops; Schneider's way out.
    bad = (begin < 0.05 * third) | (end < 0.05 * third) | (begin + end > 4 * third)
    begin, end = np.where(bad, third, begin), np.where(bad, third, end)
    return np.stack([first, first + begin[:, None] * out, last + end[:, None] * into, last], axis=1)


def _unit(vectors: Points) -> Points:
    unit: Points = vectors / np.maximum(np.hypot(*vectors.T), 1e-9)[:, None]
    return unit


def _corners(followed: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each sample is a corner on most frames: the sharpest of those around it."""
    before, after = (np.roll(followed, steps, 1) for steps in (_LEAN_SAMPLES, -_LEAN_SAMPLES))
    into, out = followed - before, after - followed
    lengths = np.linalg.norm(into, axis=-1) * np.linalg.norm(out, axis=-1)
    cosine = np.median((into * out).sum(-1) / np.maximum(lengths, 1e-9), axis=0)
    sharpest = minimum_filter1d(cosine, 2 * _LEAN_SAMPLES + 1, mode="wrap")
    sharp: NDArray[np.bool_] = (cosine < _CORNER_COSINE) & (cosine == sharpest)
    return sharp


def _shapes(
    followed: NDArray[np.float64], places: NDArray[np.intp], corners: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The curve on each frame: (F, P, 3, 2) as in `Spline.keys`."""
    frames, count, _ = followed.shape
    shapes = np.empty((frames, len(places), 3, 2))
    for number, a in enumerate(places):
        following = (number + 1) % len(places)
        b = int(places[following]) + (count if following == 0 else 0)
        curve = _segment(followed, corners, int(a), b)
        shapes[:, number, 0], shapes[:, number, 2] = curve[:, 0], curve[:, 1]
        shapes[:, following, 1] = curve[:, 2]
    return shapes


def _choose_keys(
    shapes: NDArray[np.float64], outlines: Sequence[Points], tolerance: float
) -> list[int]:
    """The frames to be keys: from each one the furthest on to which all between stay within."""
    spacing = tolerance / 2
    trees = [cKDTree(_dense(points, spacing)) for points in outlines]

    def reaches(a: int, b: int) -> bool:
        middle = (a + b) / 2
        for frame in sorted(range(a + 1, b), key=lambda frame: abs(frame - middle)):
            share = (frame - a) / (b - a)
            curve = sample_curve((1 - share) * shapes[a] + share * shapes[b], spacing)
            if trees[frame].query(curve)[0].max() > tolerance:
                return False
            if cKDTree(curve).query(trees[frame].data)[0].max() > tolerance:
                return False
        return True

    keys, last = [0], len(shapes) - 1
    while keys[-1] < last:
        here, step = keys[-1], 1
        while here + 2 * step <= last and reaches(here, here + 2 * step):
            step *= 2
        near, far = here + step, min(here + 2 * step, last + 1)  # `near` is known to be reached
        while far - near > 1:
            middle = (near + far) // 2
            near, far = (middle, far) if reaches(here, middle) else (near, middle)
        keys.append(near)
    return keys


def _dense(points: Points, spacing: float) -> Points:
    return resample(points, max(8, int(np.ceil(perimeter(points) / spacing))))


def _controls(shape: Shape) -> Shape:
    """The four control points of each segment: (P, 4, 2)."""
    following = np.roll(shape, -1, 0)
    return np.stack([shape[:, 0], shape[:, 2], following[:, 1], following[:, 0]], 1)


def _bezier(control: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cubics (…, 4, 2) at parameters (T): (…, T, 2)."""
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], -1)
    result: NDArray[np.float64] = weights @ control
    return result
