"""Measure what tells objects apart, over pictures whose objects are known (COCO's files)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from mattelier.data.coco import Picture as TruthPicture
from mattelier.data.coco import Truths, decode, read_results
from mattelier.engines.model_cache import ModelCache
from mattelier.evaluate.items import Item
from mattelier.evaluate.predictors import Measured
from mattelier.evaluate.run import Outcome, Record, Trial
from mattelier.evaluate.worst_cases import WorstCases
from mattelier.media.stills import read
from mattelier.metrics.instances import Instance
from mattelier.metrics.measures import MEASURES, Case, Scores
from mattelier.requests import ObjectsRequest
from mattelier.tasks.registry import run
from mattelier.types.errors import MattelierError, UsageError
from mattelier.types.picture import Picture

MEASURE = "instances"


class InstancePredictor(Measured, Protocol):
    """Gives a picture's objects, with masks of its size."""

    def objects(self, number: int, truth: TruthPicture, picture: Picture | None) -> list[Instance]:
        """The objects of the picture that has this number in the truths' file."""
        ...


class ObjectsModel:
    """A network that tells objects apart, run as `mattelier objects` runs it."""

    uses_picture = True

    def __init__(self, request: ObjectsRequest, labels: Iterable[str]) -> None:
        self.name, self._request, self._models = request.model, request, ModelCache()
        self._labels = {label.lower(): label for label in labels}

    def objects(self, number: int, truth: TruthPicture, picture: Picture | None) -> list[Instance]:
        assert picture is not None
        found = run(self._request, picture, self._models).objects or ()
        # Classes that nobody asked for are no faults, and not counted.
        known = [one for one in found if one.label.lower() in self._labels]
        return [
            Instance(one.mask >= 0.5, self._labels[one.label.lower()], one.score) for one in known
        ]


class StoredObjects:
    """A file of results in COCO's format."""

    uses_picture = False

    def __init__(self, path: Path, truths: Truths) -> None:
        self.name, self._rows = path.stem, read_results(path, truths)

    def objects(self, number: int, truth: TruthPicture, picture: Picture | None) -> list[Instance]:
        return [
            Instance(_mask(row, truth), row["label"], row["score"])
            for row in self._rows.get(number, ())
        ]


def find_pictures(truths: Truths, folders: Sequence[Path]) -> tuple[dict[Item, int], int]:
    """The pictures to score, with their numbers in the truths' file; and how many have no truth.

    Raises
    ------
    UsageError
        No picture of the folders is in the truths.
    """
    group = truths.path.stem
    if not folders:
        named = truths.pictures.items()
        return {Item(p.file_name, group, None, truths.path): n for n, p in named}, 0
    numbers = {Path(p.file_name).name: number for number, p in truths.pictures.items()}
    items, unpaired = {}, 0
    for folder in folders:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            if path.name in numbers:
                items[Item(path.name, folder.name, path, truths.path)] = numbers[path.name]
            else:
                unpaired += 1
    if not items:
        raise UsageError(f"No picture there is one of those that {truths.path} names.")
    return items, unpaired


def evaluate_instances(
    items: Mapping[Item, int],
    truths: Truths,
    trials: Sequence[Trial],
    *,
    worst: WorstCases | None = None,
    advance: Callable[[], Any] = lambda: None,
) -> Outcome:
    """Score every trial on every picture; what fails is kept in `failures`.

    Parameters
    ----------
    items : from `find_pictures`
    worst : receives every picture, all its objects in one mask
    """
    outcome = Outcome(MEASURE, trials)
    for item, number in items.items():
        truth = truths.pictures[number]
        results: dict[int, tuple[NDArray[Any], Scores]] = {}
        picture, wanted = None, []
        try:
            picture = read(item.picture) if item.picture is not None else None
            if picture is not None and (picture.height, picture.width) != (
                truth.height,
                truth.width,
            ):
                raise UsageError(f"{item.picture} has not the size that {truths.path} tells of it.")
            wanted = [_truth(row, truth) for row in truth.annotations]
        except MattelierError as error:
            outcome.failures.append((item.file_name, error))
            advance()
            continue
        for place, trial in enumerate(trials):
            predictor = cast(InstancePredictor, trial.predictor)
            try:
                found = predictor.objects(number, truth, picture)
            except MattelierError as error:
                outcome.failures.append((item.file_name, error))
                continue
            union = _union(found, truth)
            scores = MEASURES[MEASURE].score(
                Case(union, _union(wanted, truth), instances=(found, wanted))
            )
            results[place] = (union, scores)
            outcome.records.append(Record(item, trial, scores))
        if worst is not None and results and wanted:
            worst.add(item, picture, _union(wanted, truth), results)
        advance()
    return outcome


def _truth(row: Mapping[str, Any], truth: TruthPicture) -> Instance:
    return Instance(_mask(row, truth), row["label"], crowd=bool(row.get("iscrowd", 0)))


def _mask(row: Mapping[str, Any], truth: TruthPicture) -> NDArray[np.bool_]:
    return decode(row.get("segmentation"), truth.height, truth.width)


def _union(objects: Sequence[Instance], truth: TruthPicture) -> NDArray[np.float32]:
    union = np.zeros((truth.height, truth.width), np.float32)
    for one in objects:
        union[one.mask] = 1
    return union
