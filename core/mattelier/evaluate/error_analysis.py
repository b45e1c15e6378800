"""Why a matte scores badly, in words: what of the subject is missing, what is too much, and where.

Wrong pixels are told apart by how far they lie from what is right, as in the Hausdorff distance:
what is missing far from all that was found is a part, what is missing close to it is an edge that
lies elsewhere; so thin limbs count as parts, and a tight outline does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

_MAX_SIDE_PX = 512  # larger maps are looked at in this size
_CERTAIN = 0.05  # truth and results this close to 0 or 1 are wholly out or in
_FOUND = 0.2  # results below this have lost the pixel, those above 1 − this have taken it
_EDGE_TOLERANCE = 0.02  # of the diagonal: how far an edge may be off and still be one
_NEGLIGIBLE = 0.05  # of the subject: what adds up to less is not worth a word
_MIN_PIECE = 0.005  # of the subject: smaller pieces are not counted


@dataclass(frozen=True)
class Cause:
    """Why a result is as bad as it is: a category to count by ("misses parts"), and a sentence."""

    category: str
    sentence: str


@dataclass(frozen=True)
class _Fault:
    """One thing that is wrong: the sum of its errors in pixels of alpha, and its words."""

    category: str
    cost: float
    words: str


def explain_matte(result: Map, truth: Map) -> Cause:
    """The cause of an alpha's errors, the worst of its faults first.

    Parameters
    ----------
    result, truth : (H, W) float32 0…1
    """
    scale = max(1.0, max(truth.shape) / _MAX_SIDE_PX)
    if scale > 1:
        small = _shrink(truth, scale)
        if (small >= 0.5).any():
            result, truth = _shrink(result, scale), small
        else:  # so thin a subject would be lost, or there is none
            scale = 1.0
    gross = _gross_error(result, truth)
    if gross is not None:
        return gross
    area = float(truth.sum())
    faults = sorted(_faults(result, truth, scale), key=lambda fault: -fault.cost)
    total = sum(fault.cost for fault in faults)
    if total < _NEGLIGIBLE * area:
        return Cause(
            "right", f"Nearly right: all errors add up to {_share(total, area)} of the subject."
        )
    first, second = faults[0], faults[1]
    words = first.words
    if second.cost > max(0.5 * first.cost, _NEGLIGIBLE * area):
        words += f", and {second.words}"
    elif first.category == "edge" and first.cost > 0.8 * total:
        words += "; the rest is right"
    return Cause(first.category, f"{words[0].upper()}{words[1:]}.")


def explain_mask(result: Map, truth: Map) -> Cause:
    """The cause of a mask's errors; truth between 0.25 and 0.75 is not judged, as it is not scored.

    Parameters
    ----------
    result, truth : (H, W) float32 0…1
    """
    judged = (truth > 0.75) | (truth < 0.25)
    return explain_matte(result, np.where(judged, truth > 0.75, result).astype(np.float32))


def _gross_error(result: Map, truth: Map) -> Cause | None:
    """The cause of a result that has hardly anything to do with its truth."""
    area, taken = float(truth.sum()), float((result >= 0.5).mean())
    if not (truth >= 0.5).any():
        if taken == 0:
            return Cause("right", "There is no subject, and none was found.")
        return Cause("no subject", f"Takes {_share(taken, 1)} of a picture without a subject.")
    if result.max() < 0.5 and (result > _FOUND).sum() < _NEGLIGIBLE * area:
        return Cause("found nothing", "Found nothing.")
    if taken > 0.95 and result.mean() - truth.mean() > 0.2:
        sentence = (
            f"Takes the whole picture; {_share(float(truth.mean()), 1)} of it is the subject."
        )
        return Cause("whole picture", sentence)
    hit = float(np.minimum(result, truth).sum())
    if hit < 0.1 * area and float((result >= 0.5).sum()) > 0.1 * area:
        sentence = f"Takes something else, with {_share(hit, area)} of the subject in it."
        return Cause("something else", sentence)
    return None


def _faults(result: Map, truth: Map, scale: float) -> list[_Fault]:
    """All faults; each wrong pixel counts in one of them. `scale`: full pixels in one of these."""
    off = np.abs(result - truth)
    subject = truth >= 0.5
    outline = _distance_to(subject) + _distance_to(
        ~subject
    )  # distance to the other side of the truth's edge
    # Of a thin subject nothing would lie deeper than the usual band.
    thickness = float(outline[subject].max())
    near = max(1.5, min(_EDGE_TOLERANCE * float(np.hypot(*truth.shape)), thickness / 2))
    inside, outside = truth > 1 - _CERTAIN, truth < _CERTAIN
    missing = _far_errors(
        inside & (result < _FOUND), _distance_to((result >= _FOUND) & ~outside), near
    )
    surplus = _far_errors(outside & (result > 1 - _FOUND), _distance_to(subject), near)
    # The opening leaves out edges that are merely smooth.
    soft = cv2.morphologyEx((~inside & ~outside).astype(np.uint8), cv2.MORPH_OPEN, _SQUARE) > 0
    left = ~missing & ~surplus & ~soft
    haze = _far_errors(left & (off > _CERTAIN) & (off < 1 - _CERTAIN), outline, near)
    edge = left & ~haze
    return [
        _missing_fault(missing, subject, off, result),
        _surplus_fault(surplus, subject, off),
        _haze_fault(haze, subject, off, result),
        _soft_fault(soft, off, result, result - truth),
        _edge_fault(edge, subject, off, result - truth, scale),
    ]


def _missing_fault(missing: Mask, subject: Mask, off: Map, result: Map) -> _Fault:
    area = float(subject.sum())
    pieces = _pieces(missing, _MIN_PIECE * area)
    own = _pieces(subject, _MIN_PIECE * area)
    lost = sum(bool((result[piece] < 0.5).mean() > 0.8) for piece in own)
    words = f"misses {_share(float(off[missing].sum()), area)} of the subject"
    around = cv2.erode(np.pad(subject, 1).astype(np.uint8), _SQUARE)[1:-1, 1:-1] == 0
    holes = [piece for piece in pieces if not (piece & around).any()]
    if lost and len(own) > 1:
        words += f", {lost} of its {len(own)} separate parts"
    elif pieces and len(holes) == len(pieces):
        words += ", as a hole in it" if len(holes) == 1 else f", as {len(holes)} holes in it"
    elif len(pieces) > 1:
        words += f", in {len(pieces)} separate parts"
    return _Fault("misses parts", float(off[missing].sum()), words)


def _surplus_fault(surplus: Mask, subject: Mask, off: Map) -> _Fault:
    area, cost = float(subject.sum()), float(off[surplus].sum())
    filled = [hole for hole in _holes(subject, _MIN_PIECE * area) if (surplus & hole).any()]
    if filled and sum(float(off[surplus & hole].sum()) for hole in filled) > 0.5 * cost:
        what = "a hole" if len(filled) == 1 else f"{len(filled)} holes"
        return _Fault("filled hole", cost, f"fills {what} in it, {_share(cost, area)} too much")
    pieces = sorted(_pieces(surplus, _MIN_PIECE * area), key=np.count_nonzero, reverse=True)
    beside = cv2.dilate(subject.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    touching = [bool((piece & beside).any()) for piece in pieces]
    at = sum(float(off[p].sum()) for p, touches in zip(pieces, touching, strict=True) if touches)
    where = "touching the subject" if at > 0.5 * cost else "elsewhere in the picture"
    words = f"takes in {_share(cost, area)} too much"
    if len(pieces) == 1:
        words += f", one region {where}"
    elif pieces and float(off[pieces[0]].sum()) > 0.6 * cost:
        where = "touching the subject" if touching[0] else "elsewhere in the picture"
        words += f", mostly one region {where}"
    elif pieces:
        words += f", {len(pieces)} regions mostly {where}"
    place = "touching" if where.startswith("touching") else "elsewhere"
    return _Fault(f"too much, {place}", cost, words)


def _haze_fault(haze: Mask, subject: Mask, off: Map, result: Map) -> _Fault:
    within, behind = haze & subject, haze & ~subject
    inside = off[within].sum() >= off[behind].sum()
    where, whole, name = (
        (within, subject, "subject") if inside else (behind, ~subject, "background")
    )
    level = float(result[where].mean()) if where.any() else 0.0
    covered = _share(float(where.sum()), max(float(whole.sum()), 1))
    words = f"unsure: {covered} of the {name} is haze, {level:.2f} on average"
    return _Fault("unsure", float(off[haze].sum()), words)


def _soft_fault(soft: Mask, off: Map, result: Map, signed: Map) -> _Fault:
    cost, area = float(off[soft].sum()), max(float(soft.sum()), 1)
    hard = float((np.abs(result[soft] - 0.5) > 0.5 - _CERTAIN).sum()) / area
    both = "cut hard" if hard > 0.7 else "partly too solid, partly too thin"
    how = _tendency(signed[soft], "too solid", "too thin", both)
    words = f"soft parts such as hair or glass are {how}, {cost / area:.2f} off on average"
    return _Fault("soft parts", cost, words)


def _edge_fault(edge: Mask, subject: Mask, off: Map, signed: Map, scale: float) -> _Fault:
    outlines, _ = cv2.findContours(subject.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines)
    pixels = float(off[edge].sum()) / max(length, 1) * scale
    how = _tendency(signed[edge], "too wide", "too tight", "on both sides")
    shown = f"{pixels:.1f}" if pixels < 2 else f"{pixels:.0f}"
    return _Fault("edge", float(off[edge].sum()), f"the edge is {shown} pixels off, {how}")


def _far_errors(wrong: Mask, far: Map, near: float) -> Mask:
    """The wrong pixels that are, or lie by, some with `far` above `near`: not those of edges."""
    deep = wrong & (far > near)
    errors: Mask = wrong & (_distance_to(deep) <= 1.5 * near)
    return errors


def _pieces(mask: Mask, min_area: float) -> list[Mask]:
    """Connected pieces of at least so many pixels."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    large = [n for n in range(1, count) if facts[n, cv2.CC_STAT_AREA] >= max(min_area, 4)]
    return [np.asarray(labels == number) for number in large]


def _holes(subject: Mask, min_area: float) -> list[Mask]:
    """Pieces of the background that the subject encloses."""
    rim = np.zeros_like(subject)
    rim[[0, -1]] = rim[:, [0, -1]] = True
    return [piece for piece in _pieces(~subject, min_area) if not (piece & rim).any()]


def _distance_to(mask: Mask) -> Map:
    """Each pixel's distance to the mask; beyond the picture's size where there is none."""
    if not mask.any():
        return np.full(mask.shape, sum(mask.shape), np.float32)
    away = (~mask).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_5), np.float32)


def _tendency(signed: Map, more: str, less: str, both: str) -> str:
    up, down = float(signed[signed > 0].sum()), float(-signed[signed < 0].sum())
    return more if up > 3 * down else less if down > 3 * up else both


def _shrink(values: Map, scale: float) -> Map:
    size = [max(1, round(side / scale)) for side in values.shape[::-1]]
    values = np.ascontiguousarray(values, np.float32)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _share(part: float, whole: float) -> str:
    share = part / whole
    if share >= 2:
        return f"{share:.1f} times its area"
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "less than 1 %"


_SQUARE = np.ones((3, 3), np.uint8)
