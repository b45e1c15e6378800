"""Key frames' mattes carried by a video network, which remembers the frames before.

Subjects that have a key on the same frame are carried in one run: the network tells them apart
together. What it remembers is not kept on disk: where records are missing it begins at the seed
frame again, so that they are those of a run that was never broken off.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.follow import follow
from mattelier.engines.open_model import OpenModel
from mattelier.shot.tracking.matte_cache import MatteCache, SeedFrame, TrackedMatte
from mattelier.shot.tracking.propagate import clearness
from mattelier.shot.tracking.proxies import ProxyCache
from mattelier.types.digest import digest as digest_of

Map = NDArray[np.float32]
Direction = Literal["forward", "backward"]

_CERTAINTY = np.float32(0.9)  # of what a video network is entirely sure of


@dataclass(frozen=True)
class Subject:
    """One subject of a shot.

    Attributes
    ----------
    keys : the frames that it has keys on
    seed : makes sure of the matte of such a frame
    coarse : where that lies
    records : of its passes
    """

    name: str
    keys: Collection[int]
    seed: Callable[[int], SeedFrame]
    coarse: MatteCache
    records: Mapping[Direction, MatteCache]


@dataclass(frozen=True)
class _Run:
    """One subject's part in a pass: its first matte, and the digests of the records it gives."""

    matte: Map
    records: MatteCache
    digests: Mapping[int, str]

    def has(self, frame: int) -> bool:
        return self.records.has(frame, self.digests[frame])

    def keep(self, frame: int, alpha: Map) -> None:
        """Write what is not there; past the subject's next key nothing is wanted."""
        if frame in self.digests and not self.has(frame):
            certain = _CERTAINTY * np.abs(2 * alpha - 1)
            record = TrackedMatte.rounded(alpha, certain, clearness(alpha))
            self.records.write(frame, self.digests[frame], record)


class Following:
    """Carries one subject's seed frames, and with them the others' of the same frames.

    Parameters
    ----------
    network : OpenModel
        A video network.
    settings : str
        Stands for it and for the views.
    proxies : ProxyCache
    own : Subject
    others : sequence of Subject
        Of the same shot.
    """

    def __init__(
        self,
        network: OpenModel,
        settings: str,
        proxies: ProxyCache,
        own: Subject,
        others: Sequence[Subject],
    ) -> None:
        self._network, self._settings, self._proxies = network, settings, proxies
        self._own = own
        self._subjects = sorted((own, *others), key=lambda subject: subject.name)
        self._companies: dict[int, dict[str, SeedFrame]] = {}

    def first(self, seed: SeedFrame) -> str:
        """The digest that a pass from the subject's seed frame begins with."""
        return self._first(self._own, self._together(seed))

    def carry(self, seed: SeedFrame, frames: Sequence[int], direction: Direction) -> Iterator[None]:
        """Each step makes sure of the own record of one more of the frames."""
        together = self._together(seed)
        runs = [self._run(one, together, frames, direction) for one in together]
        own = runs[list(together).index(self._own.name)]
        answers: Iterator[Map] | None = None
        for place, frame in enumerate(frames):
            if answers is None and not own.has(frame):
                views = map(self._proxies.require, frames)
                mattes = np.stack([run.matte for run in runs])
                answers = follow(self._network, self._proxies.require(seed.frame), mattes, views)
                for earlier in frames[:place]:
                    _keep(runs, earlier, next(answers))
            if answers is not None:
                _keep(runs, frame, next(answers))
            yield

    def _together(self, seed: SeedFrame) -> dict[str, SeedFrame]:
        """Who is carried from a seed frame of the own subject, by name."""
        if seed.frame not in self._companies:  # keys' masks are read whole to be told apart
            self._companies[seed.frame] = self._company(seed)
        return self._companies[seed.frame]

    def _company(self, seed: SeedFrame) -> dict[str, SeedFrame]:
        others = [one for one in self._subjects if seed.frame in one.keys]
        if self._own not in others:  # it was found there, and nobody gave a key
            return {self._own.name: seed}
        return {one.name: seed if one is self._own else one.seed(seed.frame) for one in others}

    def _first(self, subject: Subject, together: Mapping[str, SeedFrame]) -> str:
        seeds = [[seed.digest, self._proxies.identity(seed.frame)] for seed in together.values()]
        return digest_of(self._settings, seeds, list(together).index(subject.name))

    def _run(
        self,
        name: str,
        together: Mapping[str, SeedFrame],
        frames: Sequence[int],
        direction: Direction,
    ) -> _Run:
        subject = next(one for one in self._subjects if one.name == name)
        own = list(takewhile(lambda frame: frame not in subject.keys, frames))
        chain = digest_chain(self._first(subject, together), own, self._proxies)
        seed = together[name]
        matte = subject.coarse.require(seed).alpha
        return _Run(matte, subject.records[direction], dict(zip(own, chain, strict=True)))


def digest_chain(first: str, frames: Sequence[int], proxies: ProxyCache) -> list[str]:
    """Digests of a pass: each stands for all the frames from the seed frame to its own."""
    digests = []
    for frame in frames:
        first = digest_of(first, frame, proxies.identity(frame))
        digests.append(first)
    return digests


def _keep(runs: Sequence[_Run], frame: int, masks: Map) -> None:
    for run, alpha in zip(runs, masks, strict=True):
        run.keep(frame, alpha)
