"""One stretch of a shot: both directions, blended and steadied, frame by frame on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.cutout import Cutter
from mattelier.shot.tracking.flow import Motion, chained
from mattelier.shot.tracking.matte_cache import Record, Records, stamp
from mattelier.shot.tracking.propagate import Eye, carry, log_odds, logistic
from mattelier.shot.tracking.proxies import Views
from mattelier.shot.tracking.stabilise import Neighbour, stabilised
from mattelier.types.errors import PictureError
from mattelier.types.progress import tell

Map = NDArray[np.float32]

NEAR = 2  # frames to each side that a matte is steadied with
_LEAST = 0.1  # certainty that every pixel has when directions are blended


@dataclass(frozen=True)
class Origin:
    """A frame whose matte is given, and the stamp of its record."""

    frame: int
    stamp: str


@dataclass(frozen=True)
class Stretch:
    """Readable frames without a cut between them, and the origins before and after, if any."""

    frames: tuple[int, ...]
    before: Origin | None
    after: Origin | None


class Passes:
    """Carries origins' mattes over stretches.

    Parameters
    ----------
    cutter : Cutter
        An opened model that takes hints.
    mirrored : bool
        See `Eye`.
    settings : str
        Stands for the model and all that decides how it is used.
    folder : Path
        Of the object's records.
    views : Views
    coarse : Records
        Results, and the records of the origins.
    """

    def __init__(
        self,
        cutter: Cutter,
        mirrored: bool,
        settings: str,
        folder: Path,
        views: Views,
        coarse: Records,
    ) -> None:
        self._cutter, self._mirrored, self._settings = cutter, mirrored, settings
        self._views, self._coarse = views, coarse
        self._motion = Motion(views.seen)
        self._forward, self._backward = Records(folder, "forward"), Records(folder, "backward")

    def follow(self, stretch: Stretch, wanted: Collection[int]) -> dict[int, str]:
        """Make sure of the wanted frames' results; the stamps of those, by frame."""
        frames, last = stretch.frames, len(stretch.frames) - 1
        ends = [
            None if end is None else [end.stamp, self._views.identity(end.frame)]
            for end in (stretch.before, stretch.after)
        ]
        first = stamp(self._settings, ends)
        ahead = self._chain(first, frames) if stretch.before else []
        back = self._chain(first, frames[::-1])[::-1] if stretch.after else []
        stamps = [
            stamp(
                ahead[min(i + NEAR, last)] if ahead else None,
                back[max(i - NEAR, 0)] if back else None,
            )
            for i in range(len(frames))
        ]
        todo = [
            i
            for i, frame in enumerate(frames)
            if frame in wanted and not self._coarse.has(frame, stamps[i])
        ]
        if todo:
            self._make(stretch, ahead, back, stamps, todo)
        return {frame: stamps[i] for i, frame in enumerate(frames) if frame in wanted}

    def _make(
        self,
        stretch: Stretch,
        ahead: list[str],
        back: list[str],
        stamps: list[str],
        todo: list[int],
    ) -> None:
        frames, last = stretch.frames, len(stretch.frames) - 1
        low, high = max(todo[0] - NEAR, 0), min(todo[-1] + NEAR, last)
        both = bool(ahead and back)
        eye = self._eye(stretch)
        if stretch.after:
            chain = list(zip(frames, back, strict=True))[low:][::-1]
            for done, _ in enumerate(self._carried(eye, self._backward, stretch.after, chain)):
                tell(done / len(chain) * (0.5 if both else 0.9))
        made = high if ahead == [] else -1
        if stretch.before:
            chain = list(zip(frames, ahead, strict=True))[: high + 1]
            steps = self._carried(eye, self._forward, stretch.before, chain)
        else:
            steps = iter(())
        blended: dict[int, Record] = {}

        def blend(i: int) -> Record:
            if i not in blended:
                for old in [j for j in blended if j < i - 2 * NEAR - 1]:
                    del blended[old]
                blended[i] = self._blended(stretch, ahead, back, i)
            return blended[i]

        for i in todo:
            while made < min(i + NEAR, last):
                next(steps)
                made += 1
                tell(0.5 + 0.5 * made / len(frames) if both else made / len(frames))
            record = blend(i)
            near = {
                j: blend(j)
                for j in range(i - NEAR, i + NEAR + 1)
                if j != i and self._frame(stretch, j) is not None
            }
            alpha = self._steadied(stretch, i, record, near)
            self._coarse.write(
                frames[i], stamps[i], Record.rounded(alpha, record.certainty, record.confidence)
            )

    def _chain(self, first: str, frames: Sequence[int]) -> list[str]:
        """Stamps of a pass: each stands for all the frames from the origin to its own."""
        stamps = []
        for frame in frames:
            first = stamp(first, frame, self._views.identity(frame))
            stamps.append(first)
        return stamps

    def _eye(self, stretch: Stretch) -> Eye:
        origins = [end for end in (stretch.before, stretch.after) if end]
        examples = [(self._views.seen(o.frame), self._given(o).alpha) for o in origins]
        return Eye(self._cutter, self._mirrored, examples)

    def _given(self, origin: Origin) -> Record:
        record = self._coarse.read(origin.frame, origin.stamp)
        if record is None:
            raise PictureError(f"The track of frame {origin.frame} was lost; start the shot again.")
        return record

    def _carried(
        self, eye: Eye, records: Records, origin: Origin, chain: Sequence[tuple[int, str]]
    ) -> Iterator[None]:
        """Each step makes sure of one more record of a pass."""
        last, known = origin.frame, self._given(origin)
        for frame, mark in chain:
            record = records.read(frame, mark)
            if record is None:
                flow, back = self._motion.between(frame, last)
                record = carry(eye, self._views.seen(frame), flow, back, known)
                records.write(frame, mark, record)
            last, known = frame, record
            yield

    def _frame(self, stretch: Stretch, i: int) -> int | None:
        """The frame at place i of a stretch, whose origins lie at −1 and at its length."""
        if 0 <= i < len(stretch.frames):
            return stretch.frames[i]
        origin = {-1: stretch.before, len(stretch.frames): stretch.after}.get(i)
        return None if origin is None else origin.frame

    def _blended(self, stretch: Stretch, ahead: list[str], back: list[str], i: int) -> Record:
        for place, origin in ((-1, stretch.before), (len(stretch.frames), stretch.after)):
            if i == place and origin is not None:
                return self._given(origin)
        frame = stretch.frames[i]
        one = self._forward.read(frame, ahead[i]) if ahead else None
        other = self._backward.read(frame, back[i]) if back else None
        if one is None or other is None:
            record = one or other
            assert record is not None
            return record
        return blended(one, other, (i + 1) / (len(stretch.frames) + 1))

    def _steadied(self, stretch: Stretch, i: int, record: Record, near: dict[int, Record]) -> Map:
        neighbours = []
        for side in (-1, 1):
            path: tuple[Map, Map] | None = None
            for distance in range(1, NEAR + 1):
                j = i + side * distance
                frame, inner = self._frame(stretch, j), self._frame(stretch, j - side)
                if frame is None or inner is None:
                    break
                flow, back = self._motion.between(inner, frame)
                path = (
                    (flow, back)
                    if path is None
                    else (
                        chained(path[0], flow),
                        chained(back, path[1]),
                    )
                )
                view = self._views.seen(frame)
                neighbours.append(Neighbour(view, near[j].alpha, *path, distance))
        return stabilised(self._views.seen(stretch.frames[i]), record.alpha, neighbours)


def blended(ahead: Record, back: Record, share: float) -> Record:
    """Two directions' records of one frame, by how near their origins are and how certain.

    Parameters
    ----------
    share : float 0…1
        How far the frame is from the origin before to the one after.
    """
    weights = (1 - share) * (_LEAST + ahead.certainty), share * (_LEAST + back.certainty)
    ratio = weights[1] / (weights[0] + weights[1])
    one, other = log_odds(ahead.alpha), log_odds(back.alpha)
    alpha = logistic(one + ratio * (other - one))
    # What both are entirely sure of stays entirely so.
    alpha = np.where(ahead.alpha == back.alpha, ahead.alpha, alpha)
    certainty = ahead.certainty + ratio * (back.certainty - ahead.certainty)
    confidence = (1 - share) * ahead.confidence + share * back.confidence
    return Record.rounded(alpha, certainty, confidence)
