"""Optical flow between two small views of a shot, and how far to trust it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

_RELATIVE_TOLERANCE = 0.05  # share of its own length by which a flow and its way back may differ
_TOLERANCE_PX2 = 1.0  # squared pixels by which they may differ besides
_MAX_CACHED_PAIRS = 64  # pairs of frames whose flows are kept, near 1 MB each


def optical_flow(
    view: NDArray[np.float32], other: NDArray[np.float32], *, fast: bool = False
) -> Map:
    """Where each pixel of `view` lies in `other`: dense inverse search (Kroeger et al. 2016).

    Parameters
    ----------
    view, other : (h, w, 3) float32 0…1, display-encoded RGB of the same size, at least 16 × 16
    fast : bool
        A fifth of the time: larger patches apart, no variational refinement.

    Returns
    -------
    (h, w, 2) float32
        Pixels to the right and down.
    """
    import cv2

    preset = cv2.DISOPTICAL_FLOW_PRESET_FAST if fast else cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    search = cv2.DISOpticalFlow.create(preset)
    flow: Map = search.calc(_grey(view), _grey(other), None)
    return flow


def warp(
    image: Map, flow: Map, border: float | None = None, corner: tuple[int, int] = (0, 0)
) -> Map:
    """`image` seen through a flow: what `image` holds at x + flow(x).

    Parameters
    ----------
    image : (H, W) or (H, W, channels) float32
        Of the frame that the flow points to.
    flow : (h, w, 2) float32, pixels
        Of the whole view or a part of it.
    border : float, optional
        Value of what lies outside `image`; None repeats its border.
    corner : row and column of the part's first pixel in the view

    Returns
    -------
    (h, w) or (h, w, channels) float32
    """
    import cv2

    places = flow + _grid(flow.shape[0], flow.shape[1], *corner)
    warped: Map = cv2.remap(
        image,
        places,
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT,
        borderValue=0.0 if border is None else border,
    )
    return warped


def consistency(flow: Map, back: Map, corner: tuple[int, int] = (0, 0)) -> Map:
    """How well a flow and the one back agree: 1 they cancel, towards 0 they do not.

    The forward-backward check (Sundaram et al. 2010) as a soft weight: low where a pixel is
    hidden in the other frame, has left it, or was not found.

    Parameters
    ----------
    flow : (h, w, 2) float32, pixels
        From a frame to another: of the whole view or a part of it.
    back : (H, W, 2) float32
        From that frame back, of the whole view.
    corner : row and column of the part's first pixel in the view

    Returns
    -------
    (h, w) float32 0…1
    """
    returned = warp(back, flow, corner=corner)
    error, length = _squared(flow + returned), _squared(flow) + _squared(returned)
    trust: Map = np.exp(-error / (_TOLERANCE_PX2 + _RELATIVE_TOLERANCE * length))
    return trust


def _squared(vectors: Map) -> Map:
    squared: Map = vectors[..., 0] * vectors[..., 0] + vectors[..., 1] * vectors[..., 1]
    return squared


@lru_cache(maxsize=4)
def _grid(height: int, width: int, top: int, left: int) -> Map:
    """Where each pixel lies: (height, width, 2), x and y."""
    ys, xs = np.mgrid[top : top + height, left : left + width].astype(np.float32)
    return np.stack([xs, ys], axis=-1)


def chain_flows(first: Map, second: Map) -> Map:
    """The flow that follows `first` and then, from where it ends, `second`."""
    flow: Map = first + warp(second, first)
    return flow


class FlowCache:
    """Flows between neighbouring frames, both ways, the last ones kept in memory.

    Parameters
    ----------
    view : frame → (h, w, 3) float32 0…1
    """

    def __init__(self, view: Callable[[int], NDArray[np.float32]]) -> None:
        self._view = view
        self._cache: OrderedDict[tuple[int, int], tuple[NDArray[np.float16], ...]] = OrderedDict()

    def between(self, frame: int, other: int) -> tuple[Map, Map]:
        """The flow from a frame to another, and the one back.

        Rounded to half precision whether it was kept or not, so that what was computed before
        changes no result.
        """
        pair = (min(frame, other), max(frame, other))
        if pair not in self._cache:
            first, second = self._view(pair[0]), self._view(pair[1])
            ways = optical_flow(first, second), optical_flow(second, first)
            self._cache[pair] = tuple(flow.astype(np.float16) for flow in ways)
            if len(self._cache) > _MAX_CACHED_PAIRS:
                self._cache.popitem(last=False)
        self._cache.move_to_end(pair)
        there, back = (flow.astype(np.float32) for flow in self._cache[pair])
        return (there, back) if frame < other else (back, there)


def _grey(view: NDArray[np.float32]) -> NDArray[np.uint8]:
    import cv2

    grey: Any = cv2.cvtColor(np.ascontiguousarray(view), cv2.COLOR_RGB2GRAY)
    levels: NDArray[np.uint8] = np.rint(np.clip(grey, 0, 1) * np.float32(255)).astype(np.uint8)
    return levels
