"""Measure predictors on items whose truth is known, picture by picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mattelier.evaluate.corruptions import CLEAN, Corruption
from mattelier.evaluate.items import Item
from mattelier.evaluate.predictors import Measured, Predictor, scale_of, to_display
from mattelier.evaluate.simulated_clicks import simulate_clicks
from mattelier.evaluate.standard_hints import STANDARD_HINTS
from mattelier.evaluate.worst_cases import WorstCases
from mattelier.matting.hint import Hint, make_hint
from mattelier.media.stills import read, read_grey
from mattelier.metrics.masks import iou
from mattelier.metrics.measures import MEASURES, Case, Scores
from mattelier.requests import Point
from mattelier.types.errors import MattelierError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.resize import resize_map


@dataclass(frozen=True)
class Trial:
    """One predictor, given one hint, on pictures corrupted in one way."""

    predictor: Measured
    hint: str = "none"
    corruption: Corruption = CLEAN

    @property
    def key(self) -> tuple[str, str, str]:
        return self.predictor.name, self.hint, self.corruption.name


@dataclass(frozen=True, eq=False)
class Record:
    """What one trial scored on one item; `hint_iou` is that of a mask given as a hint."""

    item: Item
    trial: Trial
    scores: Scores
    hint_iou: float | None = None


@dataclass
class Outcome:
    """Everything that was measured, and what could not be: a file's name and why."""

    measure: str
    trials: Sequence[Trial]
    records: list[Record] = field(default_factory=list)
    failures: list[tuple[str, MattelierError]] = field(default_factory=list)


def evaluate(
    items: Iterable[Item],
    trials: Sequence[Trial],
    measure: str,
    *,
    worst: WorstCases | None = None,
    border: int | None = None,
    looks: Callable[[NDArray[Any], NDArray[Any]], float] | None = None,
    advance: Callable[[], Any] = lambda: None,
) -> Outcome:
    """Score every trial on every item, in order; what fails is kept in `failures`.

    Parameters
    ----------
    measure : a name of `measures.MEASURES`
    worst : receives every item, and keeps thumbnails of those that came out worst
    border : pixels left out at each side of enlarged pictures; None: their scale
    looks : how different a result looks from its truth, for the measure of that name
    advance : called after every item
    """
    outcome = Outcome(measure, trials)
    previous: dict[int, tuple[str, NDArray[Any], NDArray[Any]]] = {}
    for item in items:
        try:
            picture, truth, unknown = _read(item, measure)
        except MattelierError as error:
            outcome.failures.append((item.file_name, error))
            advance()
            continue
        results: dict[int, tuple[NDArray[Any], Scores]] = {}
        # A picture without a subject says nothing about masks: most scores are not defined.
        skipped = measure in ("masks", "detail", "clicks") and not (truth > 0.75).any()
        for number, trial in enumerate(() if skipped else trials):
            try:
                hint_iou: float | None = None
                ious: tuple[float, ...] = ()
                if measure == "clicks":
                    result, ious = _predict_from_clicks(item, trial, picture, truth)
                else:
                    result, hint_iou = _predict(item, trial, picture, truth, measure)
                margin = _border(item, picture, truth, measure) if border is None else border
                apart = looks(result, truth) if looks is not None else math.nan
            except MattelierError as error:
                outcome.failures.append((item.file_name, error))
                previous.pop(number, None)
                continue
            earlier = previous.get(number)
            pair = earlier[1:] if earlier and earlier[0] == item.group else None
            scores = MEASURES[measure].score(
                Case(result, truth, unknown, pair, margin, ious, apart)
            )
            if measure == "video":
                previous[number] = (item.group, result, truth)
            results[number] = (result, scores)
            outcome.records.append(Record(item, trial, scores, hint_iou))
        if worst is not None and results:
            worst.add(item, picture, truth, results)
        advance()
    return outcome


def _read(
    item: Item, measure: str
) -> tuple[Picture | None, NDArray[Any], NDArray[np.bool_] | None]:
    picture = read(item.picture) if item.picture is not None else None
    if MEASURES[measure].colour:
        return picture, to_display(read(item.truth)), None
    truth = read_grey(item.truth) if item.subject is None else item.subject()
    if picture is not None and truth.shape != (picture.height, picture.width):
        raise UsageError(f"The mask {item.truth} is not of its picture's size.")
    unknown = None
    if item.trimap is not None:
        trimap = read_grey(item.trimap)
        if trimap.shape != truth.shape:
            raise UsageError(f"The trimap {item.trimap} is not of its truth's size.")
        unknown = (trimap > 0) & (trimap < 1)
    return picture, truth, unknown


def _predict(
    item: Item, trial: Trial, picture: Picture | None, truth: NDArray[Any], measure: str
) -> tuple[NDArray[Any], float | None]:
    """A trial's prediction at the truth's size, and the IoU of a mask that was its hint."""
    corruption, size = trial.corruption, (truth.shape[0], truth.shape[1])
    hint, hint_iou = None, None
    if trial.hint != "none":
        hint = _hint(item, trial, truth)
        if hint is not None and hint.mask is not None:
            scored = (truth > 0.75) | (truth < 0.25)
            mask = resize_map(corruption.undo_turns(hint.mask), *size)
            hint_iou = iou(mask[scored] >= 0.5, truth[scored] > 0.75)
    source = corruption.picture(picture, item.name) if picture is not None else None
    prediction = corruption.undo_turns(_predictor(trial).predict(item, source, hint, size))
    if not MEASURES[measure].colour:
        return resize_map(prediction, *size), hint_iou
    if prediction.shape != truth.shape:
        raise UsageError(f"The result for {item.name} is not of its truth's size.")
    return prediction, hint_iou


def _predict_from_clicks(
    item: Item, trial: Trial, picture: Picture | None, truth: NDArray[Any]
) -> tuple[NDArray[Any], tuple[float, ...]]:
    """A trial's prediction at the truth's size from clicks on its own errors; their IoUs."""
    corruption = trial.corruption
    source = corruption.picture(picture, item.name) if picture is not None else None
    target = corruption.truth(truth)
    size = (target.shape[0], target.shape[1])
    if not (target > 0.75).any():
        raise UsageError(f"Under {corruption.name} nothing is left of the subject of {item.name}.")

    def predict(points: tuple[Point, ...]) -> NDArray[np.float32]:
        hint = make_hint(*size, points=points)
        return resize_map(_predictor(trial).predict(item, source, hint, size), *size)

    clicked = simulate_clicks(predict, target)
    return resize_map(corruption.undo_turns(clicked.alpha), *truth.shape), clicked.ious


def _predictor(trial: Trial) -> Predictor:
    return cast(Predictor, trial.predictor)  # `instances` measures those of the other kind


def _border(item: Item, picture: Picture | None, truth: NDArray[Any], measure: str) -> int:
    if not MEASURES[measure].colour or picture is None:
        return 0
    small, large = (picture.height, picture.width), (truth.shape[0], truth.shape[1])
    return 0 if small == large else scale_of(item, small, large)


def _hint(item: Item, trial: Trial, truth: NDArray[Any]) -> Hint | None:
    target = trial.corruption.truth(truth)
    if trial.hint == "trimap" and item.trimap is not None:
        trimap = trial.corruption.truth(read_grey(item.trimap))
        return make_hint(*target.shape, trimap=trimap)
    inside = target > (0.75 if truth.max() > 0.75 else 0.5)
    return STANDARD_HINTS[trial.hint](inside) if inside.any() else None
