"""What an artist's selection means: a dab on the subject, a box or lasso around it, or a mask.

Selecting is what artists do to point at things, and seldom drawing a matte: whoever puts an ellipse
on a blouse means the woman, whoever pulls a rectangle around a dog means the dog. What is meant
shows where the selection ends, in the eyes of a network that has looked at the picture without it.
A border with the subject on both sides is that of a dab on it; one that nothing touches is drawn
around something; one with the subject inside and not outside fits.

Of 126 selections of known kinds (dabs, strokes, rectangles, lassos, hulls, masks; one subject or
one of a group), dabs and strokes have the subject on both sides along 99 % of the border or more,
masks along 95 % at most; with nothing on either side, lassos run along 27 % to 100 % of it, masks
along 9 % in the median.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.hint import Hint
from mattelier.requests import Box, Point
from mattelier.types.errors import UsageError

Kind = Literal["all", "click", "box", "region", "mask"]
Alpha = NDArray[np.float32]

_RING_SHARE = 0.02  # of the longer side: how far from the border its two sides are looked at
_MIN_CONTINUED = 0.97  # of the border with the subject on both sides, of a dab
_MIN_LOOSE = 0.3  # of the border with nothing on either side, of a lasso
# Of the subject that it touches, what a selection covers at most that is a dab wherever it ends.
_MAX_DAB_SHARE = 0.1
_MIN_BOX_FILL = 0.97  # of its bounding box, that a rectangle fills
_MAX_ALL = 0.995  # of the picture; a selection of more says nothing
_MIN_FOUND = 0.02  # of a lasso's area that the subject in it fills; else it is a dab
_MIN_KEPT = 0.5  # of a mask's area that the result has
_POINTS = 3  # that stand for one dab; a stroke is more than its middle
_MIN_POINT_DISTANCE = 0.1  # between them, of the picture's longer side
_MAX_DABS = 8


class Reading(NamedTuple):
    """What a selection was taken for, and the hint that it so becomes; None where it says all."""

    kind: Kind
    hint: Hint | None


def read_selection(hint: Hint, look: Callable[[Hint | None], Alpha] | None) -> Reading:
    """Read a hint whose mask is a selection.

    Parameters
    ----------
    hint : Hint
        Its box and points, if any, are kept.
    look : callable of (Hint or None), gives (h, w) float32 0…1
        What the network sees with a hint. None: it sees nothing before it is told, so that the
        selection's shape alone says what it means: a rectangle is a box, all else a mask.
    """
    selection = hint.mask
    assert selection is not None
    bare = replace(hint, mask=None, mask_as="rough")
    nothing = bare if bare.box is not None or bare.points or bare.trimap is not None else None
    if not (selection > 0.5).any() or selection.mean() > _MAX_ALL:
        return Reading("all", nothing)
    rows, columns = (np.flatnonzero((selection > 0.5).any(axis)) for axis in (1, 0))
    x, y = int(columns[0]), int(rows[0])
    width, height = int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y
    is_box = selection[y : y + height, x : x + width].mean() > _MIN_BOX_FILL
    boxed = Reading("box", replace(bare, box=Box(x, y, width, height)))
    masked = Reading("mask", replace(hint, mask_as="rough"))
    if look is None:
        return boxed if is_box else masked
    seen = look(None)
    subject = seen > 0.5
    small = hint.shrunk_mask(*seen.shape) > 0.5
    continued, loose = _border_shares(small, subject)
    if continued > _MIN_CONTINUED or _dab_share(small, subject) < _MAX_DAB_SHARE:
        return Reading("click", replace(bare, points=bare.points + _dab_points(selection, seen)))
    if is_box:
        return boxed
    if loose < _MIN_LOOSE:
        return masked
    region = replace(bare, region=selection > 0)
    found = look(region)
    if found[hint.shrunk_mask(*found.shape) > 0.5].mean() > _MIN_FOUND:
        return Reading("region", region)
    return Reading("click", replace(bare, points=bare.points + _dab_points(selection, seen)))


def check_kept(kind: Kind, selection: Alpha, alpha: Alpha) -> None:
    """Refuse a matte that leaves out what was selected, before anything is made of it.

    Parameters
    ----------
    selection, alpha : (H, W) float32 0…1

    Raises
    ------
    UsageError
    """
    if kind == "all":
        return
    inside = selection > 0.5
    kept = float(alpha[inside].mean())
    if kind == "mask" and kept < _MIN_KEPT:
        raise UsageError(
            "What was found leaves out most of what is selected, so it was not used; refine the "
            "selection's own edge instead, or select the subject alone."
        )
    if kept < _MIN_FOUND:
        raise UsageError(
            "Nothing was found in what is selected, so nothing was done; select more of the "
            "subject, or draw around it."
        )


def _border_shares(selected: NDArray[np.bool_], subject: NDArray[np.bool_]) -> tuple[float, float]:
    """The shares of a selection's border with the subject on both sides, and on neither.

    The picture's own border is not counted; where nothing else is left, both are 0.
    """
    import cv2

    reach = max(2.0, _RING_SHARE * max(selected.shape))
    inward = cv2.distanceTransform(selected.view(np.uint8), cv2.DIST_L2, 5)
    outward = cv2.distanceTransform((~selected).view(np.uint8), cv2.DIST_L2, 5)
    inner, outer = (inward > 0) & (inward <= reach), (outward > 0) & (outward <= reach)
    size = 2 * round(1.5 * reach) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.float32)

    def near(values: NDArray[np.bool_]) -> NDArray[np.float32]:
        return np.asarray(
            cv2.filter2D(values.astype(np.float32), -1, disc, borderType=cv2.BORDER_CONSTANT)
        )

    border = inner & (inward < 1.6) & (near(outer) > 0.5)
    if not border.any():
        return 0.0, 0.0
    inside = (near(inner & subject) / np.maximum(near(inner), 1e-6))[border] > 0.5
    outside = (near(outer & subject) / np.maximum(near(outer), 1e-6))[border] > 0.5
    return float((inside & outside).mean()), float((~inside & ~outside).mean())


def _dab_share(selected: NDArray[np.bool_], subject: NDArray[np.bool_]) -> float:
    """Of the subjects that it touches, the share that a selection covers; 1 where of none."""
    import cv2

    _count, labels = cv2.connectedComponents(subject.view(np.uint8))
    touched = np.unique(labels[selected & subject])
    if not touched.size:
        return 1.0
    return float((selected & subject).sum() / np.isin(labels, touched).sum())


def _dab_points(selection: Alpha, seen: Alpha) -> tuple[Point, ...]:
    """Clicks that stand for dabs and strokes, in the picture's pixels."""
    import cv2

    height, width = selection.shape
    selected = (selection > 0.5).view(np.uint8)
    subject = cv2.resize(seen, (width, height)) > 0.5
    _count, labels, stats, _middles = cv2.connectedComponentsWithStats(selected)
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:_MAX_DABS]
    points = []
    for label in largest:
        x, y, wide, tall = stats[label, :4]
        part = labels[y : y + tall, x : x + wide] == label
        on_subject = part & subject[y : y + tall, x : x + wide]
        dab = on_subject if on_subject.any() else part
        points += [
            Point(float(x + px), float(y + py)) for px, py in _spread(dab, max(height, width))
        ]
    return tuple(points)


def _spread(dab: NDArray[np.bool_], side: int) -> list[tuple[int, int]]:
    """The middle of a dab, and further points of it as far from each other as they can be."""
    import cv2

    depth = cv2.distanceTransform(np.pad(dab.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    ys, xs = np.nonzero(depth >= 0.5 * depth.max())
    middle = int(depth[ys, xs].argmax())
    chosen = [(int(xs[middle]), int(ys[middle]))]
    while len(chosen) < _POINTS:
        distance = np.min([np.hypot(xs - x, ys - y) for x, y in chosen], axis=0)
        furthest = int(distance.argmax())
        if distance[furthest] < _MIN_POINT_DISTANCE * side:
            break
        chosen.append((int(xs[furthest]), int(ys[furthest])))
    return chosen
