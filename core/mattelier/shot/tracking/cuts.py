"""Scene cuts: where one frame is not the next moment of the one before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.shot.tracking.flow import optical_flow, warp
from mattelier.shot.tracking.proxies import ProxyCache
from mattelier.types.atomic import replacing
from mattelier.types.plain_files import read_json

_COMPARE_WIDTH_PX = 112  # pixels; cuts are seen in pictures this small
_BINS = 8  # of each of red, green and blue
# Within five clips these stayed below 0.14 and 0.11 even four frames apart; between them, and
# between sixty pairs of landscapes and rooms, they were above 0.39 and 0.08.
_MIN_HISTOGRAM_DISTANCE = 0.3  # distance of histograms, 0…1, that a cut exceeds
_MIN_FLOW_RESIDUAL = 0.075  # mean difference, 0…1, that flow leaves over across a cut


class Cuts:
    """Where a plate's cuts are, looked up as needed and remembered in a file.

    Parameters
    ----------
    proxies : ProxyCache
    path : Path
        The file; one that cannot be read is made anew.
    """

    def __init__(self, proxies: ProxyCache, path: Path) -> None:
        self._proxies, self._path = proxies, path
        self._changed = False
        try:
            self._decisions: dict[str, bool] = dict(read_json(path))
        except (OSError, ValueError, TypeError):
            self._decisions = {}

    def between(self, before: int, after: int) -> bool:
        """Whether a cut lies between two readable frames that follow one another."""
        ends = (before, self._proxies.identity(before), after, self._proxies.identity(after))
        name = " ".join(map(str, ends))
        if name not in self._decisions:
            self._decisions[name] = is_cut(
                self._proxies.require(before), self._proxies.require(after)
            )
            self._changed = True
        return self._decisions[name]

    def save(self) -> None:
        """Write what was found, if anything new was."""
        if self._changed:
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps(self._decisions), "utf-8")
            self._changed = False


def is_cut(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether the scene changes between two successive views.

    Colours must change as a whole, and motion must not explain it: a whip pan keeps its colours,
    a flash of light keeps its shapes.

    Parameters
    ----------
    before, after : (h, w, 3) float32 0…1, display-encoded
    """
    import cv2

    height = max(16, round(_COMPARE_WIDTH_PX * before.shape[0] / before.shape[1]))
    first, second = (
        np.asarray(
            cv2.resize(v, (_COMPARE_WIDTH_PX, height), interpolation=cv2.INTER_AREA), np.float32
        )
        for v in (before, after)
    )
    if 1 - float(np.minimum(_histogram(first), _histogram(second)).sum()) < _MIN_HISTOGRAM_DISTANCE:
        return False
    # Brightness as a whole may change: exposure, a flash.
    first, second = (v - v.mean() for v in (first, second))
    moved = warp(first, optical_flow(second + 0.5, first + 0.5))
    return float(np.abs(moved - second).mean()) > _MIN_FLOW_RESIDUAL


def _histogram(view: NDArray[np.float32]) -> NDArray[np.float64]:
    levels = np.minimum((view * _BINS).astype(np.int64), _BINS - 1)
    index = (levels[..., 0] * _BINS + levels[..., 1]) * _BINS + levels[..., 2]
    counts = np.bincount(index.ravel(), minlength=_BINS**3)
    share: NDArray[np.float64] = counts / counts.sum()
    return share
