"""Where tracking starts: the artist's key frames, or frames where the subject is plain to see."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.cutout import Cutter
from mattelier.matting.hint import Hint
from mattelier.matting.matte import estimate
from mattelier.requests import Quality
from mattelier.shot.tracking.matte_cache import Record, Records, stamp
from mattelier.shot.tracking.passes import Origin
from mattelier.shot.tracking.propagate import clearness
from mattelier.shot.tracking.proxies import Views
from mattelier.types.colour import View
from mattelier.types.picture import Picture

Map = NDArray[np.float32]

CELL = 32  # frames of the plate of which one becomes an origin where there is no key
_TRIED = (4, 12, 20, 28)  # places in a cell that are looked at
_UNAIDED = 0.7  # certainty and most confidence of a matte that nobody gave


class Origins:
    """Records of the frames from which others are tracked.

    Parameters
    ----------
    cutter : Cutter
        An opened model that takes hints.
    quality : Quality
    settings : str
        Stands for the model and all that decides how it is used.
    views : Views
    coarse : Records
        Where the origins' records go; mattes that were tried and not taken stay in `tried`.
    """

    def __init__(
        self,
        cutter: Cutter,
        quality: Quality,
        settings: str,
        views: Views,
        coarse: Records,
        tried: Records,
    ) -> None:
        self._cutter, self._quality, self._settings = cutter, quality, settings
        self._views, self._coarse, self._tried = views, coarse, tried

    def key(self, frame: int, hint: Hint) -> Origin:
        """The origin that a key makes of its frame."""
        drawn = hint.mask is not None and hint.trimap is None
        pixels = None if drawn else self._views.identity(frame)
        origin = Origin(frame, stamp(self._settings, "key", frame, _content(hint), pixels))
        if not self._coarse.has(frame, origin.stamp):
            view = self._views.seen(frame)
            alpha = hint.shrunk_mask(*view.shape[:2]) if drawn else self._estimate(view, hint)
            self._coarse.write(frame, origin.stamp, Record.rounded(alpha, 1, 1))
        return origin

    def automatic(self, plate: Sequence[int], frames: Sequence[int]) -> list[Origin]:
        """Origins for a stretch without keys: in every cell, the plainest frame.

        Cells are counted from the plate's first frame, so that any part of the shot finds the
        same ones.

        Parameters
        ----------
        plate : all frames of the plate
        frames : the readable frames of the stretch
        """
        place = {frame: i for i, frame in enumerate(plate)}
        cells: dict[int, list[int]] = {}
        for frame in frames:
            if place[frame] % CELL in _TRIED:
                cells.setdefault(place[frame] // CELL, []).append(frame)
        if not cells:
            cells[0] = [frames[len(frames) // 2]]
        origins = []
        for _, candidates in sorted(cells.items()):
            tried = [(self._unaided(frame), frame) for frame in candidates]
            (_, record, mark), frame = max(tried, key=lambda item: item[0][0])
            if not self._coarse.has(frame, mark):
                self._coarse.write(frame, mark, record)
            origins.append(Origin(frame, mark))
        return origins

    def _unaided(self, frame: int) -> tuple[float, Record, str]:
        """How plain the subject is in a frame, its record and the record's stamp."""
        mark = stamp(self._settings, "unaided", frame, self._views.identity(frame))
        record = self._tried.read(frame, mark)
        if record is None:
            alpha = self._estimate(self._views.seen(frame), None)
            record = Record.rounded(alpha, _UNAIDED, _UNAIDED * clearness(alpha))
            self._tried.write(frame, mark, record)
        return record.confidence, record, mark

    def _estimate(self, view: Map, hint: Hint | None) -> Map:
        import cv2

        alpha = estimate(
            View(Picture(view)), hint, self._cutter.card, self._cutter.engine, self._quality
        )
        return np.asarray(cv2.resize(alpha, view.shape[1::-1]), np.float32)


def _content(hint: Hint) -> str:
    """A digest of what a hint says."""
    arrays = [
        None if a is None else hashlib.sha256(a.tobytes()).hexdigest()
        for a in (hint.mask, hint.trimap)
    ]
    box = None if hint.box is None else asdict(hint.box)
    return stamp(hint.height, hint.width, arrays, box, [asdict(point) for point in hint.points])
