"""Run a model over pictures with a known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mattelier.errors import UsageError
from mattelier.evaluate.given_hints import GIVEN_HINTS
from mattelier.evaluate.metrics import Tally, iou
from mattelier.media.stills import read, read_grey
from mattelier.tasks.cutout import Cutter
from mattelier.train.sources import is_dev, pairs


def score(
    cutter: Cutter, folder: Path, hint: str, *, dev: bool, limit: int | None
) -> tuple[Tally, list[float]]:
    """The tally of a folder of pairs, and the IoU of each mask that was given as a hint.

    Parameters
    ----------
    hint : a name of `given_hints.GIVEN_HINTS`
    dev : only files that are held back from training
    limit : at most so many pictures, evenly spread over the folder
    """
    chosen = [pair for pair in pairs(folder) if not dev or is_dev(pair.picture.name)]
    if limit is not None and len(chosen) > limit:
        chosen = [chosen[int(i)] for i in np.linspace(0, len(chosen) - 1, limit)]
    tally, ious = Tally(), list[float]()
    for pair in chosen:
        grey = read_grey(pair.truth)
        picture = read(pair.picture)
        if grey.shape != (picture.height, picture.width):
            raise UsageError(f"The mask {pair.truth} is not of its picture's size.")
        truth, known = grey > 0.75, (grey > 0.75) | (grey < 0.25)
        if not truth.any():
            continue
        given = GIVEN_HINTS[hint](truth)
        if given is not None and given.mask is not None:
            ious.append(iou(given.mask[known] >= 0.5, truth[known]))
        tally.add(cutter.matte(picture, given).alpha, truth, known)
    return tally, ious
