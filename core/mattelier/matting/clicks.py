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

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.hint import CLICK_RADIUS, Hint
from mattelier.types.colour import View

_SEPARATING_ALPHA = 0.25  # subjects are separate where alpha between them falls below this
_MIN_FOLLOWED_LOGIT = 3.0  # logit of an answer that follows a click: an alpha of 0.95
_MAX_IGNORED_LOGIT = 0.0  # and below which it does not: only then a correction spreads
_TARGET_LOGIT = 6.0  # logit that a correction aims at, so that no haze is left
_MAX_LOGIT = 4.0  # logit beyond which an answer is no harder to correct
# What belongs to a click lies between so many click radii from it, and has its colour to within
# this much of CIELAB / 100. Where less than a share of it has, the click stands alone; what most of
# it says is what the answer makes of the thing.
_NEIGHBOURHOOD_RADII = (1.25, 2.5)
_SAME_COLOUR_STEP, _MIN_NEIGHBOUR_SHARE, _NEIGHBOUR_QUANTILE = 0.15, 0.05, 0.75
# Geodesic distance, in shares of the longer side: length, and what steps of CIELAB / 100 and of
# alpha add to it.
_COLOUR_COST, _ALPHA_COST = 0.5, 0.3
_NOISE_COST = 0.01  # smaller steps are noise or shading
# How far a correction reaches. What is clicked away is about as thick as the answer is where the
# click lies: a bump is narrow there, a whole subject broad.
_POSITIVE_REACH, _REACH_PER_THICKNESS = 0.06, 3.0
_MIN_NEGATIVE_REACH, _MAX_NEGATIVE_REACH = 0.05, 0.8
_FALLOFF_EXPONENT = 4  # how steeply it ends there
_MIN_PUSH = 0.01  # logit of a correction that is none
# Pixels around a click, of its colour, that hold what it says exactly.
_CORE_RADIUS_PX, _CORE_COLOUR_STEP = 2, 0.3

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
        return _correct_unfollowed_clicks(alpha, hint, view)
    clicked = _keep_clicked_subjects(alpha, hint)
    corrected = _correct_unfollowed_clicks(clicked, hint, view)
    # What a correction has cut off the subject is one of its own now.
    return corrected if corrected is clicked else _keep_clicked_subjects(corrected, hint)


def _keep_clicked_subjects(alpha: Alpha, hint: Hint) -> Alpha:
    """Of several separate subjects those that a click for them lies on, or all if none does."""
    count, labels = label_parts(alpha)
    if count <= 2:
        return alpha
    clicked = {part for _, part in find_clicked_parts(labels, count, hint)} - {0}
    if not clicked:
        return alpha
    return np.where((labels == 0) | np.isin(labels, list(clicked)), alpha, np.float32(0))


def label_parts(alpha: Alpha) -> tuple[int, NDArray[np.int32]]:
    """Separate subjects: how many labels there are, and an (h, w) map of them; 0 is nothing."""
    import cv2

    count, labels = cv2.connectedComponents((alpha > _SEPARATING_ALPHA).view(np.uint8))
    return count, np.asarray(labels, np.int32)


def find_clicked_parts(
    labels: NDArray[np.int32], count: int, hint: Hint
) -> list[tuple[tuple[int, int], int]]:
    """Row and column of each click for the subject, and the part that it means; 0: none.

    A click beside a part means the one that it all but touches.
    """
    clicked = []
    for (y, x), positive in _click_pixels(hint, *labels.shape):
        if positive:
            near = labels[_square(y, x, _click_radius(labels))]
            areas = np.bincount(near.ravel(), minlength=count)
            areas[0] = 0
            clicked.append(((y, x), int(labels[y, x]) or int(areas.argmax())))
    return clicked


def _correct_unfollowed_clicks(alpha: Alpha, hint: Hint, view: View) -> Alpha:
    """The answer, pushed over to what the clicks say around those that it does not follow."""
    import cv2

    height, width = alpha.shape
    signs = dict(_click_pixels(hint, height, width))  # of two clicks on one pixel the later holds
    clicks, positive = np.array(list(signs)), np.array(list(signs.values()))
    limit = np.float32(1 / (1 + np.exp(_MAX_LOGIT)))
    bounded = np.clip(alpha, limit, 1 - limit)
    logit = np.log(bounded / (1 - bounded))
    picture = np.clip(view.resize(height, width), 0, 1)
    # Smooth: each grain of noise would make a path longer.
    colours = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2LAB) / 100, (0, 0), 1)

    at = logit[clicks[:, 0], clicks[:, 1]]
    sign = np.where(positive, 1, -1)
    each = zip(clicks.tolist(), sign.tolist(), strict=True)
    neighbourhood = np.array(
        [_neighbourhood_logit(logit, colours, y, x, side) for (y, x), side in each]
    )
    followed = np.minimum(sign * at, sign * neighbourhood)
    if (followed >= _MIN_FOLLOWED_LOGIT).all():
        return alpha
    shortfall = np.where(followed < _MAX_IGNORED_LOGIT, _TARGET_LOGIT - followed, 0)
    discs = sign * neighbourhood < 0
    even = _erase_discs(alpha, clicks[discs], neighbourhood[discs])
    against = np.clip(
        _REACH_PER_THICKNESS * _measure_thickness(even, clicks),
        _MIN_NEGATIVE_REACH,
        _MAX_NEGATIVE_REACH,
    )
    reach = np.where(positive, _POSITIVE_REACH, against)
    pushed = alpha.copy()
    if shortfall.any():
        # From here on no click pushes by more than what is none.
        faded = (2 * math.log(float(shortfall.max()) / _MIN_PUSH)) ** (1 / _FALLOFF_EXPONENT)
        within = faded * float(reach[shortfall > 0].max())
        distance, nearest = _measure_geodesics(even, colours, clicks, within)
        push = (sign * shortfall)[nearest] * np.exp(
            -((distance / reach[nearest]) ** _FALLOFF_EXPONENT) / 2
        )
        pushed = np.where(np.abs(push) > _MIN_PUSH, 1 / (1 + np.exp(-(logit + push))), alpha)
    for (y, x), value in zip(clicks.tolist(), positive.tolist(), strict=True):
        # Refining takes for known what is sure of itself as all beside it is.
        core = _square(y, x, _CORE_RADIUS_PX)
        same_colour = np.linalg.norm(colours[core] - colours[y, x], axis=-1) < _CORE_COLOUR_STEP
        pushed[core][same_colour] = value
    return pushed.astype(np.float32)


def _neighbourhood_logit(
    logit: Alpha, colours: NDArray[np.float32], y: int, x: int, sign: int
) -> float:
    """What the answer makes of the click's thing outside the click's disc, as a logit.

    Within the disc a network may follow a click to the letter, and no further. Most of what
    surrounds it there must say so: beside an edge that is right, half of it does.
    """
    near, far = (factor * _click_radius(logit) for factor in _NEIGHBOURHOOD_RADII)
    square = _square(y, x, int(far))
    rows, columns = np.ogrid[: logit.shape[0], : logit.shape[1]]
    distance = np.hypot(rows[square[0]] - y, columns[:, square[1]] - x)
    step = np.linalg.norm(colours[square] - colours[y, x], axis=-1)
    same_colour = (step < _SAME_COLOUR_STEP) & (distance > near) & (distance <= far)
    if same_colour.sum() <= _MIN_NEIGHBOUR_SHARE * np.pi * (far * far - near * near):
        return float(logit[y, x])
    return sign * float(np.quantile(sign * logit[square][same_colour], _NEIGHBOUR_QUANTILE))


def _erase_discs(
    alpha: Alpha, clicks: NDArray[np.intp], neighbourhood: NDArray[np.float64]
) -> Alpha:
    """The answer as it would be had the network not followed these clicks in their discs alone."""
    import cv2

    even = alpha.copy()
    for (y, x), logit in zip(clicks.tolist(), neighbourhood.tolist(), strict=True):
        value = 1 / (1 + np.exp(-logit))
        cv2.circle(even, (x, y), int(_NEIGHBOURHOOD_RADII[0] * _click_radius(alpha)), value, -1)
    return even


def _measure_thickness(alpha: Alpha, clicks: NDArray[np.intp]) -> NDArray[np.float32]:
    """How far each click is from the edge of what was taken, in shares of the longer side."""
    import cv2

    inside = np.pad((alpha > 0.5).astype(np.uint8), 1)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    return np.asarray(depth[clicks[:, 0], clicks[:, 1]] / np.float32(max(alpha.shape)), np.float32)


def _measure_geodesics(
    alpha: Alpha, colours: NDArray[np.float32], clicks: NDArray[np.intp], within: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Geodesic distance of every pixel to its nearest click, and which click that is.

    Parameters
    ----------
    colours : (h, w, 3) CIELAB / 100
    clicks : (N, 2) rows and columns, all different
    within : float
        Distance from which pixels do not matter; a path is never shorter than its ends are apart,
        so nothing further off is looked at.

    Returns
    -------
    distance : (h, w) in shares of the longer side; infinite beyond `within`
    nearest : (h, w) 0…N−1
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    longer = max(alpha.shape)
    margin = min(math.ceil(within * longer), longer)
    (y0, x0), (y1, x1) = clicks.min(0) - margin, clicks.max(0) + margin + 1
    part = slice(max(0, y0), y1), slice(max(0, x0), x1)
    levels = np.dstack([_COLOUR_COST * colours[part], _ALPHA_COST * alpha[part]])
    height, width = levels.shape[:2]
    number = np.arange(height * width, dtype=np.int32).reshape(height, width)
    # Four links of each pixel, those over the border endless: so no list of links need be sorted.
    ends = np.repeat(number[..., None], 4, axis=2)
    lengths = np.full(ends.shape, np.inf)
    for link, (dy, dx) in enumerate(((0, 1), (1, 0), (1, 1), (1, -1))):
        start = (slice(0, height - dy), slice(max(0, -dx), width - max(0, dx)))
        end = (slice(dy, height), slice(max(0, dx), width + min(0, dx)))
        step = np.maximum(np.linalg.norm(levels[start] - levels[end], axis=-1) - _NOISE_COST, 0)
        lengths[(*start, link)] = np.hypot(dy, dx) / longer + step
        ends[(*start, link)] = number[end]
    rows = np.arange(0, ends.size + 1, 4, dtype=np.int32)
    graph = csr_array((lengths.ravel(), ends.ravel(), rows), shape=(number.size, number.size))
    sources = number[clicks[:, 0] - part[0].start, clicks[:, 1] - part[1].start]
    found, _, source = dijkstra(
        graph,
        directed=False,
        indices=sources,
        min_only=True,
        return_predecessors=True,
        limit=within,
    )
    which = np.zeros(number.size + 1, np.intp)  # the last: no source, which scipy has as a minus
    which[sources] = np.arange(len(sources))
    distance = np.full(alpha.shape, np.inf)
    nearest = np.zeros(alpha.shape, np.intp)
    distance[part] = found.reshape(height, width)
    nearest[part] = which[np.maximum(source, -1)].reshape(height, width)
    return distance, nearest


def _click_pixels(hint: Hint, height: int, width: int) -> list[tuple[tuple[int, int], bool]]:
    """Row and column of each click on a map of that size, and whether it is for the subject."""
    scale_y, scale_x = height / hint.height, width / hint.width
    return [
        ((min(int(p.y * scale_y), height - 1), min(int(p.x * scale_x), width - 1)), p.positive)
        for p in hint.points
    ]


def _click_radius(values: NDArray[Any]) -> int:
    """A click's radius in pixels of that map."""
    longer: int = max(values.shape)
    return max(2, round(CLICK_RADIUS * longer))


def _square(y: int, x: int, reach: int) -> tuple[slice, slice]:
    """The square of pixels at most `reach` from a place, as far as a map has them."""
    return slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1)
