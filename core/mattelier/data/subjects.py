"""Which pixels belong to which subject of a picture, of COCO's annotations.

Subjects are numbered in a map of labels: 0 is nothing that has a name, n the n-th subject, 255 a
crowd whose members are not told apart. Outlines are as exact as their authors were, to some pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mattelier.data.coco import Picture, decode

CROWD = 255

_MIN_SHARE = 0.012  # of the picture: what is smaller nobody cuts out by a click
_PART_SHARE = 0.7  # of a thing, inside another's outline: worn or held by it, its part
_MAX_SUBJECTS = CROWD - 1


def label_map(picture: Picture) -> NDArray[np.uint8] | None:
    """The subjects of a picture, told apart; None of fewer than two.

    Returns
    -------
    ndarray (H, W) uint8 or None

    Raises
    ------
    UsageError
        A mask does not fit the picture.
    """
    size = picture.height, picture.width
    masks: list[NDArray[np.bool_]] = []
    labels = np.zeros(size, np.uint8)
    for row in picture.annotations:
        mask = decode(row["segmentation"], *size)
        if row.get("iscrowd"):
            labels[mask] = CROWD
        elif mask.any():
            masks.append(mask)
    masks.sort(key=lambda mask: -int(mask.sum()))
    wholes: list[NDArray[np.bool_]] = []
    for mask in masks:
        part = any((mask & whole).sum() > _PART_SHARE * mask.sum() for whole in wholes)
        if not part:
            wholes.append(mask)
    # Of two outlines that cross, the smaller is most often what stands in front.
    for label, mask in enumerate(wholes[:_MAX_SUBJECTS], 1):
        labels[mask] = label
    counts = np.bincount(labels.ravel(), minlength=CROWD + 1)[1:CROWD]
    large = [int(n) + 1 for n in np.flatnonzero(counts >= _MIN_SHARE * labels.size)]
    if len(large) < 2:
        return None
    numbers = np.zeros(CROWD + 1, np.uint8)
    numbers[CROWD] = CROWD
    numbers[large] = np.arange(1, len(large) + 1)
    return numbers[labels]
