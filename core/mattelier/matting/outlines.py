"""The closed outlines of a matte, to a fraction of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

EDGE = 0.5  # the alpha along which outlines run
_SEARCH_PX = 1.5  # how far outside a pixel's centre its edge is looked for
_SEARCH_STEP_PX = 0.25
_GRADIENT_SIGMA_PX = 1.0


@dataclass(frozen=True)
class Outline:
    """One closed curve around a piece of the subject, or around a hole in it.

    Attributes
    ----------
    points : (N, 2) float64
        x and y in pixels, about one pixel apart; (0, 0) is the picture's top left corner. Where
        the subject leaves the picture the curve runs outside of it.
    depth : int
        How many other outlines it lies in: even around the subject, odd around a hole.
    """

    points: Points
    depth: int

    @property
    def hole(self) -> bool:
        """Whether what is inside is not the subject."""
        return self.depth % 2 == 1


def find_outlines(
    alpha: NDArray[np.float32], *, slack: float = 1, margin: int = 2
) -> tuple[list[Outline], int]:
    """The outlines of a matte, and how many pieces were too small to have one.

    Parameters
    ----------
    alpha : (H, W) float32 0…1
    slack : float
        Pixels: pieces and holes that are nowhere thicker than twice this are left out.
    margin : int
        Pixels by which curves run outside the picture where the subject leaves it.
    """
    padded = np.pad(np.pad(alpha, margin, mode="edge"), 2)
    inside = (padded >= EDGE).astype(np.uint8)
    chains, tree = cv2.findContours(inside, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    if not chains:
        return [], 0
    parents = np.asarray(tree)[0, :, 3]
    soft = cv2.GaussianBlur(padded, (0, 0), _GRADIENT_SIGMA_PX)
    outward = -np.stack([cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)], -1)
    found, left_out = [], 0
    for number, chain in enumerate(chains):
        places = np.asarray(chain)[:, 0].astype(np.float64)
        if _half_width(places) < slack:
            left_out += 1
            continue
        edge = _move_to_edge(padded, outward, places)
        found.append(Outline(edge + 0.5 - (margin + 2), _depth(parents, number)))
    return found, left_out


def resample(points: Points, count: int) -> Points:
    """So many points at even distances along a closed polygon, from its first: (count, 2)."""
    closed = np.concatenate([points, points[:1]])
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    places = np.linspace(0, lengths[-1], count, endpoint=False)
    return np.stack([np.interp(places, lengths, closed[:, axis]) for axis in (0, 1)], -1)


def perimeter(points: Points) -> float:
    """Length of a closed polygon."""
    return float(np.hypot(*(np.roll(points, -1, 0) - points).T).sum())


def area(points: Points) -> float:
    """Area of a closed polygon, whichever way it turns."""
    x, y = points.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _half_width(places: Points) -> float:
    """Of a long thin shape half its width, of a disc half its radius."""
    around = perimeter(places)
    # The pixels' centres go round half a pixel inside.
    return 2 * (area(places) + around / 2) / max(around + 4, 1)


def _move_to_edge(
    alpha: NDArray[np.float32], outward: NDArray[np.float32], places: Points
) -> Points:
    """Centres of the subject's last pixels, each moved to where alpha falls below the edge's."""
    x, y = places.astype(int).T
    normals = outward[y, x].astype(np.float64)
    normals /= np.maximum(np.hypot(*normals.T), 1e-6)[:, None]
    steps = np.arange(0, _SEARCH_PX + _SEARCH_STEP_PX / 2, _SEARCH_STEP_PX)
    along = places[:, None] + normals[:, None] * steps[:, None]  # (N, steps, 2)
    values = _sample(alpha, along)
    below = values < EDGE
    first = np.argmax(below, axis=1)
    rows = np.arange(len(places))
    before, after = values[rows, first - 1], values[rows, first]
    share = (before - EDGE) / np.maximum(before - after, 1e-6)
    reach = np.where(below.any(1) & (first > 0), (first - 1 + share) * _SEARCH_STEP_PX, 0)
    moved: Points = places + normals * reach[:, None]
    return moved


def _sample(alpha: NDArray[np.float32], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values between pixels, bilinear, in double: OpenCV's tables have 32 steps a pixel."""
    height, width = alpha.shape
    x = np.clip(places[..., 0], 0, width - 1.001)
    y = np.clip(places[..., 1], 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    u, v = x - left, y - top
    upper = alpha[top, left] * (1 - u) + alpha[top, left + 1] * u
    lower = alpha[top + 1, left] * (1 - u) + alpha[top + 1, left + 1] * u
    result: NDArray[np.float64] = upper * (1 - v) + lower * v
    return result


def _depth(parents: Sequence[int] | NDArray[np.int32], number: int) -> int:
    depth = 0
    while (number := int(parents[number])) >= 0:
        depth += 1
    return depth
