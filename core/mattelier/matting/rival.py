"""A second subject in the answer to a click: asked for, and left out where it stands by itself.

To a network two people who touch are often one subject, whichever of them was clicked on. So the
place of its answer that is thick and far from all clicks is asked about: as not the subject, and
as the subject with the clicks against it. Where these two answers divide the first one cleanly
between them, and each has a good part of it, there are two subjects and the click means its own.
A head, a tail or a bag is a small part: it stays with what was clicked, and the rest with a head.

One click on one of two cut-outs that touch, made pictures: the overlap (IoU) with the one that is
meant rises by .04 where the click is at its middle (150), by .05 where it is anywhere on it (100).
On photographs of one subject it falls by .001 and by nothing (264 and 179; it is divided where it
should not be in five). Of 29 photographs of groups few are divided: there the network itself does
not obey.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.hint import Hint
from mattelier.requests import Point

Alpha = NDArray[np.float32]

_MIN_DIVISION = 0.9  # mean difference of the two answers within the first
_MIN_SHARE = 1 / 3  # of the first answer's area, that each of two subjects has


def is_clicks_alone(hint: Hint) -> bool:
    """Whether a click for the subject, and nothing that tells its extent, is what is known."""
    extents = (hint.mask, hint.trimap, hint.box, hint.region)
    return bool(hint.positive_points) and all(extent is None for extent in extents)


def without_rival(hint: Hint, ask: Callable[[Hint], Alpha]) -> Hint:
    """What a hint says, with a click against a subject that it does not mean.

    Parameters
    ----------
    hint : Hint
        Of clicks alone, one of them at least for the subject: see `is_clicks_alone`.
    ask : callable
        Gives a network's answer to a hint: (h, w) float32 0…1, of one size.
    """
    inside = ask(hint) > 0.5
    if not inside.any():
        return hint
    far = _farthest(inside, hint)
    refused = replace(hint, points=(*hint.points, replace(far, positive=False)))
    against = tuple(replace(point, positive=False) for point in hint.points)
    own, other = ask(refused), ask(replace(hint, points=(*against, far)))
    division = float(np.abs(own - other)[inside].mean())
    share = float((own[inside] > 0.5).mean())
    if division > _MIN_DIVISION and _MIN_SHARE < share < 1 - _MIN_SHARE:
        return refused
    return hint


def _farthest(inside: NDArray[np.bool_], hint: Hint) -> Point:
    """The place inside that is thick and far from the clicks for the subject, in hint pixels."""
    import cv2

    height, width = inside.shape
    scale_x, scale_y = hint.width / width, hint.height / height
    depth = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    rows, columns = np.ogrid[:height, :width]
    distance = np.min(
        [
            np.hypot(rows - point.y / scale_y, columns - point.x / scale_x)
            for point in hint.positive_points
        ],
        axis=0,
    )
    row, column = np.unravel_index(int(np.argmax(depth * distance)), inside.shape)
    return Point((int(column) + 0.5) * scale_x, (int(row) + 0.5) * scale_y)
