"""Means of an outcome by folder, or by another grouping, and over everything; counts of causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mattelier.evaluate.error_analysis import Cause
from mattelier.evaluate.items import Item
from mattelier.evaluate.run import Outcome, Record, Trial
from mattelier.metrics.measures import MEASURES

ALL = "all"


@dataclass(frozen=True)
class Row:
    """One group's means under one trial; `hint_iou` is the mean of masks given as hints."""

    group: str
    trial: Trial
    count: int
    scores: dict[str, float]
    hint_iou: float | None


def summarise(outcome: Outcome, groups: Mapping[Item, str]) -> list[Row]:
    """A row for each trial and group, those of one trial together, "all" last if groups differ.

    `groups` says of every item which group it belongs to. Shots count alike in "all", however
    many frames they have; elsewhere pictures do.
    """
    measure, names = MEASURES[outcome.measure], list(dict.fromkeys(groups.values()))
    rows = []
    for trial in outcome.trials:
        records = [record for record in outcome.records if record.trial is trial]
        group_rows = [
            _row(name, trial, [r for r in records if groups[r.item] == name], outcome)
            for name in names
        ]
        rows += group_rows
        if len(names) > 1:
            whole = _row(ALL, trial, records, outcome)
            if measure.sequences:
                scored = [row.scores for row in group_rows if row.count]
                for key in whole.scores if scored else ():
                    whole.scores[key] = float(np.mean([scores[key] for scores in scored]))
            rows.append(whole)
    return rows


@dataclass(frozen=True)
class Tally:
    """How often each category of cause was the first, in one group under one trial."""

    group: str
    trial: Trial
    categories: Counter[str]


def tally_causes(
    causes: Iterable[tuple[Item, int, Cause]], trials: Sequence[Trial], groups: Mapping[Item, str]
) -> list[Tally]:
    """A tally for each group and trial that has causes, "all" first if groups differ.

    `causes` name trials by their number; `groups` as of `summarise`.
    """
    counters: dict[tuple[str, int], Counter[str]] = {}
    for item, number, cause in causes:
        for group in (ALL, groups[item]):
            counters.setdefault((group, number), Counter())[cause.category] += 1
    names = list(dict.fromkeys(group for group, _ in counters))
    shown = names if len(names) > 2 else names[1:]
    return [
        Tally(group, trials[number], counters[group, number])
        for group in shown
        for number in sorted({n for _, n in counters})
        if (group, number) in counters
    ]


def _row(name: str, trial: Trial, records: list[Record], outcome: Outcome) -> Row:
    hint_ious = [record.hint_iou for record in records if record.hint_iou is not None]
    scores = MEASURES[outcome.measure].mean(record.scores for record in records)
    return Row(name, trial, len(records), scores, float(np.mean(hint_ious)) if hint_ious else None)
