"""The worst results as thumbnails, and why; kept as pictures pass by, so memory is bounded."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.activation import Activation
from mattelier.evaluate.error_analysis import Cause, explain_mask, explain_matte
from mattelier.evaluate.items import Item
from mattelier.evaluate.upscale_error_analysis import explain_upscaled
from mattelier.media import thumbnails
from mattelier.media.thumbnails import Thumbnail
from mattelier.metrics.measures import MEASURES, Scores
from mattelier.types.colour import View, to_float
from mattelier.types.picture import Picture

_THUMBNAIL_PX = 200  # of the longer side
Look = Callable[[View, NDArray[np.float32] | None], Activation]
"""What a network takes a place (H, W) 0…1 of a picture for; None: the whole."""

_ERROR_GAIN = 4  # how many times errors of colour are enlarged to be seen
_EXPLANATIONS: dict[str, Callable[[NDArray[Any], NDArray[Any]], Cause]] = {
    "masks": explain_mask,
    "detail": explain_mask,
    "clicks": explain_mask,
    "instances": explain_mask,
    "mattes": explain_matte,
    "video": explain_matte,
    "upscale": explain_upscaled,
    "looks": explain_upscaled,
}


@dataclass(frozen=True, eq=False)
class WorstCase:
    """One item's thumbnails as JPEG files: picture (if any) and truth, then each trial's two.

    `seen` is what a further network takes the subject for: where, and in words.
    """

    item: Item
    sources: tuple[bytes, ...]
    results: Mapping[int, tuple[bytes, bytes]]
    scores: Mapping[int, Mapping[str, float]]
    causes: Mapping[int, Cause]
    seen: tuple[bytes, str] | None = None


class WorstCases:
    """The items with the worst mean score over the trials that are shown.

    Parameters
    ----------
    measure : a name of `measures.MEASURES`
    trials : numbers of the trials whose results are shown and ranked by
    count : how many items are kept
    look : says what a network takes a picture's place (H, W) for; None: nobody is asked

    Attributes
    ----------
    causes : (item, number of the trial, why its result is as bad as it is), of every item
    """

    def __init__(
        self, measure: str, trials: tuple[int, ...], count: int, look: Look | None = None
    ) -> None:
        self._measure, self._trials, self._capacity = measure, trials, count
        self._look = look
        self._heap: list[tuple[float, int, WorstCase]] = []
        self._added = 0
        self.causes: list[tuple[Item, int, Cause]] = []

    def add(
        self,
        item: Item,
        picture: Picture | None,
        truth: NDArray[Any],
        results: Mapping[int, tuple[NDArray[Any], Scores]],
    ) -> None:
        """Note the causes, and keep the item if it is among the worst so far."""
        ranked = {n: results[n] for n in self._trials if n in results}
        column = MEASURES[self._measure].ranking
        values = [scores.values[column.key] for _, scores in ranked.values()]
        if not values:
            return
        explain = _EXPLANATIONS[self._measure]
        causes = {number: explain(result, truth) for number, (result, _) in ranked.items()}
        self.causes += [(item, number, cause) for number, cause in causes.items()]
        badness = float(np.mean(values)) * (-1 if column.higher else 1)
        self._added += 1
        if len(self._heap) == self._capacity and badness <= self._heap[0][0]:
            return
        values_of = {number: scores.values for number, (_, scores) in ranked.items()}
        predictions = {number: result for number, (result, _) in ranked.items()}
        draw = _draw_pictures if MEASURES[self._measure].colour else _draw_mattes
        sources, drawn = draw(picture, truth, predictions)
        files = {n: (thumbnails.jpeg(a), thumbnails.jpeg(b)) for n, (a, b) in drawn.items()}
        sources_files = tuple(map(thumbnails.jpeg, sources))
        seen = None if picture is None else self._seen(picture, truth)
        case = WorstCase(item, sources_files, files, values_of, causes, seen)
        keep = heapq.heappush if len(self._heap) < self._capacity else heapq.heapreplace
        keep(self._heap, (badness, -self._added, case))

    def _seen(self, picture: Picture, truth: NDArray[Any]) -> tuple[bytes, str] | None:
        """Only of what is kept: it takes a pass of a network each."""
        if self._look is None:
            return None
        view = View(picture)
        place = None if MEASURES[self._measure].colour else (truth > 0.75).astype(np.float32)
        told = self._look(view, place)
        size = thumbnails.fit(view.height, view.width, _THUMBNAIL_PX)
        shown = thumbnails.heat(view.resize(*size), told.map, size)
        words = f"seen as {told.label}, {told.score:.0%} sure ({told.method})"
        return thumbnails.jpeg(shown), words

    def in_order(self) -> list[WorstCase]:
        """The worst first."""
        return [case for _, _, case in sorted(self._heap, key=lambda entry: entry[:2])[::-1]]


Drawn = tuple[list[Thumbnail], dict[int, tuple[Thumbnail, Thumbnail]]]


def _draw_mattes(
    picture: Picture | None, truth: NDArray[Any], predictions: Mapping[int, NDArray[Any]]
) -> Drawn:
    size = thumbnails.fit(truth.shape[0], truth.shape[1], _THUMBNAIL_PX)
    errors = thumbnails.error
    if picture is None:
        greys = {
            n: (thumbnails.grey(a, size), errors(a, truth, size, None))
            for n, a in predictions.items()
        }
        return [thumbnails.grey(truth, size)], greys
    view = View(picture).resize(*size)
    sources = [thumbnails.colour(view, size), thumbnails.on_board(view, truth, size)]
    return sources, {
        n: (thumbnails.on_board(view, a, size), errors(a, truth, size, view))
        for n, a in predictions.items()
    }


def _draw_pictures(
    picture: Picture | None, truth: NDArray[Any], predictions: Mapping[int, NDArray[Any]]
) -> Drawn:
    size = thumbnails.fit(truth.shape[0], truth.shape[1], _THUMBNAIL_PX)
    right = to_float(truth)
    drawn = {}
    for number, prediction in predictions.items():
        result = to_float(prediction)
        off = thumbnails.colour(np.abs(result - right) * _ERROR_GAIN, size)
        drawn[number] = thumbnails.colour(result, size), off
    return [thumbnails.colour(right, size)], drawn
