"""Average precision of objects told apart, as COCO counts it (Lin et al. 2014, and its tool).

Of each class, results of all pictures are taken from the surest down; one is right that overlaps a
truth of its picture and class which no surer one has taken. The mean precision at 101 levels of
recall is the class's AP; AP is the mean over classes and over overlaps (IoU) from 0.50 to 0.95.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Of IoU, from which on a result may be right."""

MAX_RESULTS = 100
"""Of a class in a picture, the surest, that count."""

_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class Instance:
    """One object: its mask (H, W) boolean, its class, and how sure a result is of it.

    `crowd` marks a truth of many in one: results inside it are neither right nor wrong.
    """

    mask: NDArray[np.bool_]
    label: str
    score: float = 1.0
    crowd: bool = False


@dataclass(frozen=True, eq=False)
class Matches:
    """Results of one class in one picture beside its truths, the surest first.

    Attributes
    ----------
    scores : (D,)
    right : (10, D), at each of `THRESHOLDS`, a truth was found
    ignored : (10, D), a crowd was found
    wanted : how many truths there are, without crowds
    """

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    wanted: int


def match(results: Sequence[Instance], truths: Sequence[Instance]) -> dict[str, Matches]:
    """One picture's results beside its truths, by class; masks are of equal size."""
    labels = dict.fromkeys(one.label for one in (*results, *truths))
    return {
        label: _match_class(
            [one for one in results if one.label == label],
            [one for one in truths if one.label == label],
        )
        for label in labels
    }


def average_precision(pictures: Sequence[Mapping[str, Matches]]) -> dict[str, float]:
    """`ap`, `ap_50` and `ap_75` over all pictures, 0…1; NaN where there is no truth."""
    labels = sorted({label for picture in pictures for label in picture})
    curves = [_class_precision([p[label] for p in pictures if label in p]) for label in labels]
    known = [curve for curve in curves if curve is not None]
    if not known:
        return {"ap": np.nan, "ap_50": np.nan, "ap_75": np.nan}
    by_threshold = np.mean(known, axis=(0, 2))
    return {
        "ap": float(by_threshold.mean()),
        "ap_50": float(by_threshold[0]),
        "ap_75": float(by_threshold[5]),
    }


def _match_class(results: Sequence[Instance], truths: Sequence[Instance]) -> Matches:
    order = np.argsort([-one.score for one in results], kind="stable")[:MAX_RESULTS]
    results = [results[number] for number in order]
    truths = sorted(truths, key=lambda one: one.crowd)  # crowds last
    overlaps = _overlaps(results, truths)
    right = np.zeros((len(THRESHOLDS), len(results)), bool)
    ignored = right.copy()
    for level, threshold in enumerate(THRESHOLDS):
        taken = [False] * len(truths)
        for number in range(len(results)):
            best = _best(overlaps[number], truths, taken, threshold)
            if best is not None:
                taken[best] = True
                (ignored if truths[best].crowd else right)[level, number] = True
    scores = np.array([one.score for one in results], np.float64)
    return Matches(scores, right, ignored, sum(not one.crowd for one in truths))


def _best(
    overlaps: NDArray[np.float64],
    truths: Sequence[Instance],
    taken: Sequence[bool],
    threshold: float,
) -> int | None:
    """The truth that a result overlaps most, of those that are free; a crowd only if none is."""
    best, most = None, min(threshold, 1 - 1e-10)
    for number, truth in enumerate(truths):
        if taken[number] and not truth.crowd:
            continue
        if best is not None and truth.crowd and not truths[best].crowd:
            break
        if overlaps[number] >= most:
            best, most = number, overlaps[number]
    return best


def _overlaps(results: Sequence[Instance], truths: Sequence[Instance]) -> NDArray[np.float64]:
    """IoU (D, G) of every result with every truth; of a crowd, the share that lies inside it."""
    if not results or not truths:
        return np.zeros((len(results), len(truths)))
    ours, theirs = (
        np.stack([one.mask.ravel() for one in side]).astype(np.float32)
        for side in (results, truths)
    )
    both = (ours @ theirs.T).astype(np.float64)
    own, other = (side.sum(1, dtype=np.float64) for side in (ours, theirs))
    crowd = np.array([one.crowd for one in truths])
    union = np.where(crowd, own[:, None], own[:, None] + other - both)
    overlaps: NDArray[np.float64] = np.where(union > 0, both / np.maximum(union, 1), 0.0)
    return overlaps


def _class_precision(pictures: Sequence[Matches]) -> NDArray[np.float64] | None:
    """Precision (10, 101) of one class at each recall; None: there is no truth of it."""
    wanted = sum(one.wanted for one in pictures)
    if wanted == 0:
        return None
    order = np.argsort(-np.concatenate([one.scores for one in pictures]), kind="stable")
    right = np.concatenate([one.right for one in pictures], axis=1)[:, order]
    ignored = np.concatenate([one.ignored for one in pictures], axis=1)[:, order]
    hits = np.cumsum(right, axis=1, dtype=np.float64)
    misses = np.cumsum(~right & ~ignored, axis=1, dtype=np.float64)
    precision = np.zeros((len(THRESHOLDS), len(_RECALLS)))
    for level in range(len(THRESHOLDS)):
        exact = hits[level] / (hits[level] + misses[level] + np.spacing(1))
        # At a recall, the best that can be had from there on.
        best = np.maximum.accumulate(exact[::-1])[::-1]
        places = np.searchsorted(hits[level] / wanted, _RECALLS, side="left")
        reached = places < len(best)
        precision[level, reached] = best[places[reached]]
    return precision
