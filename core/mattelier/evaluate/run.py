"""Measure contestants on items whose truth is known, picture by picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.evaluate.corruptions import CLEAN, Corruption
from mattelier.evaluate.items import Item
from mattelier.evaluate.predictors import Contestant, display, scale_of
from mattelier.evaluate.simulated_clicks import simulate_clicks
from mattelier.evaluate.standard_hints import STANDARD_HINTS
from mattelier.evaluate.worst_cases import Worst
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
    """One contestant, given one hint, on pictures corrupted in one way."""

    contestant: Contestant
    hint: str = "none"
    corruption: Corruption = CLEAN

    @property
    def key(self) -> tuple[str, str, str]:
        return self.contestant.name, self.hint, self.corruption.name


@dataclass(frozen=True, eq=False)
class Record:
    """What one trial scored on one item; `hint_iou` is that of a mask given as a hint."""

    item: Item
    trial: Trial
    measured: Scores
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
    worst: Worst | None = None,
    border: int | None = None,
    done: Callable[[], Any] = lambda: None,
) -> Outcome:
    """Score every trial on every item, in order; what fails is kept in `failures`.

    Parameters
    ----------
    measure : a name of `measures.MEASURES`
    worst : is shown every item, and keeps thumbnails of those that came out worst
    border : pixels left out at each side of enlarged pictures; None: their scale
    done : called after every item
    """
    outcome = Outcome(measure, trials)
    before: dict[int, tuple[str, NDArray[Any], NDArray[Any]]] = {}
    for item in items:
        try:
            picture, truth, unknown = _read(item, measure)
        except MattelierError as error:
            outcome.failures.append((item.file_name, error))
            done()
            continue
        results: dict[int, tuple[NDArray[Any], Scores]] = {}
        # A picture without a subject says nothing about masks: most scores are not defined.
        passed = measure in ("masks", "clicks") and not (truth > 0.75).any()
        for number, trial in enumerate(() if passed else trials):
            try:
                given: float | None = None
                ious: tuple[float, ...] = ()
                if measure == "clicks":
                    result, ious = _after_clicks(item, trial, picture, truth)
                else:
                    result, given = _answer(item, trial, picture, truth, measure)
                frame = _border(item, picture, truth, measure) if border is None else border
            except MattelierError as error:
                outcome.failures.append((item.file_name, error))
                before.pop(number, None)
                continue
            earlier = before.get(number)
            pair = earlier[1:] if earlier and earlier[0] == item.group else None
            measured = MEASURES[measure].score(Case(result, truth, unknown, pair, frame, ious))
            if measure == "video":
                before[number] = (item.group, result, truth)
            results[number] = (result, measured)
            outcome.records.append(Record(item, trial, measured, given))
        if worst is not None and results:
            worst.show(item, picture, truth, results)
        done()
    return outcome


def _read(
    item: Item, measure: str
) -> tuple[Picture | None, NDArray[Any], NDArray[np.bool_] | None]:
    picture = read(item.picture) if item.picture is not None else None
    if measure == "upscale":
        return picture, display(read(item.truth)), None
    truth = read_grey(item.truth)
    if picture is not None and truth.shape != (picture.height, picture.width):
        raise UsageError(f"The mask {item.truth} is not of its picture's size.")
    unknown = None
    if item.trimap is not None:
        trimap = read_grey(item.trimap)
        if trimap.shape != truth.shape:
            raise UsageError(f"The trimap {item.trimap} is not of its truth's size.")
        unknown = (trimap > 0) & (trimap < 1)
    return picture, truth, unknown


def _answer(
    item: Item, trial: Trial, picture: Picture | None, truth: NDArray[Any], measure: str
) -> tuple[NDArray[Any], float | None]:
    """A trial's answer at the truth's size, and the IoU of a mask that was given as its hint."""
    corruption, size = trial.corruption, (truth.shape[0], truth.shape[1])
    hint, given = None, None
    if trial.hint != "none":
        hint = _hint(item, trial, truth)
        if hint is not None and hint.mask is not None:
            known = (truth > 0.75) | (truth < 0.25)
            mask = resize_map(corruption.undo_turns(hint.mask), *size)
            given = iou(mask[known] >= 0.5, truth[known] > 0.75)
    shown = corruption.picture(picture, item.name) if picture is not None else None
    answer = corruption.undo_turns(trial.contestant.answer(item, shown, hint, size))
    if measure != "upscale":
        return resize_map(answer, *size), given
    if answer.shape != truth.shape:
        raise UsageError(f"The result for {item.name} is not of its truth's size.")
    return answer, given


def _after_clicks(
    item: Item, trial: Trial, picture: Picture | None, truth: NDArray[Any]
) -> tuple[NDArray[Any], tuple[float, ...]]:
    """A trial's answer at the truth's size to clicks that its own answers ask for; their IoUs."""
    corruption = trial.corruption
    shown = corruption.picture(picture, item.name) if picture is not None else None
    seen = corruption.truth(truth)
    size = (seen.shape[0], seen.shape[1])
    if not (seen > 0.75).any():
        raise UsageError(f"Under {corruption.name} nothing is left of the subject of {item.name}.")

    def answer(points: tuple[Point, ...]) -> NDArray[np.float32]:
        hint = make_hint(*size, points=points)
        return resize_map(trial.contestant.answer(item, shown, hint, size), *size)

    clicked = simulate_clicks(answer, seen)
    return resize_map(corruption.undo_turns(clicked.alpha), *truth.shape), clicked.ious


def _border(item: Item, picture: Picture | None, truth: NDArray[Any], measure: str) -> int:
    if measure != "upscale" or picture is None:
        return 0
    return scale_of(item, (picture.height, picture.width), (truth.shape[0], truth.shape[1]))


def _hint(item: Item, trial: Trial, truth: NDArray[Any]) -> Hint | None:
    seen = trial.corruption.truth(truth)
    if trial.hint == "trimap" and item.trimap is not None:
        trimap = trial.corruption.truth(read_grey(item.trimap))
        return make_hint(*seen.shape, trimap=trimap)
    inside = seen > (0.75 if truth.max() > 0.75 else 0.5)
    return STANDARD_HINTS[trial.hint](inside) if inside.any() else None
