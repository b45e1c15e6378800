"""What came out worst, as thumbnails, and why; kept as pictures pass by, so memory is bounded."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.evaluate.error_analysis import Reason, of_mask, of_matte
from mattelier.evaluate.items import Item
from mattelier.evaluate.upscale_error_analysis import of_enlarged
from mattelier.media import thumbnails
from mattelier.media.thumbnails import Thumbnail
from mattelier.metrics.measures import MEASURES, Scores
from mattelier.types.colour import View, to_float
from mattelier.types.picture import Picture

_LONGEST = 200  # pixels of a thumbnail
_LOUD = 4  # how many times errors of colour are enlarged to be seen
_EXPLAINED: dict[str, Callable[[NDArray[Any], NDArray[Any]], Reason]] = {
    "masks": of_mask,
    "clicks": of_mask,
    "mattes": of_matte,
    "video": of_matte,
    "upscale": of_enlarged,
}


@dataclass(frozen=True, eq=False)
class Shown:
    """One item's thumbnails as JPEG files: picture (if any) and truth, then each trial's two."""

    item: Item
    given: tuple[bytes, ...]
    results: Mapping[int, tuple[bytes, bytes]]
    scores: Mapping[int, Mapping[str, float]]
    reasons: Mapping[int, Reason]


class Worst:
    """The items with the worst mean score over the trials that are shown.

    Parameters
    ----------
    measure : a name of `measures.MEASURES`
    shown : numbers of the trials whose results are shown and judged by
    most : how many items are kept

    Attributes
    ----------
    reasons : (item, number of the trial, why its result is as bad as it is), of every item
    """

    def __init__(self, measure: str, shown: tuple[int, ...], most: int) -> None:
        self._measure, self._trials, self._most = measure, shown, most
        self._heap: list[tuple[float, int, Shown]] = []
        self._count = 0
        self.reasons: list[tuple[Item, int, Reason]] = []

    def show(
        self,
        item: Item,
        picture: Picture | None,
        truth: NDArray[Any],
        results: Mapping[int, tuple[NDArray[Any], Scores]],
    ) -> None:
        """Note the reasons, and keep the item if it is among the worst so far."""
        seen = {n: results[n] for n in self._trials if n in results}
        column = MEASURES[self._measure].ranking
        values = [measured.values[column.key] for _, measured in seen.values()]
        if not values:
            return
        explain = _EXPLAINED[self._measure]
        reasons = {number: explain(result, truth) for number, (result, _) in seen.items()}
        self.reasons += [(item, number, reason) for number, reason in reasons.items()]
        badness = float(np.mean(values)) * (-1 if column.higher else 1)
        self._count += 1
        if len(self._heap) == self._most and badness <= self._heap[0][0]:
            return
        scores = {number: measured.values for number, (_, measured) in seen.items()}
        answers = {number: result for number, (result, _) in seen.items()}
        draw = _colours if self._measure == "upscale" else _mattes
        given, drawn = draw(picture, truth, answers)
        files = {n: (thumbnails.jpeg(a), thumbnails.jpeg(b)) for n, (a, b) in drawn.items()}
        shown = Shown(item, tuple(map(thumbnails.jpeg, given)), files, scores, reasons)
        keep = heapq.heappush if len(self._heap) < self._most else heapq.heapreplace
        keep(self._heap, (badness, -self._count, shown))

    def in_order(self) -> list[Shown]:
        """The worst first."""
        return [shown for _, _, shown in sorted(self._heap, key=lambda entry: entry[:2])[::-1]]


Drawn = tuple[list[Thumbnail], dict[int, tuple[Thumbnail, Thumbnail]]]


def _mattes(
    picture: Picture | None, truth: NDArray[Any], answers: Mapping[int, NDArray[Any]]
) -> Drawn:
    size = thumbnails.fit(truth.shape[0], truth.shape[1], _LONGEST)
    errors = thumbnails.error
    if picture is None:
        greys = {
            n: (thumbnails.grey(a, size), errors(a, truth, size, None)) for n, a in answers.items()
        }
        return [thumbnails.grey(truth, size)], greys
    view = View(picture).resized(*size)
    given = [thumbnails.colour(view, size), thumbnails.on_board(view, truth, size)]
    return given, {
        n: (thumbnails.on_board(view, a, size), errors(a, truth, size, view))
        for n, a in answers.items()
    }


def _colours(
    picture: Picture | None, truth: NDArray[Any], answers: Mapping[int, NDArray[Any]]
) -> Drawn:
    size = thumbnails.fit(truth.shape[0], truth.shape[1], _LONGEST)
    right = to_float(truth)
    drawn = {}
    for number, answer in answers.items():
        result = to_float(answer)
        off = thumbnails.colour(np.abs(result - right) * _LOUD, size)
        drawn[number] = thumbnails.colour(result, size), off
    return [thumbnails.colour(right, size)], drawn
