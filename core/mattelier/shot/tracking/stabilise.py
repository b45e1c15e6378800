"""Steadier mattes: each averaged with its neighbours in time along the motion.

A neighbour counts where flow there and back agree (what is hidden in one of the two frames does
not) and where the picture it brings looks alike (a change of light, a wrong flow do not). It
never counts across a cut or a key frame, since the caller gives no such neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.shot.tracking.flow import consistency, warp

Map = NDArray[np.float32]

_COLOUR_SIGMA = 0.06  # difference of colour, 0…1, at which a neighbour counts a third
_WEIGHT_PER_FRAME = 0.7  # weight of each further frame
_MARGIN_PX = 4  # pixels around the subject that are looked at too


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A frame near in time: its view and matte, and the flows to it and back.

    Attributes
    ----------
    view : (h, w, 3) float32 0…1
    alpha : (h, w) float32 0…1
    flow, back : (h, w, 2) float32, pixels
    distance : int
        Frames away, from 1.
    """

    view: Map
    alpha: Map
    flow: Map
    back: Map
    distance: int


def stabilise(view: Map, alpha: Map, neighbours: Sequence[Neighbour]) -> Map:
    """The matte of `view`, averaged along the motion with those of its neighbours.

    Parameters
    ----------
    view : (h, w, 3) float32 0…1
    alpha : (h, w) float32 0…1

    Returns
    -------
    (h, w) float32 0…1
    """
    window = _window_of([alpha, *(near.alpha for near in neighbours)])
    corner = window[0].start, window[1].start
    total, weights = alpha[window].copy(), np.ones_like(alpha[window])
    for near in neighbours:
        flow = near.flow[window]
        unlike = np.abs(warp(near.view, flow, corner=corner) - view[window])
        unlike = (unlike[..., 0] + unlike[..., 1] + unlike[..., 2]) / (3 * _COLOUR_SIGMA)
        weight = consistency(flow, near.back, corner) * np.exp(-unlike * unlike)
        weight *= np.float32(_WEIGHT_PER_FRAME**near.distance)
        total += weight * warp(near.alpha, flow, corner=corner)
        weights += weight
    steady = alpha.copy()
    steady[window] = total / weights
    return steady


def _window_of(mattes: Sequence[Map]) -> tuple[slice, slice]:
    """The part of the view outside of which all mattes are 0, and a margin."""
    anywhere = np.maximum.reduce(list(mattes)) > 0
    spans = []
    for axis in (1, 0):
        places = np.flatnonzero(anywhere.any(axis))
        first, last = (int(places[0]), int(places[-1])) if places.size else (0, 0)
        spans.append(slice(max(first - _MARGIN_PX, 0), last + 1 + _MARGIN_PX))
    return spans[0], spans[1]
