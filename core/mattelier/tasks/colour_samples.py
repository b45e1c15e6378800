"""Alpha from colours alone: what known subject and background near by would mix to each pixel.

Closed-form matting carries alpha along smooth colours and fails where none lead to a pixel: in
the holes of a net, between leaves. Samples do not care what lies between; they fail where subject
and background look alike. Each knows what the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SPARSER = 6  # each set of candidates keeps one in so many of the one before
_SETS = 5
_FAR = 0.02  # colour error that a sample one reach away must save to be chosen
_SAME = 1e-4  # squared colour distance of a pair that tells nothing
# Found on made scenes and checked on photographs; the matte depends on none of them finely.
_CLOSE = np.float32(0.03)  # error of a mixture, in colour, at which trust has fallen to 1/e
_APART = np.float32(0.1)  # squared distance of two colours from which on they tell alpha fully
_NEARLY = np.float32(0.01)  # pairs that cost so much more than the best still count as 1/e
_AGREED = np.float32(0.05)  # deviation of such pairs' alphas at which trust is halved


@dataclass(frozen=True, eq=False)
class Samples:
    """For the N unknown pixels, in the order of `np.flatnonzero(unknown)`.

    Attributes
    ----------
    alpha : (N,) float32 0…1, of the best pair
    trust : (N,) float32 0…1
        1 where that pair mixes to the pixel's very colour, its two colours lie apart, and other
        pairs that do as well agree on alpha.
    subject, background : (N, 3) float32, the pair
    """

    alpha: NDArray[np.float32]
    trust: NDArray[np.float32]
    subject: NDArray[np.float32]
    background: NDArray[np.float32]


def sampled(
    picture: NDArray[np.float32], subject: NDArray[np.bool_], background: NDArray[np.bool_]
) -> Samples:
    """The pair of near known colours that explains each unknown pixel best.

    After robust and global sampling (Wang and Cohen 2007; He et al. 2011), but candidates are the
    nearest known pixels of ever sparser random sets: near ones first, and some from afar.

    Parameters
    ----------
    picture : (H, W, 3) float32, display-encoded RGB 0…1
    subject, background : (H, W) bool, neither may be empty; what is in none of them is unknown
    """
    unknown = ~(subject | background)
    where = np.flatnonzero(unknown)
    planes = picture.reshape(-1, 3)
    colour = np.ascontiguousarray(planes[where].T)
    # By place, always the same: a shot's frames are sampled alike.
    rank = np.random.default_rng(0).random(unknown.size, np.float32)
    fronts = _candidates(planes, subject, where, rank)
    backs = _candidates(planes, background, where, rank)
    count = len(where)
    best = np.full(count, np.inf, np.float32)
    alpha = np.zeros(count, np.float32)
    error = np.zeros(count, np.float32)
    apart = np.zeros(count, np.float32)
    pair = np.zeros(count, np.int32)
    weight, mean, square = (np.zeros(count, np.float32) for _ in range(3))
    for j, (back, back_way) in enumerate(backs):
        above = colour - back
        for i, (front, front_way) in enumerate(fronts):
            line = front - back
            length = np.einsum("cn,cn->n", line, line) + np.float32(_SAME)
            share = np.clip(np.einsum("cn,cn->n", above, line) / length, 0, 1)
            rest = above - share * line
            distance = np.sqrt(np.einsum("cn,cn->n", rest, rest))
            cost = distance + np.float32(_FAR) * (front_way + back_way)
            say = np.exp(cost / -_NEARLY)
            weight += say
            say *= share
            mean += say
            say *= share
            square += say
            better = cost < best
            best[better] = cost[better]
            alpha[better] = share[better]
            error[better] = distance[better]
            apart[better] = length[better]
            pair[better] = i * _SETS + j
    every = np.arange(count)
    chosen = [
        np.stack([c for c, _ in sets])[which, :, every]
        for sets, which in ((fronts, pair // _SETS), (backs, pair % _SETS))
    ]
    weight = np.maximum(weight, np.float32(1e-12))
    variance = np.maximum(square / weight - (mean / weight) ** 2, 0)
    trust = np.exp(error / -_CLOSE) * np.minimum(apart / _APART, 1)
    trust *= _AGREED**2 / (_AGREED**2 + variance)
    return Samples(alpha, trust, chosen[0], chosen[1])


def _candidates(
    planes: NDArray[np.float32],
    known: NDArray[np.bool_],
    where: NDArray[np.intp],
    rank: NDArray[np.float32],
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """`_SETS` times the nearest colours (3, N), and their distances over the pixel's reach."""
    import cv2

    places = np.flatnonzero(known)
    rank = rank[places]
    found = []
    for number in range(_SETS):
        kept = places[rank < _SPARSER**-number]
        if kept.size == 0:
            kept = places[[int(np.argmin(rank))]]
        away = np.ones(known.shape, np.uint8)
        away.reshape(-1)[kept] = 0
        # Labels number the zeros in raster order, as `kept` is.
        distance, labels = cv2.distanceTransformWithLabels(
            away, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        nearest = kept[labels.reshape(-1)[where] - 1]
        way = distance.reshape(-1)[where]
        if number == 0:
            reach = way + 8
        found.append((np.ascontiguousarray(planes[nearest].T), way / reach))
    return found
