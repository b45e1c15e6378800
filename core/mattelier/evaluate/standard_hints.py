"""Standard hints made from a truth, so that what they change can be scored.

Each is one exact function of the truth, as `Hint` objects of the picture's size; training draws
its own at random (`train.random_hints`), as evidence at the network's size.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.evaluate.simulated_clicks import next_click
from mattelier.matting.hint import Hint, make_hint
from mattelier.requests import Box

Mask = NDArray[np.bool_]

_BLOCK_PX = 16
_EDGE_SHIFT, _SHIFT = 0.02, 0.03  # of the longer side


def _mask_hint(make: Callable[[Mask], NDArray[np.float32]]) -> Callable[[Mask], Hint | None]:
    return lambda truth: make_hint(*truth.shape, mask=make(truth))


def _exact(truth: Mask) -> NDArray[np.float32]:
    return truth.astype(np.float32)


def _blocks(truth: Mask) -> NDArray[np.float32]:
    """Blocks of 16 pixels, each the mean of what it covers."""
    height, width = truth.shape
    size = (max(1, width // _BLOCK_PX), max(1, height // _BLOCK_PX))
    small = cv2.resize(truth.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), np.float32
    )


def _dilated(truth: Mask) -> NDArray[np.float32]:
    return np.asarray(cv2.dilate(truth.astype(np.float32), _disc(truth)), np.float32)


def _eroded(truth: Mask) -> NDArray[np.float32]:
    """Shrunk by 2 % of the longer side, but not away."""
    eroded = np.asarray(cv2.erode(truth.astype(np.float32), _disc(truth)), np.float32)
    return eroded if eroded.any() else truth.astype(np.float32)


def _shifted(truth: Mask) -> NDArray[np.float32]:
    """Moved right and down by 3 % of the longer side: an earlier frame's matte."""
    offset = _SHIFT * max(truth.shape)
    move = np.array([[1, 0, offset], [0, 1, offset]], np.float32)
    return np.asarray(cv2.warpAffine(truth.astype(np.float32), move, truth.shape[::-1]), np.float32)


def _click(truth: Mask) -> Hint | None:
    """One click where the subject is thickest."""
    point = next_click(truth, np.zeros_like(truth), np.ones_like(truth))
    return make_hint(*truth.shape, points=() if point is None else (point,))


def _box(truth: Mask) -> Hint | None:
    """The bounding box of the subject."""
    ys, xs = np.nonzero(truth)
    x, y = float(xs.min()), float(ys.min())
    return make_hint(*truth.shape, box=Box(x, y, float(xs.max() + 1 - x), float(ys.max() + 1 - y)))


def _trimap(truth: Mask) -> Hint | None:
    """The truth with an unknown band of 2 % of the longer side to each side of its edge."""
    trimap = 0.5 * (_dilated(truth) + np.asarray(cv2.erode(truth.astype(np.float32), _disc(truth))))
    return make_hint(*truth.shape, trimap=np.asarray(trimap, np.float32))


def _disc(truth: Mask) -> NDArray[np.uint8]:
    width = 2 * round(_EDGE_SHIFT * max(truth.shape)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), np.uint8)


STANDARD_HINTS: dict[str, Callable[[Mask], Hint | None]] = {
    "none": lambda truth: None,
    "exact": _mask_hint(_exact),
    "blocks": _mask_hint(_blocks),
    "fat": _mask_hint(_dilated),
    "thin": _mask_hint(_eroded),
    "shifted": _mask_hint(_shifted),
    "click": _click,
    "box": _box,
    "trimap": _trimap,
}
