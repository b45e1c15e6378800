"""Hints for networks that are asked with clicks, a box or a mask after one look (SAM's kind)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size
from mattelier.engines.prompt import ask
from mattelier.matting.hint import Hint
from mattelier.types.colour import View

Alpha = NDArray[np.float32]


def answer(view: View, hint: Hint, model: OpenModel) -> Alpha:
    """What the network takes the hint to mean: (h, w) float32 0…1 at the size it sees."""
    height, width = network_size(model.input, view.height, view.width)
    scale = np.array([width / hint.width, height / hint.height], np.float32)
    points = [[point.x, point.y] for point in hint.points]
    known = _known(hint, height, width)
    return ask(
        model,
        view,
        points=np.array(points, np.float32).reshape(-1, 2) * scale,
        signs=np.array([point.positive for point in hint.points], np.float32),
        box=_box(hint, known, scale),
        known=known,
    )


def _known(hint: Hint, height: int, width: int) -> Alpha:
    """What a mask or a trimap tells: where the subject surely is; (0, 0) where there is none."""
    if hint.trimap is not None:
        import cv2

        sure = (hint.trimap == 255).astype(np.float32)
        return np.asarray(cv2.resize(sure, (width, height), interpolation=cv2.INTER_AREA))
    if hint.mask is not None:
        return hint.shrunk_mask(height, width)
    return np.zeros((0, 0), np.float32)


def _box(hint: Hint, known: Alpha, scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Left, top, right, bottom of what holds the subject; (0,) where nothing says so."""
    if hint.box is not None:
        box = hint.box
        corners = np.array([box.x, box.y, box.x + box.width, box.y + box.height], np.float32)
        return corners * np.tile(scale, 2)
    place = None
    if hint.region is not None:
        place = hint.region
    elif hint.trimap is not None:
        place = hint.trimap > 0
    if place is not None:
        return _bounds(place) * np.tile(scale, 2)
    return _bounds(known > 0.5) if known.size else np.zeros(0, np.float32)


def _bounds(place: NDArray[np.bool_]) -> NDArray[np.float32]:
    rows, columns = np.flatnonzero(place.any(1)), np.flatnonzero(place.any(0))
    if not rows.size:
        return np.zeros(0, np.float32)
    ends = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    return np.array(ends, np.float32)
