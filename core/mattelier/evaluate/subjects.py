"""Subjects of pictures that hold several, each to be found by itself: COCO's annotations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from mattelier.data.coco import Picture, Truths
from mattelier.data.subjects import CROWD, label_map
from mattelier.evaluate.items import Item
from mattelier.types.errors import UsageError

MEASURES = ("masks", "detail", "clicks")  # those that such a truth serves


def find_subjects(pictures: Mapping[Item, int], truths: Truths) -> list[Item]:
    """One item for each subject, named by its picture and number.

    Parameters
    ----------
    pictures : with their numbers in the truths' file

    Raises
    ------
    UsageError
        No picture has several subjects that are large enough to be meant; a mask does not fit.
    """
    items: list[Item] = []
    for item, number in pictures.items():
        labels = label_map(truths.pictures[number])
        if labels is None:
            continue
        for label in range(1, int(labels[labels < CROWD].max()) + 1):
            mask = partial(_subject, truths.pictures[number], label)
            name = f"{item.name} {label}"
            items.append(Item(name, item.group, item.picture, item.truth, subject=mask))
    if not items:
        raise UsageError(f"No picture there has several subjects by {truths.path}.")
    return items


# The subjects of a picture are asked for one after the other.
_labels = lru_cache(maxsize=1)(label_map)


def _subject(picture: Picture, label: int) -> NDArray[np.float32]:
    labels = _labels(picture)
    assert labels is not None
    return np.asarray(labels == label, np.float32)
