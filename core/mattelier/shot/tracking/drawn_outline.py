"""How precisely an outline was drawn, by the picture under it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

_PICTURE_SIGMA_PX = 0.8  # of the Gaussian that takes noise away before edges are looked for
_EDGE_SIGMA_PX = 1.4  # of the hump that an outline of no error makes: the edge's own width
_SIGMAS_PX = [float(_EDGE_SIGMA_PX * 2 ** (step / 2)) for step in range(-1, 9)]
_MIN_REACH_PX = 6
_ON_PX, _OFF_PX = 1.5, 2.5  # up to here, and from there on, a pixel is on the outline or beside it
_PART = 0.5  # of the reach: so long a part of the outline is judged by itself
_WHOLE_SUPPORT = 0.25  # of the outline's mean contrast: a part that has as much follows an edge


class DrawnOutline(NamedTuple):
    """What the picture says of a drawn outline.

    Attributes
    ----------
    stray : float
        How far it strays from the edge that it follows, in pixels (a standard deviation); infinite
        where it follows none.
    support : (h, w) float32 0…1
        Of every pixel, how far the part of the outline next to it follows an edge.
    """

    stray: float
    support: Map


def judge_outline(view: Map, drawn: Map, reach: float) -> DrawnOutline:
    """How far the outline of a drawn shape strays from the picture's edges.

    Edges along the outline are counted by their distance from it. Where it was drawn precisely they
    stand in a narrow hump between the textures of the two sides; the farther the hand strayed, the
    wider the hump. A Gaussian on a step is fitted to it by least squares. A part of the outline on
    which edges are no stronger than beside it, which cuts through the subject, say, has no support.

    Parameters
    ----------
    view : (h, w, 3) float32 0…1, display-encoded RGB
    drawn : (h, w) float32 0…1
    reach : float
        So far from the outline, in pixels, edges are looked for.
    """
    import cv2

    inside = (drawn > 0.5).view(np.uint8)
    nothing = DrawnOutline(math.inf, np.zeros(drawn.shape, np.float32))
    if inside.all() or not inside.any():
        return nothing
    reach = max(reach, _MIN_REACH_PX)
    away, within = (cv2.distanceTransform(side, cv2.DIST_L2, 5) for side in (1 - inside, inside))
    distance = np.where(inside, 0.5 - within, away - 0.5).astype(np.float32)
    strength = _edges_along(view, distance)
    stray = _fit_stray(distance, strength, round(reach))
    on = (np.abs(distance) <= _ON_PX).astype(np.float32)
    off = ((np.abs(distance) > _OFF_PX) & (np.abs(distance) < reach)).astype(np.float32)
    contrast = _mean(strength, on) - _mean(strength, off)
    if contrast <= 0:
        return nothing

    def around(values: Map) -> Map:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), _PART * reach) + 1e-6, np.float32)

    parts = around(strength * on) / around(on) - around(strength * off) / around(off)
    support = np.clip(parts / (_WHOLE_SUPPORT * contrast), 0, 1)
    return DrawnOutline(stray, _of_nearest(support.astype(np.float32), inside))


def _edges_along(view: Map, distance: Map) -> Map:
    """How much colour (CIELAB) changes over one pixel away from the outline: (h, w)."""
    import cv2

    away = np.stack(np.gradient(cv2.GaussianBlur(distance, (0, 0), _EDGE_SIGMA_PX)))
    away /= np.hypot(*away) + 1e-6
    lab = cv2.GaussianBlur(cv2.cvtColor(view, cv2.COLOR_RGB2LAB), (0, 0), _PICTURE_SIGMA_PX)
    slopes = np.stack(np.gradient(lab, axis=(0, 1)))
    changes = np.einsum("ayx,ayxc->yxc", away, slopes)
    return np.asarray(np.sqrt((changes**2).sum(-1)), np.float32)


def _fit_stray(distance: Map, strength: Map, limit: int) -> float:
    place = np.rint(distance).astype(int) + limit
    near = (place >= 0) & (place <= 2 * limit)
    count = np.bincount(place[near], minlength=2 * limit + 1)
    total = np.bincount(place[near], strength[near], minlength=2 * limit + 1)
    seen = count > 0
    profile, steps = total[seen] / count[seen], np.arange(-limit, limit + 1)[seen]
    best, stray = math.inf, math.inf
    for sigma in [each for each in _SIGMAS_PX if each < limit / 1.5]:
        hump = np.exp(-0.5 * (steps / sigma) ** 2)
        terms = np.stack([steps <= 0, steps > 0, hump], 1).astype(float)
        weights = np.linalg.lstsq(terms, profile, rcond=None)[0]
        error = float(((terms @ weights - profile) ** 2).sum())
        if weights[2] > 0 and error < best:
            best, stray = error, math.sqrt(max(sigma**2 - _EDGE_SIGMA_PX**2, 0.0))
    return stray


def _mean(values: Map, weights: Map) -> float:
    return float((values * weights).sum()) / max(float(weights.sum()), 1.0)


def _of_nearest(values: Map, inside: NDArray[np.uint8]) -> Map:
    """Every pixel gets the value of the pixel of the outline that is nearest."""
    import cv2

    outline = (inside - cv2.erode(inside, np.ones((3, 3), np.uint8))) > 0
    if not outline.any():  # a hole of one pixel has none
        return np.zeros_like(values)
    _, labels = cv2.distanceTransformWithLabels(
        (~outline).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(labels.max()) + 1, np.float32)
    of_label[labels[outline]] = values[outline]
    return of_label[labels]
