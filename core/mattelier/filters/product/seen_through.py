"""What an even ground tells of a matte: gaps and glass that show it, and edges left in doubt."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.filters.product.ground import Ground, unmix

_SPREAD_SIDE_PX = 512  # of the longer side at which colours go on from where they are known
_REACHES = (1 / 200, 1 / 60, 1 / 20, 1 / 6)  # of the longer side: from just beside, then farther
_CLEARANCE_SHARE = 1 / 250  # of the longer side, outside of the matte, that may still be subject
_MAX_SHADE = 0.35  # display-encoded; what is farther from the fitted ground is another thing
_CLIPPED = 0.97  # display-encoded; a brighter ground cannot be told from what is as bright
_MIN_LIKENESS, _MAX_LIKENESS = 0.02, 0.04  # display-encoded; so near to it a pixel is the ground's
_SHADE = 3.0  # tolerances, by which the ground in a gap may be lighter or darker than beside it
_DEEPER_SHARE = 0.5  # of a gap, at most, that lies deeper in shade than the rest
_MIN_HOLE_PX, _MIN_HOLE_SHARE = 40, 0.0015  # pixels, and share of the subject
_RIM_CONTRAST = 0.1  # display-encoded, within four pixels: what frames a gap
_MIN_FRAMED_SHARE = 0.85  # of a gap's rim
# Of a subject's surface: where its ground's very colour is on so much of it, or one as near as a
# veil of light on glass, it is glass. Of 70 photographed opaque things none has the first on more
# than 0.2. The second lies a fifth above the most, 0.41, of half of the opaque things that
# benchmarks/glass.py renders; the other half has at most 0.19, 33 photographed ones 0.11.
_CLEAR_SHARE, _VEILED_SHARE = 0.22, 0.49
_VEIL = 0.06  # display-encoded
_VEIL_HEADROOM = 0.65  # of the way from the ground to white or black, where they are nearer
_THIN_SHARE = 1 / 40  # of the longer side: what is thinner may join two pieces
_MIN_PIECE_SHARE = 0.02  # of the subject
_CONTRAST = (0.25, 0.5)  # display-encoded, of subject and ground: from none to all is told by it
_CONTRAST_TO_NOISE = (8.0, 16.0)


def ground_around(view: NDArray[np.float32], alpha: NDArray[np.float32], ground: Ground) -> Ground:
    """The ground as it lies around the subject, its shade included, and goes on beneath it.

    The fitted surface times what the picture is of it beside the subject, nearest first: a sweep is
    no quadratic surface to within its noise, and a gap under a table shows ground in shadow.

    Parameters
    ----------
    view : (H, W, 3) float32, display-encoded 0…1
    alpha : (H, W) float32 0…1
    """
    side = max(alpha.shape)
    beside = cv2.dilate(alpha, _disc(max(2, round(side * _CLEARANCE_SHARE)))) < 0.02
    beside &= np.abs(view - ground.colour).max(axis=2) < _MAX_SHADE
    shade = _spread(view / np.maximum(ground.colour, 0.02), beside, fallback=1.0)
    return Ground(np.clip(ground.colour * shade, 0.004, 1).astype(np.float32), ground.noise)


def join_pieces(
    view: NDArray[np.float32], alpha: NDArray[np.float32], ground: Ground
) -> NDArray[np.float32]:
    """The matte with the thin parts between its pieces that a network overlooks: (H, W) float32.

    A bridge of spectacles, a cable, a rail: what is thin, stands out from the ground with an edge,
    as no shadow does, and reaches from one piece of the subject to another, belongs to it.
    """
    _, pieces, facts, _ = cv2.connectedComponentsWithStats((alpha > 0.5).astype(np.uint8))
    large = facts[:, cv2.CC_STAT_AREA] > _MIN_PIECE_SHARE * float(alpha.sum())
    large[0] = False
    if large.sum() < 2:
        return alpha
    tolerance = _tolerance(ground)
    away = np.abs(view - ground.colour).max(axis=2)
    wide = cv2.morphologyEx(away, cv2.MORPH_OPEN, _disc(round(max(alpha.shape) * _THIN_SHARE)))
    thin = ((away - wide > _RIM_CONTRAST + tolerance) & (alpha < 0.5)).astype(np.uint8)
    parts_count, parts = cv2.connectedComponents(thin)
    touched = cv2.dilate(np.where(large[pieces], pieces, 0).astype(np.float32), _disc(3)) * thin
    pairs = np.unique(np.stack([parts[touched > 0], touched[touched > 0].astype(np.int32)]), axis=1)
    joins = np.bincount(pairs[0], minlength=parts_count) > 1
    if not joins.any():
        return alpha
    near = cv2.dilate(joins[parts].astype(np.uint8), _disc(1)) > 0
    whole = cv2.dilate(np.where(joins[parts], away, 0).astype(np.float32), _disc(3))
    share = np.clip((away - tolerance) / np.maximum(whole - tolerance, 0.02), 0, 1)
    return np.where(near, np.maximum(alpha, share), alpha).astype(np.float32)


def open_gaps(
    view: NDArray[np.float32], alpha: NDArray[np.float32], ground: Ground
) -> NDArray[np.float32]:
    """The matte with holes where the even ground is seen through the subject: (H, W) float32.

    Networks fill handles, rings, lenses and the gaps of a chair's back. What the subject encloses
    with an edge all around, and what looks as the ground does there, to within its noise, is such
    a hole; what reaches the outline may be a pale side of the subject, what fades into it is its
    shading, and a ground that is white to the full tells nothing. A highlight in a hole, as on a
    lens, stays, as opaque as it must be.
    """
    inside = alpha > 0.5
    if ground.mean.min() > _CLIPPED or not inside.any():
        return alpha
    tolerance = _tolerance(ground)
    off = _distance(view, ground)
    # As in hysteresis: what is the ground in light or shade and for the greater part just as it is.
    differs = cv2.GaussianBlur(view - ground.colour, (0, 0), 1.0)
    shade = differs.mean(axis=2)
    tint = np.abs(differs - shade[..., None]).max(axis=2)
    like = (tint < tolerance) & (np.abs(shade) < min(_SHADE * tolerance, _RIM_CONTRAST)) & inside
    like = like.astype(np.uint8)
    like = cv2.morphologyEx(like, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, parts, facts, _ = cv2.connectedComponentsWithStats(like)
    alike = np.bincount(parts[off < tolerance], minlength=count)
    away = np.abs(view - ground.colour).max(axis=2)
    whole = cv2.dilate(away, np.ones((9, 9), np.uint8))
    around = cv2.dilate(parts.astype(np.float32), np.ones((7, 7), np.uint8)).astype(np.int32)
    rim = (around > 0) & (like == 0)
    rims = np.bincount(around[rim], minlength=count)
    framed = np.bincount(around[rim & (whole > _RIM_CONTRAST + tolerance)], minlength=count)
    outline = cv2.dilate((~inside).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    outside = np.bincount(parts[outline], minlength=count) > 0
    least = max(_MIN_HOLE_PX, _MIN_HOLE_SHARE * float(inside.sum()))
    area = facts[:, cv2.CC_STAT_AREA]
    is_hole = ~outside & (area >= least) & (2 * alike > area)
    is_hole &= framed >= _MIN_FRAMED_SHARE * rims
    is_hole[0] = False
    if not is_hole.any():
        return alpha
    hole = is_hole[parts]
    hole |= _deeper_shade(hole, shade, (tint < tolerance) & inside & ~outline, tolerance)
    # On its rim ground and subject mix: the share of the way from the ground to the subject nearby.
    edge = (cv2.dilate(hole.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0) & ~hole
    share = np.clip((away - tolerance) / np.maximum(whole - tolerance, 0.02), 0, 1)
    opened = np.where(hole, 0, np.where(edge, alpha * share, alpha))
    return opened.astype(np.float32)


def _deeper_shade(
    hole: NDArray[np.bool_],
    shade: NDArray[np.float32],
    tinted_alike: NDArray[np.bool_],
    tolerance: float,
) -> NDArray[np.bool_]:
    """What lies deeper in shade within a gap: less than the hole, and no edge parts them."""
    flat = cv2.morphologyEx(shade, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) < tolerance
    more = (tinted_alike & flat & (np.abs(shade) < _MAX_SHADE) & ~hole).astype(np.uint8)
    count, parts, facts, _ = cv2.connectedComponentsWithStats(more)
    beside = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    taken = np.bincount(parts[beside], minlength=count) > 0
    taken &= facts[:, cv2.CC_STAT_AREA] < _DEEPER_SHARE * float(hole.sum())
    taken[0] = False
    found: NDArray[np.bool_] = taken[parts]
    return found


def is_glass(view: NDArray[np.float32], alpha: NDArray[np.float32], ground: Ground) -> bool:
    """Whether the ground is seen through the subject itself, gaps left out.

    An opaque thing has its ground's very colour almost nowhere; clear glass on much of its surface,
    or that colour beneath a veil of what it mirrors. Tinted glass is not told from paint, nor
    anything on a ground that is white to the full.
    """
    clear, veiled = seen_shares(view, alpha, ground)
    return clear > _CLEAR_SHARE or veiled > _VEILED_SHARE


def seen_shares(
    view: NDArray[np.float32], alpha: NDArray[np.float32], ground: Ground
) -> tuple[float, float]:
    """On how much of the subject, 0…1, the ground's very colour is seen, and one near to it."""
    inside = alpha > 0.9
    if ground.mean.min() > _CLIPPED or not inside.any():
        return 0.0, 0.0
    distance, tolerance = _distance(view, ground)[inside], _tolerance(ground)
    # White things on a pale ground, and black ones on a dark one, are near to it, too.
    behind = ground.colour[inside]
    headroom = np.minimum(behind.min(axis=1), 1 - behind.max(axis=1))
    veil = np.clip(_VEIL_HEADROOM * headroom, tolerance, _VEIL)
    return float((distance < tolerance).mean()), float((distance < veil).mean())


def see_through(
    view: NDArray[np.float32],
    alpha: NDArray[np.float32],
    ground: Ground,
    solid: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Glass and veils: matte and colours of the least that makes the picture of the ground.

    Parameters
    ----------
    solid : (H, W) bool
        What is surely no glass.

    Returns
    -------
    alpha : (H, W) float32 0…1
    colour : (H, W, 3) float32 0…1, straight, of all that is not `solid`
    """
    share, clear = unmix(view, ground)
    return np.where(solid, alpha, alpha * share).astype(np.float32), clear


def settle_doubt(
    view: NDArray[np.float32], alpha: NDArray[np.float32], ground: Ground
) -> NDArray[np.float32]:
    """The matte, decided anew by the known ground where it is neither 0 nor 1: (H, W) float32.

    How far a pixel's colour is on the way from the ground to the subject beside it. It counts as
    much as the two differ, beyond noise, and as the pixel is a mixture of them.
    """
    doubt = (alpha > 0.004) & (alpha < 0.996)
    sure = cv2.erode(alpha, _disc(max(1, round(max(alpha.shape) / 400)))) > 0.98
    if not doubt.any() or not sure.any():
        return alpha
    doubt = cv2.dilate(doubt.astype(np.uint8), _disc(1)) > 0
    way = _spread(view, sure, fallback=0.0) - ground.colour
    contrast = np.sqrt((way * way).sum(axis=2))
    share = ((view - ground.colour) * way).sum(axis=2) / np.maximum(contrast**2, 1e-5)
    share = np.clip(share, 0, 1)
    rest = np.abs(view - ground.colour - share[..., None] * way).max(axis=2)
    weight = (
        _ramp(contrast, *_CONTRAST)
        * _ramp(contrast / max(ground.noise, 0.004), *_CONTRAST_TO_NOISE)
        * np.exp(-np.square(rest / np.maximum(0.25 * contrast, 0.01)))
    )
    settled = np.where(doubt, alpha + weight * (share - alpha), alpha)
    return settled.astype(np.float32)


def _tolerance(ground: Ground) -> float:
    return float(np.clip(3 * ground.noise, _MIN_LIKENESS, _MAX_LIKENESS))


def _distance(view: NDArray[np.float32], ground: Ground) -> NDArray[np.float32]:
    """How far a pixel is from the ground in its farthest channel, grain smoothed away: (H, W)."""
    off: NDArray[np.float32] = np.abs(cv2.GaussianBlur(view - ground.colour, (0, 0), 1.0))
    farthest: NDArray[np.float32] = off.max(axis=2)
    return farthest


def _spread(
    values: NDArray[np.floating[Any]], known: NDArray[np.bool_], fallback: float
) -> NDArray[np.float32]:
    """(H, W, 3) values everywhere, as they are nearby where they are known."""
    height, width = known.shape
    scale = min(1.0, _SPREAD_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    weight = known.astype(np.float32)
    weighted = np.asarray(values * weight[..., None], np.float32)
    weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    weighted = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    found, sure = np.zeros_like(weighted), np.zeros_like(weight)
    for reach in _REACHES:
        sigma = max(size) * reach
        near = cv2.GaussianBlur(weight, (0, 0), sigma)
        mean = cv2.GaussianBlur(weighted, (0, 0), sigma) / np.maximum(near, 1e-5)[..., None]
        take = (1 - sure) * np.clip(near * 20, 0, 1)
        found += take[..., None] * mean
        sure += take
    found += ((1 - sure) * np.float32(fallback))[..., None]
    full: NDArray[np.float32] = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
    return full


def _ramp(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    ramp: NDArray[np.float32] = np.clip((values - low) / (high - low), 0, 1)
    return ramp


def _disc(radius: int) -> NDArray[np.uint8]:
    disc: NDArray[np.uint8] = cv2.getStructuringElement(
        cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)
    ).astype(np.uint8)
    return disc
