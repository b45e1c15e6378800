"""One stretch of a shot: both directions, blended and steadied, frame by frame on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.shot.tracking.flow import FlowCache, chain_flows
from mattelier.shot.tracking.following import Direction, Following, digest_chain
from mattelier.shot.tracking.matte_cache import MatteCache, SeedFrame, TrackedMatte
from mattelier.shot.tracking.memory import Embeddings, Memory
from mattelier.shot.tracking.propagate import (
    SubjectPredictor,
    carry,
    log_odds,
    logistic,
)
from mattelier.shot.tracking.proxies import ProxyCache
from mattelier.shot.tracking.stabilise import Neighbour, stabilise
from mattelier.types.digest import digest as digest_of
from mattelier.types.progress import tell

Map = NDArray[np.float32]

STABILISE_RADIUS_FRAMES = 2  # frames to each side that a matte is steadied with
_MIN_CERTAINTY = 0.1  # certainty that every pixel has when directions are blended


@dataclass(frozen=True)
class Stretch:
    """Readable frames without a cut between them, and the seed frames before and after, if any."""

    frames: tuple[int, ...]
    before: SeedFrame | None
    after: SeedFrame | None


class Passes:
    """Carries seed frames' mattes over stretches.

    Parameters
    ----------
    model : OpenModel
        An opened model that takes hints.
    mirrored : bool
        See `SubjectPredictor`.
    embeddings : Embeddings
        What memory compares by.
    settings : str
        Stands for the models and all that decides how it is used.
    proxies : ProxyCache
    coarse : MatteCache
        Results, and the records of the seed frames.
    records : mapping
        Of the two passes.
    following : Following, optional
        A video network that carries instead.
    """

    def __init__(
        self,
        model: OpenModel,
        mirrored: bool,
        embeddings: Embeddings,
        settings: str,
        proxies: ProxyCache,
        coarse: MatteCache,
        records: Mapping[Direction, MatteCache],
        following: Following | None = None,
    ) -> None:
        self._following = following
        self._model, self._mirrored, self._settings = model, mirrored, settings
        self._embeddings = embeddings
        self._proxies, self._coarse = proxies, coarse
        self._motion = FlowCache(proxies.require)
        self._records = records

    def follow(self, stretch: Stretch, wanted: Collection[int]) -> dict[int, str]:
        """Make sure of the wanted frames' results; the digests of those, by frame."""
        frames, last = stretch.frames, len(stretch.frames) - 1
        ends = [
            None if end is None else [end.digest, self._proxies.identity(end.frame)]
            for end in (stretch.before, stretch.after)
        ]
        first = digest_of(self._settings, ends)
        forward = self._digest_chain(first, stretch.before, frames)
        backward = self._digest_chain(first, stretch.after, frames[::-1])[::-1]
        digests = [
            digest_of(
                forward[min(i + STABILISE_RADIUS_FRAMES, last)] if forward else None,
                backward[max(i - STABILISE_RADIUS_FRAMES, 0)] if backward else None,
            )
            for i in range(len(frames))
        ]
        todo = [
            i
            for i, frame in enumerate(frames)
            if frame in wanted and not self._coarse.has(frame, digests[i])
        ]
        if todo:
            self._make(stretch, forward, backward, digests, todo)
        return {frame: digests[i] for i, frame in enumerate(frames) if frame in wanted}

    def _make(
        self,
        stretch: Stretch,
        forward: list[str],
        backward: list[str],
        digests: list[str],
        todo: list[int],
    ) -> None:
        frames, last = stretch.frames, len(stretch.frames) - 1
        low = max(todo[0] - STABILISE_RADIUS_FRAMES, 0)
        high = min(todo[-1] + STABILISE_RADIUS_FRAMES, last)
        both = bool(forward and backward)
        predictor = self._predictor(stretch)
        if stretch.after:
            chain = list(zip(frames, backward, strict=True))[low:][::-1]
            for done, _ in enumerate(self._carry(predictor, "backward", stretch.after, chain)):
                tell(done / len(chain) * (0.5 if both else 0.9))
        carried_to = high if forward == [] else -1
        if stretch.before:
            chain = list(zip(frames, forward, strict=True))[: high + 1]
            steps = self._carry(predictor, "forward", stretch.before, chain)
        else:
            steps = iter(())
        blends: dict[int, TrackedMatte] = {}

        def blend(i: int) -> TrackedMatte:
            if i not in blends:
                for old in [j for j in blends if j < i - 2 * STABILISE_RADIUS_FRAMES - 1]:
                    del blends[old]
                blends[i] = self._blend(stretch, forward, backward, i)
            return blends[i]

        for i in todo:
            while carried_to < min(i + STABILISE_RADIUS_FRAMES, last):
                next(steps)
                carried_to += 1
                tell(0.5 + 0.5 * carried_to / len(frames) if both else carried_to / len(frames))
            record = blend(i)
            near = {
                j: blend(j)
                for j in range(i - STABILISE_RADIUS_FRAMES, i + STABILISE_RADIUS_FRAMES + 1)
                if j != i and self._frame(stretch, j) is not None
            }
            alpha = self._stabilise(stretch, i, record, near)
            self._coarse.write(
                frames[i],
                digests[i],
                TrackedMatte.rounded(alpha, record.certainty, record.confidence),
            )

    def _digest_chain(self, first: str, seed: SeedFrame | None, frames: Sequence[int]) -> list[str]:
        if seed is None:
            return []
        if self._following is not None:
            first = self._following.first(seed)
        return digest_chain(first, frames, self._proxies)

    def _predictor(self, stretch: Stretch) -> SubjectPredictor:
        seeds = [end for end in (stretch.before, stretch.after) if end]
        examples = [(self._proxies.require(o.frame), self._coarse.require(o).alpha) for o in seeds]
        memory = Memory(self._embeddings, examples)
        return SubjectPredictor(self._model, self._mirrored, memory, examples)

    def _carry(
        self,
        predictor: SubjectPredictor,
        direction: Direction,
        seed: SeedFrame,
        chain: Sequence[tuple[int, str]],
    ) -> Iterator[None]:
        """Each step makes sure of one more record of a pass."""
        if self._following is not None:
            yield from self._following.carry(seed, [frame for frame, _ in chain], direction)
            return
        records = self._records[direction]
        last, previous = seed.frame, self._coarse.require(seed)
        for frame, digest in chain:
            record = records.read(frame, digest)
            if record is None:
                flow, back = self._motion.between(frame, last)
                record = carry(predictor, self._proxies.require(frame), flow, back, previous)
                records.write(frame, digest, record)
            last, previous = frame, record
            yield

    def _frame(self, stretch: Stretch, i: int) -> int | None:
        """The frame at place i of a stretch, whose seed frames lie at −1 and at its length."""
        if 0 <= i < len(stretch.frames):
            return stretch.frames[i]
        seed = {-1: stretch.before, len(stretch.frames): stretch.after}.get(i)
        return None if seed is None else seed.frame

    def _blend(
        self, stretch: Stretch, forward: list[str], backward: list[str], i: int
    ) -> TrackedMatte:
        for place, seed in ((-1, stretch.before), (len(stretch.frames), stretch.after)):
            if i == place and seed is not None:
                return self._coarse.require(seed)
        frame = stretch.frames[i]
        one = self._records["forward"].read(frame, forward[i]) if forward else None
        other = self._records["backward"].read(frame, backward[i]) if backward else None
        if one is None or other is None:
            record = one or other
            assert record is not None
            return record
        return blend_passes(one, other, (i + 1) / (len(stretch.frames) + 1))

    def _stabilise(
        self, stretch: Stretch, i: int, record: TrackedMatte, near: dict[int, TrackedMatte]
    ) -> Map:
        neighbours = []
        for side in (-1, 1):
            path: tuple[Map, Map] | None = None
            for distance in range(1, STABILISE_RADIUS_FRAMES + 1):
                j = i + side * distance
                frame, nearer = self._frame(stretch, j), self._frame(stretch, j - side)
                if frame is None or nearer is None:
                    break
                flow, back = self._motion.between(nearer, frame)
                path = (
                    (flow, back)
                    if path is None
                    else (
                        chain_flows(path[0], flow),
                        chain_flows(back, path[1]),
                    )
                )
                view = self._proxies.require(frame)
                neighbours.append(Neighbour(view, near[j].alpha, *path, distance))
        return stabilise(self._proxies.require(stretch.frames[i]), record.alpha, neighbours)


def blend_passes(forward: TrackedMatte, backward: TrackedMatte, share: float) -> TrackedMatte:
    """Two directions' records of one frame, by how near their seed frames are and how certain.

    Parameters
    ----------
    share : float 0…1
        How far the frame is from the seed frame before to the one after.
    """
    weights = (
        (1 - share) * (_MIN_CERTAINTY + forward.certainty),
        share * (_MIN_CERTAINTY + backward.certainty),
    )
    ratio = weights[1] / (weights[0] + weights[1])
    one, other = log_odds(forward.alpha), log_odds(backward.alpha)
    alpha = logistic(one + ratio * (other - one))
    # What both are entirely sure of stays entirely so.
    alpha = np.where(forward.alpha == backward.alpha, forward.alpha, alpha)
    certainty = forward.certainty + ratio * (backward.certainty - forward.certainty)
    confidence = (1 - share) * forward.confidence + share * backward.confidence
    return TrackedMatte.rounded(alpha, certainty, confidence)
