"""What a run over views has seen: places with what was there, and subjects as wholes.

Of places the first view's stay, and those of the last few views that were kept (Cheng et al. 2022,
XMem, arXiv:2207.07115, whose likeness of places this is).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

_LAST_VIEWS = 4  # besides the first
_MOST_ALIKE = 30  # places that one is compared with in the end


@dataclass(frozen=True, eq=False)
class Places:
    """A view's places.

    Attributes
    ----------
    keys : (C, h · w) by which they are found
    sharpness : (1, h · w) 1 or more: how narrow the likeness to them is
    values : (N, C', h · w) what N subjects looked like there
    """

    keys: Tensor
    sharpness: Tensor
    values: Tensor


class Memory:
    """One run's.

    Attributes
    ----------
    sensory : (N, C, h, w) what was seen last of each subject
    masks : (N, H, W) 0…1 where they were last
    summary : sums of `transformer.Summary`
    kept : which view was kept last
    """

    sensory: Tensor
    masks: Tensor
    summary: Tensor
    kept: int

    def __init__(self, first: Places) -> None:
        self._first = first
        self._last: deque[Places] = deque(maxlen=_LAST_VIEWS)

    def add(self, places: Places) -> None:
        """Keep a further view's; the oldest but the first leave."""
        self._last.append(places)

    def read(self, keys: Tensor, selection: Tensor) -> Tensor:
        """What subjects look like at places (N, C', h · w), told from those that are most alike.

        Parameters
        ----------
        keys : (C, h · w)
        selection : (C, h · w) 0…1, how much each of the channels counts there
        """
        views = [self._first, *self._last]
        known = torch.cat([view.keys for view in views], 1).T
        distance = (
            known.square() @ selection
            - 2 * (known @ (keys * selection))
            + (selection * keys.square()).sum(0)
        )
        sharpness = torch.cat([view.sharpness for view in views], 1).T
        likeness = -distance * sharpness / len(keys) ** 0.5
        nearest, places = likeness.topk(min(_MOST_ALIKE, len(likeness)), 0)
        weights = torch.zeros_like(likeness).scatter_(0, places, nearest.softmax(0))
        return torch.cat([view.values for view in views], 2) @ weights
