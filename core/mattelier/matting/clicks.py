"""Clicks obeyed: a network's answer corrected wherever it does not follow a click.

A network takes a click as a sign of a subject more than as an order: subjects beside the one that
was meant stay, and a click against a part of what it found takes out little more than a hole. So
separate subjects that were not clicked on are left out, and from every click that is not followed
a correction spreads to what is nearest to it, along paths that cost more where the colour or the
answer changes (geodesic distance, as in Bai and Sapiro, "Geodesic Matting", IJCV 2009). Each pixel
follows the one click that is nearest to it, so that clicks for and against divide what lies
between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.hint import CLICK_RADIUS, Hint
from mattelier.types.colour import View

_APART = 0.25  # subjects are separate where alpha between them falls below this
_FOLLOWED = 3.0  # logit of an answer that follows a click: an alpha of 0.95
_IGNORED = 0.0  # and below which it does not: only then a correction spreads
_PUSHED = 6.0  # logit that a correction aims at, so that no haze is left
_SUREST = 4.0  # logit beyond which an answer is no harder to correct
# What belongs to a click lies between so many click radii from it, and has its colour to within
# this much of CIELAB / 100. Where less than a share of it has, the click stands alone; what most of
# it says is what the answer makes of the thing.
_BESIDE = (1.25, 2.5)
_ALIKE, _ENOUGH, _MOST = 0.15, 0.05, 0.75
# Geodesic distance, in shares of the longer side: length, and what steps of CIELAB / 100 and of
# alpha add to it.
_COLOUR_STEP, _ALPHA_STEP = 0.5, 0.3
_GRAIN = 0.01  # smaller steps are noise or shading
# How far a correction reaches. What is clicked away is about as thick as the answer is where the
# click lies: a bump is narrow there, a whole subject broad.
_REACH_FOR, _REACH_AGAINST = 0.06, 3.0
_LEAST_REACH, _MOST_REACH = 0.05, 0.8
_DROP = 4  # how steeply it ends there
_CORE, _CORE_ALIKE = 2, 0.3  # pixels around a click, of its colour, that hold what it says exactly

Alpha = NDArray[np.float32]


def enforce_clicks(alpha: Alpha, hint: Hint, view: View) -> Alpha:
    """The answer with every click of the hint obeyed.

    Parameters
    ----------
    alpha : (h, w) float32 0…1
        A network's answer for the whole picture, at any size.
    hint : Hint
        Its points are what is obeyed.
    view : View
        The picture.

    Returns
    -------
    (h, w) float32 0…1; `alpha` itself where all clicks are followed already
    """
    if hint.mask is not None:  # it says which subjects are meant; clicks only correct it
        return _corrected(alpha, hint, view)
    meant = _chosen(alpha, hint)
    corrected = _corrected(meant, hint, view)
    # What a correction has cut off the subject is one of its own now.
    return corrected if corrected is meant else _chosen(corrected, hint)


def _chosen(alpha: Alpha, hint: Hint) -> Alpha:
    """Of several separate subjects those that a click for them lies on, or all if none does."""
    import cv2

    count, labels = cv2.connectedComponents((alpha > _APART).view(np.uint8))
    if count <= 2:
        return alpha
    meant = set()
    for (y, x), positive in _places(hint, *alpha.shape):
        if positive:
            # A click beside a subject means the one that it all but touches.
            near = labels[_window(y, x, _radius(alpha))]
            found = np.bincount(near.ravel(), minlength=count)[1:]
            if labels[y, x]:
                meant.add(int(labels[y, x]))
            elif found.any():
                meant.add(1 + int(found.argmax()))
    if not meant:
        return alpha
    return np.where((labels == 0) | np.isin(labels, list(meant)), alpha, np.float32(0))


def _corrected(alpha: Alpha, hint: Hint, view: View) -> Alpha:
    """The answer, pushed over to what the clicks say around those that it does not follow."""
    import cv2

    height, width = alpha.shape
    said = dict(_places(hint, height, width))  # of two clicks on one pixel the later holds
    clicks, positive = np.array(list(said)), np.array(list(said.values()))
    limit = np.float32(1 / (1 + np.exp(_SUREST)))
    bounded = np.clip(alpha, limit, 1 - limit)
    logit = np.log(bounded / (1 - bounded))
    picture = np.clip(view.resized(height, width), 0, 1)
    # Smooth: each grain of noise would make a path longer.
    colours = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB) / 100, (0, 0), 1)

    at = logit[clicks[:, 0], clicks[:, 1]]
    sign = np.where(positive, 1, -1)
    each = zip(clicks.tolist(), sign.tolist(), strict=True)
    beside = np.array([_beside(logit, colours, y, x, side) for (y, x), side in each])
    stands = np.minimum(sign * at, sign * beside)
    if (stands >= _FOLLOWED).all():
        return alpha
    short = np.where(stands < _IGNORED, _PUSHED - stands, 0)
    discs = sign * beside < 0
    even = _without_discs(alpha, clicks[discs], beside[discs])
    against = np.clip(_REACH_AGAINST * _thickness(even, clicks), _LEAST_REACH, _MOST_REACH)
    reach = np.where(positive, _REACH_FOR, against)
    distance, nearest = _nearest(even, colours, clicks)
    push = (sign * short)[nearest] * np.exp(-((distance / reach[nearest]) ** _DROP) / 2)
    pushed = np.where(np.abs(push) > 0.01, 1 / (1 + np.exp(-(logit + push))), alpha)
    for (y, x), value in zip(clicks.tolist(), positive.tolist(), strict=True):
        # Refining takes for known what is sure of itself as all beside it is.
        core = _window(y, x, _CORE)
        alike = np.linalg.norm(colours[core] - colours[y, x], axis=-1) < _CORE_ALIKE
        pushed[core][alike] = value
    return pushed.astype(np.float32)


def _beside(logit: Alpha, colours: NDArray[np.float32], y: int, x: int, sign: int) -> float:
    """What the answer makes of the click's thing outside the click's disc, as a logit.

    Within the disc a network may follow a click to the letter, and no further. Most of what
    surrounds it there must say so: beside an edge that is right, half of it does.
    """
    near, far = (factor * _radius(logit) for factor in _BESIDE)
    beside = _window(y, x, int(far))
    rows, columns = np.ogrid[: logit.shape[0], : logit.shape[1]]
    away = np.hypot(rows[beside[0]] - y, columns[:, beside[1]] - x)
    step = np.linalg.norm(colours[beside] - colours[y, x], axis=-1)
    alike = (step < _ALIKE) & (away > near) & (away <= far)
    if alike.sum() <= _ENOUGH * np.pi * (far * far - near * near):
        return float(logit[y, x])
    return sign * float(np.quantile(sign * logit[beside][alike], _MOST))


def _without_discs(alpha: Alpha, clicks: NDArray[np.intp], beside: NDArray[np.float64]) -> Alpha:
    """The answer as it would be had the network not followed these clicks in their discs alone."""
    import cv2

    even = alpha.copy()
    for (y, x), logit in zip(clicks.tolist(), beside.tolist(), strict=True):
        value = 1 / (1 + np.exp(-logit))
        cv2.circle(even, (x, y), int(_BESIDE[0] * _radius(alpha)), value, -1)
    return even


def _thickness(alpha: Alpha, clicks: NDArray[np.intp]) -> NDArray[np.float32]:
    """How far each click is from the edge of what was taken, in shares of the longer side."""
    import cv2

    taken = np.pad((alpha > 0.5).astype(np.uint8), 1)
    depth = cv2.distanceTransform(taken, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    return np.asarray(depth[clicks[:, 0], clicks[:, 1]] / np.float32(max(alpha.shape)), np.float32)


def _nearest(
    alpha: Alpha, colours: NDArray[np.float32], clicks: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Geodesic distance of every pixel to its nearest click, and which click that is.

    Parameters
    ----------
    colours : (h, w, 3) CIELAB / 100
    clicks : (N, 2) rows and columns, all different

    Returns
    -------
    distance : (h, w) in shares of the longer side
    nearest : (h, w) 0…N−1
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    height, width = alpha.shape
    levels = np.dstack([_COLOUR_STEP * colours, _ALPHA_STEP * alpha])
    number = np.arange(alpha.size, dtype=np.int32).reshape(height, width)
    lengths, starts, ends = [], [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        start = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        end = (slice(dy, height), slice(max(0, dx), width + min(0, dx)))
        step = np.maximum(np.linalg.norm(levels[start] - levels[end], axis=-1) - _GRAIN, 0)
        lengths.append((np.hypot(dy, dx) / max(height, width) + step).ravel())
        starts.append(number[start].ravel())
        ends.append(number[end].ravel())
    links = (np.concatenate(starts), np.concatenate(ends))
    graph = csr_array((np.concatenate(lengths), links), shape=(alpha.size, alpha.size))
    sources = number[clicks[:, 0], clicks[:, 1]]
    distance, _, source = dijkstra(
        graph, directed=False, indices=sources, min_only=True, return_predecessors=True
    )
    which = np.zeros(alpha.size, np.intp)
    which[sources] = np.arange(len(sources))
    return distance.reshape(height, width), which[source].reshape(height, width)


def _places(hint: Hint, height: int, width: int) -> list[tuple[tuple[int, int], bool]]:
    """Row and column of each click on a map of that size, and whether it is for the subject."""
    scale_y, scale_x = height / hint.height, width / hint.width
    return [
        ((min(int(p.y * scale_y), height - 1), min(int(p.x * scale_x), width - 1)), p.positive)
        for p in hint.points
    ]


def _radius(values: Alpha) -> int:
    """A click's radius in pixels of that map."""
    longer: int = max(values.shape)
    return max(2, round(CLICK_RADIUS * longer))


def _window(y: int, x: int, reach: int) -> tuple[slice, slice]:
    """The square of pixels at most `reach` from a place, as far as a map has them."""
    return slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1)
