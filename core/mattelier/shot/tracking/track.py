"""Tracking: from key frames to a small matte of every frame of a shot.

Each key frame is carried forward and backward to the next key frame or scene cut, on small views,
one record per frame on disk; what was made of the same keys by the same model is used again. The
two directions are blended and steadied. A frame's coarse matte is thus a function of the keys on
its two sides, whatever part of the shot was asked for and however often the work was broken off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.follow import check_follows
from mattelier.engines.open_model import OpenModel
from mattelier.matting.hint import Hint
from mattelier.requests import Quality
from mattelier.shot.tracking.cuts import Cuts
from mattelier.shot.tracking.following import Direction, Following, Subject
from mattelier.shot.tracking.matte_cache import MatteCache, SeedFrame, TrackedMatte
from mattelier.shot.tracking.memory import Embeddings
from mattelier.shot.tracking.passes import STABILISE_RADIUS_FRAMES, Passes, Stretch
from mattelier.shot.tracking.proxies import Identity, ProxyCache, ReadProxy
from mattelier.shot.tracking.seed_frames import CELL_FRAMES, SeedFrames
from mattelier.types.digest import digest as digest_of
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.progress import remark, stage, tell

TRACK_SIZE_PX = 448  # long side, in pixels, of the views that tracking looks at
_CACHE_VERSION = 7  # of what tracking computes: old records are not used after it changes


def track_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the view of a plate of that size; a small plate is not enlarged."""
    scale = min(1.0, TRACK_SIZE_PX / max(height, width))
    return max(16, round(height * scale)), max(16, round(width * scale))


class Track:
    """A tracked shot, or the part that was wanted of it: one small matte per frame.

    Attributes
    ----------
    cuts : tuple of int
        The first frame after each cut, of the frames that were looked at.
    """

    def __init__(
        self,
        cuts: tuple[int, ...],
        digests: Mapping[int, str],
        matte_digests: Mapping[int, str],
        mattes: MatteCache,
    ) -> None:
        self.cuts = cuts
        self._digests, self._matte_digests, self._mattes = digests, matte_digests, mattes

    def coarse(self, frame: int) -> NDArray[np.float32]:
        """(h, w) float32 0…1 at `track_size`, ready to be refined.

        Raises
        ------
        PictureError
            The frame could not be read, so it has no matte.
        """
        return self._matte(frame).alpha

    def confidence(self, frame: int) -> float:
        """0…1: how sure the matte is; 1 on key frames, 0 where the subject was not found.

        Raises
        ------
        PictureError
            As for `coarse`.
        """
        return self._matte(frame).confidence

    def digest(self, frame: int) -> str:
        """Of all that decides this frame's matte except the plate's pixels.

        The keys that reach it, with their content, or the frames tracked from where there are
        none; the model's checksums, the settings and the version of this code.

        Raises
        ------
        PictureError
            As for `coarse`.
        """
        if frame not in self._digests:
            raise PictureError(f"Frame {frame} has no matte: it could not be read.")
        return self._digests[frame]

    def _matte(self, frame: int) -> TrackedMatte:
        matte = self._mattes.read(frame, self._matte_digests.get(frame, ""))
        if matte is None:
            raise PictureError(f"Frame {frame} has no matte: it could not be read.")
        return matte


class Tracker:
    """Tracks one object of a shot.

    Parameters
    ----------
    model : OpenModel
        An opened model that takes hints.
    memory : OpenModel
        An opened model for the task "track", by which frames are compared with key frames.
    folder : Path
        Where this object's records are kept; made when missing. Views of the frames are kept
        beside it, for all objects of the shot.
    name : str
        The object's, for messages.
    quality : Quality
        "best" looks at every view's mirror image too.
    follower : OpenModel, optional
        A video network that carries key frames' mattes to the others.

    Raises
    ------
    UsageError
        The model takes no hints, or the follower follows nothing.
    """

    def __init__(
        self,
        model: OpenModel,
        memory: OpenModel,
        folder: Path,
        *,
        name: str = "subject",
        quality: Quality = "balanced",
        follower: OpenModel | None = None,
    ) -> None:
        if follower is not None:
            check_follows(follower)
        if model.input.hint is None:
            raise UsageError(
                f"The model {model.name} takes no hints and cannot follow a subject; "
                "choose the model “default” for that."
            )
        self._model, self._folder, self._name, self._quality = model, folder, name, quality
        self._embeddings = Embeddings(memory)
        self._follower = follower
        sums = [*model.fingerprint.split(), *memory.fingerprint.split()]
        if follower is not None:
            sums += ["followed by", *follower.fingerprint.split()]
        self._settings = digest_of(_CACHE_VERSION, TRACK_SIZE_PX, quality, sums)

    def track(
        self,
        frames: Sequence[int],
        read_proxy: ReadProxy,
        keys: Mapping[int, Hint],
        wanted: Sequence[int] | None = None,
        preroll: int = 2 * CELL_FRAMES,
        identity: Identity | None = None,
        others: Sequence[tuple[Tracker, Mapping[int, Hint]]] = (),
    ) -> Track:
        """Track the shot, or what of it the wanted frames need.

        Parameters
        ----------
        frames : sequence of int
            The plate's frames, ascending.
        read_proxy : frame → (h, w, 3) float32 0…1 display-encoded, at `track_size`
            Raises `PictureError` for a frame that cannot be read; it is passed over.
        keys : frame → Hint at the plate's size
            With a mask, a box or points. A cut-free stretch without any is tracked from frames
            in which the network finds a plain subject by itself.
        wanted : sequence of int, optional
            Only these frames' mattes are needed.
        preroll : int
            At most so many frames before and after the wanted ones are looked at in a stretch
            without keys. From 64 on, parts give exactly what the whole shot gives.
        identity : frame → str, optional
            Stands for the frame's pixels (size and time of its file, say). Records and views
            made of other pixels are then not used again.
        others : sequence, optional
            The shot's other objects with their keys. A video network tells those apart together
            that have a key on the same frame.

        Raises
        ------
        UsageError
            A key frame is not one of the plate's.
        Cancelled
            The listener asked to stop; what was finished stays and is used again.
        """
        if missing := sorted(set(keys) - set(frames)):
            raise UsageError(
                f"The key of {self._name} at frame {missing[0]} lies outside the plate's frames "
                f"{frames[0]}–{frames[-1]}; give a frame of the plate."
            )
        folder = self._folder.parent / ".views"
        proxies = ProxyCache(folder, read_proxy, identity)
        scan = _Scan(proxies, Cuts(proxies, folder / "cuts.json"), frames, keys)
        requested = frozenset(frames if wanted is None else wanted)
        with stage("finding cuts", 0, 0.1):
            runs = scan.runs(requested, preroll)
        coarse = MatteCache(self._folder, "coarse")
        seeds = self._seeds(proxies)
        following = None
        if self._follower is not None:
            company = [tracker._subject(proxies, given) for tracker, given in others]
            own = self._subject(proxies, keys)
            settings = digest_of(_CACHE_VERSION, TRACK_SIZE_PX, self._follower.fingerprint)
            following = Following(self._follower, settings, proxies, own, company)
        passes = Passes(
            self._model,
            self._quality == "best",
            self._embeddings,
            self._settings,
            proxies,
            coarse,
            self._records(),
            following,
        )
        for frame in (k for k in keys if requested and min(requested) <= k <= max(requested)):
            if not proxies.readable(frame):
                remark(f"The key of {self._name} at frame {frame} has no frame that can be read.")
        digests: dict[int, str] = {}
        matte_digests: dict[int, str] = {}
        done, total = 0, sum(map(len, runs)) or 1
        for run in runs:
            seed_by_frame = {f: seeds.key(f, keys[f]) for f in run if f in keys}
            if not seed_by_frame:
                seed_by_frame = {o.frame: o for o in seeds.automatic(frames, run)}
            matte_digests.update({f: o.digest for f, o in seed_by_frame.items()})
            digests.update({f: digest_of(o.digest) for f, o in seed_by_frame.items()})
            for stretch in _stretches(run, seed_by_frame):
                share = len(stretch.frames) / total
                with stage(
                    "tracking", 0.1 + 0.9 * done / total, 0.1 + 0.9 * (done / total + share)
                ):
                    new_digests = passes.follow(stretch, requested)
                matte_digests.update(new_digests)
                seeds_here = [end for end in (stretch.before, stretch.after) if end]
                ends = [end.digest if end else None for end in (stretch.before, stretch.after)]
                if following is not None:
                    ends += map(following.first, seeds_here)
                digests.update(dict.fromkeys(new_digests, digest_of(self._settings, ends)))
                done += len(stretch.frames)
        cuts = tuple(run[0] for run in runs[1:])
        return Track(cuts, digests, matte_digests, coarse)

    def _seeds(self, proxies: ProxyCache) -> SeedFrames:
        return SeedFrames(
            self._model,
            self._quality,
            self._settings,
            proxies,
            MatteCache(self._folder, "coarse"),
            MatteCache(self._folder, "unaided"),
        )

    def _records(self) -> dict[Direction, MatteCache]:
        return {
            "forward": MatteCache(self._folder, "forward"),
            "backward": MatteCache(self._folder, "backward"),
        }

    def _subject(self, proxies: ProxyCache, keys: Mapping[int, Hint]) -> Subject:
        """The object with its keys, as a video network carries it."""
        seeds = self._seeds(proxies)
        return Subject(
            self._name,
            keys.keys(),
            lambda frame: seeds.key(frame, keys[frame]),
            MatteCache(self._folder, "coarse"),
            self._records(),
        )


class _Scan:
    """Which frames decide the wanted ones: outwards to keys and cuts."""

    def __init__(
        self, proxies: ProxyCache, cuts: Cuts, frames: Sequence[int], keys: Mapping[int, Hint]
    ) -> None:
        self._proxies, self._cuts, self._frames, self._keys = proxies, cuts, frames, keys

    def runs(self, wanted: frozenset[int], preroll: int) -> list[list[int]]:
        """The readable frames that are needed, parted at cuts."""
        places = [i for i, frame in enumerate(self._frames) if frame in wanted]
        if not places:
            return []
        low, high = places[0], places[-1]
        first, last = self._frames[low], self._frames[high]
        reach = STABILISE_RADIUS_FRAMES
        start = self._walk(low, -1, None if any(k <= first for k in self._keys) else reach)
        stop = self._walk(high, 1, None if any(k >= last for k in self._keys) else reach)
        runs = self._split_at_cuts(start, stop)
        # The cells that hold the wanted frames, and one more on either side.
        before = min(preroll, low % CELL_FRAMES + CELL_FRAMES)
        after = min(preroll, CELL_FRAMES - 1 - high % CELL_FRAMES + CELL_FRAMES)
        if runs and not any(frame in self._keys for frame in runs[0]):
            start = min(start, self._walk(low, -1, before))
        if runs and not any(frame in self._keys for frame in runs[-1]):
            stop = max(stop, self._walk(high, 1, after))
        runs = self._split_at_cuts(start, stop)
        self._cuts.save()
        return runs

    def _walk(self, place: int, step: int, max_frames: int | None) -> int:
        """The last place, from this one on, before a cut, up to a key, or so many frames away."""
        here, walked = place, 0
        while True:
            beyond = here + step
            while 0 <= beyond < len(self._frames) and not self._proxies.readable(
                self._frames[beyond]
            ):
                beyond += step
            if self._frames[here] in self._keys or (
                max_frames is not None and walked >= max_frames
            ):
                return here
            if not 0 <= beyond < len(self._frames):
                return here
            pair = sorted((here, beyond))
            if self._proxies.readable(self._frames[here]) and self._cuts.between(
                self._frames[pair[0]], self._frames[pair[1]]
            ):
                return here
            walked += abs(beyond - here)
            here = beyond
            tell(0)

    def _split_at_cuts(self, start: int, stop: int) -> list[list[int]]:
        frames = []
        for i in range(start, stop + 1):
            tell((i - start) / (stop + 1 - start))
            if self._proxies.readable(self._frames[i]):
                frames.append(self._frames[i])
        runs = [frames[:1]] if frames else []
        for before, after in pairwise(frames):
            if self._cuts.between(before, after):
                runs.append([])
            runs[-1].append(after)
        return runs


def _stretches(run: Sequence[int], seeds: Mapping[int, SeedFrame]) -> list[Stretch]:
    """The frames of a cut-free run between its seed frames."""
    stretches: list[Stretch] = []
    between: list[int] = []
    before: SeedFrame | None = None
    for frame in run:
        if frame in seeds:
            stretches.append(Stretch(tuple(between), before, seeds[frame]))
            between, before = [], seeds[frame]
        else:
            between.append(frame)
    stretches.append(Stretch(tuple(between), before, None))
    return [stretch for stretch in stretches if stretch.frames]
