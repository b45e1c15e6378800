"""Alpha from colours alone: what known subject and background near by would mix to each pixel.

Closed-form matting carries alpha along smooth colours and fails where none lead to a pixel: in
the holes of a net, between leaves. Samples do not care what lies between; they fail where subject
and background look alike. Each knows what the other does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.types.progress import tell

_SUBSAMPLING_FACTOR = 6  # each set of candidates keeps one in so many of the one before
_CANDIDATE_SETS = 5
# Pixels, between neighbours that tell each other their pairs.
_PROPAGATION_STEPS_PX = (32, 16, 8, 4, 2, 1)
_FREE_DISTANCE_PX = 8  # pixels that count as no distance
# Colour error that a sample one reach away must save to be chosen.
_DISTANCE_COST = np.float32(0.02)
_MIN_SQUARED_CONTRAST = np.float32(1e-4)  # squared colour distance of a pair that tells nothing
# Found on made scenes and checked on photographs; the matte depends on none of them finely.
_TRUSTED_ERROR = np.float32(0.03)  # error of a mixture, in colour, at which trust has fallen to 1/e
# Squared distance of two colours from which on they tell alpha fully.
_FULL_SQUARED_CONTRAST = np.float32(0.1)
_COST_TOLERANCE = np.float32(0.01)  # pairs that cost so much more than the best still count as 1/e
_ALPHA_DEVIATION = np.float32(0.05)  # deviation of such pairs' alphas at which trust is halved
# Light mixes, not its encoding. Fully linear values drown dark colours in noise: between the two,
# measured.
_LIGHT_EXPONENT = np.float32(1.5)


@dataclass(frozen=True, eq=False)
class Samples:
    """For the N unknown pixels, in the order of `np.flatnonzero(unknown)`.

    Attributes
    ----------
    alpha : (N,) float32 0…1, of the best pair
    trust : (N,) float32 0…1
        1 where that pair mixes to the pixel's very colour, its two colours lie apart, and other
        pairs that do as well agree on alpha.
    error : (N,) float32 ≥ 0
        Distance of the pixel's colour from what the pair mixes to.
    subject, background : (N, 3) float32, the pair
    """

    alpha: NDArray[np.float32]
    trust: NDArray[np.float32]
    error: NDArray[np.float32]
    subject: NDArray[np.float32]
    background: NDArray[np.float32]


def linearise_partly(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Display-encoded values brought nearer to the light that they stand for: the same shape."""
    light: NDArray[np.float32] = np.power(np.maximum(picture, 0), _LIGHT_EXPONENT)
    return light


def sample_colours(
    picture: NDArray[np.float32], subject: NDArray[np.bool_], background: NDArray[np.bool_]
) -> Samples:
    """The pair of known colours that explains each unknown pixel best.

    After robust and global sampling (Wang and Cohen 2007; He et al., "A Global Sampling Method for
    Alpha Matting", CVPR 2011). The first candidates are the nearest known pixels of ever sparser
    random sets: near ones, and some from afar. Then, as in PatchMatch, each pixel tries the pairs
    that its neighbours chose, far ones first.

    Parameters
    ----------
    picture : (H, W, 3) float32, display-encoded RGB 0…1
    subject, background : (H, W) bool, neither may be empty; what is in none of them is unknown
    """
    unknown = ~(subject | background)
    search = _Search(picture, unknown)
    # By place, always the same: a shot's frames are sampled alike.
    rank = np.random.default_rng(0).random(unknown.size, np.float32)
    fronts, front_reach = _find_candidates(subject, search.where, rank)
    backs, back_reach = _find_candidates(background, search.where, rank)
    search.reach = (front_reach, back_reach)
    for back in backs:
        for front in fronts:
            search.attempt(front, back)
    for neighbour in search.neighbours():
        search.attempt(search.front[neighbour], search.back[neighbour])
    return search.best_samples()


class _Search:
    """The best pair of known pixels so far for each unknown one, and how well others did."""

    def __init__(self, picture: NDArray[np.float32], unknown: NDArray[np.bool_]) -> None:
        self.unknown = unknown
        self.where = np.flatnonzero(unknown).astype(np.int32)
        self.planes = picture.reshape(-1, 3)
        self.colour = np.ascontiguousarray(self.planes[self.where].T)
        y, x = np.divmod(self.where, np.int32(unknown.shape[1]))
        self.y, self.x = y, x
        count = len(self.where)
        self.front, self.back = np.zeros((2, count), np.int32)
        self.reach: tuple[NDArray[np.float32], NDArray[np.float32]]
        self.cost = np.full(count, np.inf, np.float32)
        self.weight, self.mean, self.square = np.zeros((3, count), np.float32)

    def attempt(self, front: NDArray[np.int32], back: NDArray[np.int32]) -> None:
        """Takes pairs, given as flat places of pixels, where they are better."""
        tell(0)  # so that it can be cancelled
        share, error, _ = _unmix(self.colour, self.planes[front].T, self.planes[back].T)
        cost = error + _DISTANCE_COST * (
            self._relative_distance(front, 0) + self._relative_distance(back, 1)
        )
        vote = np.exp(cost / -_COST_TOLERANCE)
        self.weight += vote
        vote *= share
        self.mean += vote
        vote *= share
        self.square += vote
        better = cost < self.cost
        self.cost[better] = cost[better]
        self.front[better] = front[better]
        self.back[better] = back[better]

    def neighbours(self) -> Iterator[NDArray[np.int32]]:
        """Numbers of the unknown pixels beside each, itself where there is none."""
        height, width = self.unknown.shape
        every = np.arange(len(self.where), dtype=np.int32)
        number = np.full(self.unknown.size, -1, np.int32)
        number[self.where] = every
        for step in _PROPAGATION_STEPS_PX:
            for dy, dx in ((-step, 0), (step, 0), (0, -step), (0, step)):
                y, x = np.clip(self.y + dy, 0, height - 1), np.clip(self.x + dx, 0, width - 1)
                beside = number[y * width + x]
                yield np.where(beside < 0, every, beside)

    def best_samples(self) -> Samples:
        front, back = self.planes[self.front], self.planes[self.back]
        _, error, apart = _unmix(self.colour, front.T, back.T)
        alpha, _, _ = _unmix(
            linearise_partly(self.colour), linearise_partly(front.T), linearise_partly(back.T)
        )
        weight = np.maximum(self.weight, np.float32(1e-12))
        variance = np.maximum(self.square / weight - (self.mean / weight) ** 2, 0)
        trust = np.exp(error / -_TRUSTED_ERROR) * np.minimum(apart / _FULL_SQUARED_CONTRAST, 1)
        trust *= _ALPHA_DEVIATION**2 / (_ALPHA_DEVIATION**2 + variance)
        return Samples(alpha, trust, error, front, back)

    def _relative_distance(self, place: NDArray[np.int32], side: int) -> NDArray[np.float32]:
        """Distance of samples over that of the nearest known pixel of the same side."""
        y, x = np.divmod(place, np.int32(self.unknown.shape[1]))
        distance: NDArray[np.float32] = np.hypot(
            (y - self.y).astype(np.float32), (x - self.x).astype(np.float32)
        )
        return distance / self.reach[side]


def _unmix(
    colour: NDArray[np.float32], front: NDArray[np.float32], back: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """The share of `front` that mixes best to `colour`, what is missed, and the pair's squared
    distance: (3, N) each give (N,) each.
    """
    above, line = colour - back, front - back
    length = np.einsum("cn,cn->n", line, line) + _MIN_SQUARED_CONTRAST
    share = np.clip(np.einsum("cn,cn->n", above, line) / length, 0, 1)
    above -= share * line
    return share, np.sqrt(np.einsum("cn,cn->n", above, above)), length


def _find_candidates(
    region: NDArray[np.bool_], where: NDArray[np.int32], rank: NDArray[np.float32]
) -> tuple[list[NDArray[np.int32]], NDArray[np.float32]]:
    """`_CANDIDATE_SETS` times a region's nearest pixels, flat (N,), and how far the first lie."""
    import cv2

    places = np.flatnonzero(region).astype(np.int32)
    rank = rank[places]
    candidates = []
    for number in range(_CANDIDATE_SETS):
        kept = places[rank < _SUBSAMPLING_FACTOR**-number]
        if kept.size == 0:
            kept = places[[int(np.argmin(rank))]]
        away = np.ones(region.shape, np.uint8)
        away.reshape(-1)[kept] = 0
        # Labels number the zeros in raster order, as `kept` is.
        distance, labels = cv2.distanceTransformWithLabels(
            away, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        if number == 0:
            reach = distance.reshape(-1)[where] + np.float32(_FREE_DISTANCE_PX)
        candidates.append(kept[labels.reshape(-1)[where] - 1])
    return candidates, reach
