"""Where tracking starts: the artist's key frames, or frames where the subject is plain to see."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.matting.hint import Hint
from mattelier.matting.matte import estimate
from mattelier.requests import Quality
from mattelier.shot.tracking.drawn_outline import judge_outline
from mattelier.shot.tracking.matte_cache import MatteCache, SeedFrame, TrackedMatte
from mattelier.shot.tracking.propagate import clearness, find_edge
from mattelier.shot.tracking.proxies import ProxyCache
from mattelier.types.colour import View
from mattelier.types.digest import digest as digest_of
from mattelier.types.picture import Picture

Map = NDArray[np.float32]

CELL_FRAMES = 32  # frames of the plate of which one becomes a seed frame where there is no key
_CANDIDATE_PLACES = (4, 12, 20, 28)  # places in a cell that are looked at
_MAX_STRAY = 0.2  # of a drawn shape's size (the root of its area): so far it may miss the edge
_MIN_STRAY_PX = 1.5  # a pixel on either side of the edge is soft
_REACH = 0.1  # of the same size: so far outside of the drawn outline the subject may go on
_MAX_CERTAINTY = 0.8  # of what lies beyond that, within that reach
_PRECISE = 0.25  # of the farthest that a hand strays: one that strays less is believed more
_CERTAIN_DEVIATIONS = 5.0  # so many times as far as it is seen to stray, a shape is certain
_UNAIDED_CERTAINTY = 0.7  # certainty and most confidence of a matte that nobody gave


class SeedFrames:
    """Mattes of the frames from which others are tracked.

    Parameters
    ----------
    model : OpenModel
        An opened model that takes hints.
    quality : Quality
    settings : str
        Stands for the model and all that decides how it is used.
    proxies : ProxyCache
    coarse : MatteCache
        Where the seed frames' mattes go.
    candidate_mattes : MatteCache
        Where those go that were tried, taken or not.
    """

    def __init__(
        self,
        model: OpenModel,
        quality: Quality,
        settings: str,
        proxies: ProxyCache,
        coarse: MatteCache,
        candidate_mattes: MatteCache,
    ) -> None:
        self._model, self._quality, self._settings = model, quality, settings
        self._proxies, self._coarse, self._candidate_mattes = proxies, coarse, candidate_mattes

    def key(self, frame: int, hint: Hint) -> SeedFrame:
        """The seed frame that a key makes of its frame."""
        kind = "rough" if hint.mask is not None and not hint.is_matte else "key"
        pixels = None if hint.is_matte else self._proxies.identity(frame)
        seed = SeedFrame(frame, digest_of(self._settings, kind, frame, _hint_digest(hint), pixels))
        if not self._coarse.has(frame, seed.digest):
            self._coarse.write(frame, seed.digest, self._key_matte(frame, hint))
        return seed

    def _key_matte(self, frame: int, hint: Hint) -> TrackedMatte:
        view = self._proxies.require(frame)
        if hint.mask is None:
            return TrackedMatte.rounded(self._estimate(view, hint), 1, 1)
        if hint.is_matte:
            return TrackedMatte.rounded(hint.shrunk_mask(*view.shape[:2]), 1, 1)
        drawn, certain = roughly(view, hint)
        if not drawn.any():  # it says that the subject is not there
            return TrackedMatte.rounded(drawn, 1, 1)
        return find_edge(self._model, self._quality == "best", view, drawn, certain)

    def automatic(self, plate: Sequence[int], frames: Sequence[int]) -> list[SeedFrame]:
        """Seed frames for a stretch without keys: in every cell, the plainest frame.

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
            if place[frame] % CELL_FRAMES in _CANDIDATE_PLACES:
                cells.setdefault(place[frame] // CELL_FRAMES, []).append(frame)
        if not cells:
            cells[0] = [frames[len(frames) // 2]]
        seeds = []
        for _, candidates in sorted(cells.items()):
            candidate_mattes = [(self._unaided(frame), frame) for frame in candidates]
            (_, record, digest), frame = max(candidate_mattes, key=lambda item: item[0][0])
            if not self._coarse.has(frame, digest):
                self._coarse.write(frame, digest, record)
            seeds.append(SeedFrame(frame, digest))
        return seeds

    def _unaided(self, frame: int) -> tuple[float, TrackedMatte, str]:
        """How plain the subject is in a frame, its matte and the matte's digest."""
        digest = digest_of(self._settings, "unaided", frame, self._proxies.identity(frame))
        record = self._candidate_mattes.read(frame, digest)
        if record is None:
            alpha = self._estimate(self._proxies.require(frame), None)
            record = TrackedMatte.rounded(
                alpha, _UNAIDED_CERTAINTY, _UNAIDED_CERTAINTY * clearness(alpha)
            )
            self._candidate_mattes.write(frame, digest, record)
        return record.confidence, record, digest

    def _estimate(self, view: Map, hint: Hint | None) -> Map:
        import cv2

        alpha = estimate(View(Picture(view)), hint, self._model, self._quality)
        return np.asarray(cv2.resize(alpha, view.shape[1::-1]), np.float32)


def roughly(view: Map, hint: Hint) -> tuple[Map, Map]:
    """What a rough key says of a view, and how far it is to be believed.

    A hand strays from the edge by a share of what it draws; so far from its outline a shape says
    less and less, and on it nothing. Where the outline is seen to follow an edge (`judge_outline`)
    it strays no farther than there, and what is well away from it stays as it was drawn. Who draws
    around a subject draws too much rather than too little: outside, beyond the farthest that a hand
    strays, it is certain, so that it may mean a part of what stands out. Clicks and a box are right
    where they are.

    Parameters
    ----------
    view : (h, w, 3) float32 0…1, display-encoded

    Returns
    -------
    drawn, certain : (h, w) float32 0…1
    """
    import cv2

    height, width = view.shape[:2]
    drawn = hint.shrunk_mask(height, width)
    inside = (drawn > 0.5).view(np.uint8)
    within, outside = (cv2.distanceTransform(side, cv2.DIST_L2, 5) for side in (inside, 1 - inside))
    away = within + outside
    size = math.sqrt(float(drawn.sum()))
    farthest, reach = max(_MAX_STRAY * size, 1.0), max(_REACH * size, 1.0)
    outline = judge_outline(view, drawn, farthest)
    stray = min(max(outline.stray, _MIN_STRAY_PX), farthest)
    most = 1 - (1 - _MAX_CERTAINTY) * min(outline.stray / (_PRECISE * farthest), 1.0)
    by_hand = np.minimum(away / np.float32(farthest), np.float32(_MAX_CERTAINTY))
    by_edge = np.minimum(away / np.float32(stray), np.float32(most))
    by_edge[away > 1 + _CERTAIN_DEVIATIONS * outline.stray] = 1
    certain = by_hand + outline.support * (by_edge - by_hand)
    certain[outside > reach] = 1
    said = replace(hint, mask=None).evidence(height, width)
    sure = said.max(0) > 0.5
    return np.where(sure, said[0], drawn), np.where(sure, np.float32(1), certain)


def _hint_digest(hint: Hint) -> str:
    """A digest of what a hint says."""
    arrays = [
        None if a is None else hashlib.sha256(a.tobytes()).hexdigest()
        for a in (hint.mask, hint.trimap)
    ]
    box = None if hint.box is None else asdict(hint.box)
    points = [asdict(point) for point in hint.points]
    # Unsorted, as in the caches and files that exist.
    return digest_of(hint.height, hint.width, arrays, box, points, sort_names=False)
