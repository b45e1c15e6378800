"""A shot: from a plate and key frames to mattes and what is made with them, as files.

Two passes. Tracking looks at small views of the frames in order and leaves one small matte a frame
in the work folder. Then each frame is matted at full size by itself (`shot_run`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.matting.cutout import Cutter
from mattelier.requests import RotoRequest
from mattelier.shot.frame_mattes import Matter, writers
from mattelier.shot.key_frames import Keys
from mattelier.shot.outputs import Target
from mattelier.shot.records import pixel_chains
from mattelier.shot.run import VERSION, Made, ShotRun
from mattelier.shot.shot import FrameResult, Shot, ShotResult, prepare
from mattelier.shot.tracking.track import Track, Tracker, track_size
from mattelier.types.digest import digest
from mattelier.types.errors import PictureError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage

_FORMAT = 1  # of the files and of what is computed here: older ones are made again after a change


def run(
    request: RotoRequest,
    *,
    store: Store | None = None,
    done: Callable[[FrameResult], None] = lambda result: None,
) -> ShotResult:
    """Make a shot's mattes.

    Tells its progress; a listener that raises `Cancelled` interrupts it: files being written are
    finished, and the result says so.

    Parameters
    ----------
    store : Store, optional
        Where models lie.
    done : callable
        Hears of every frame as it ends.

    Raises
    ------
    MattelierError
        Nothing was written: the request does not fit, or the model cannot be used.
    """
    shot = prepare(request)
    try:
        return _Run(shot, store or Store(), done).run()
    finally:
        shot.plate.close()


def track(request: RotoRequest, *, store: Store | None = None) -> None:
    """Tune and track a shot, whatever of it lies not in its work folder yet; make no frames.

    Tells its progress.

    Raises
    ------
    MattelierError
        The request does not fit, or it cannot be done.
    """
    shot = prepare(request)
    try:
        _Run(shot, store or Store(), lambda result: None).get_ready()
    finally:
        shot.plate.close()


class _Run(ShotRun[RotoRequest, Picture]):
    preparing, doing = 0.3, "matting"

    def __init__(
        self, shot: Shot[RotoRequest], store: Store, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, done)
        self._store = store
        self.opening = 0.05 if self.request.tune else 0.01
        self.window = self.request.window
        self._chains = {name: pixel_chains(self.plate, keys) for name, keys in shot.keys.items()}
        self._matter = Matter(self.request.matte, self.space, self.exposure)
        self._cutters: dict[str, Cutter] = {}
        self._tracks: dict[str, Track] = {}

    def open(self) -> None:
        """The opened model of each object: one for all, or one tuned to each."""
        request = self.request.matte
        cutter = Cutter(request, store=self._store)
        self._cutters = dict.fromkeys(self.shot.keys, cutter)
        if self.request.tune:
            from mattelier.shot.tracking.tune import tune

            for name, keys in self.shot.keys.items():
                drawn = _Drawn(self, keys)
                if not drawn:
                    remark(f"Nothing to tune {name} on: tuning needs key frames with masks.")
                    continue
                folder = tune(
                    cutter.card, self._store, drawn, self.request.tune, self.layout.work / "tune"
                )
                self._cutters[name] = Cutter(
                    replace(request, model=folder.name),
                    store=replace(self._store, user=folder.parent),
                )
        for note in {cutter.engine.note for cutter in self._cutters.values()} - {""}:
            remark(note)

    def view(self, frame: int) -> NDArray[np.float32]:
        """The frame as tracking looks at it."""
        size = track_size(self.plate.height, self.plate.width)
        return self.space.view(self.plate.read(frame), self.exposure).resized(*size)

    def prepare(self, window: FrameRange) -> None:
        """Track every object."""
        cutters = self._cutters
        with _ahead(self.view, self.plate.frames) as look:
            for number, (name, cutter) in enumerate(cutters.items()):
                start, stop = (i / len(cutters) for i in (number, number + 1))
                with stage("tracking", start, stop):
                    tracker = Tracker(
                        cutter,
                        self.layout.work / "track" / name,
                        name=name,
                        quality=self.request.matte.quality,
                    )
                    self._tracks[name] = tracker.track(
                        self.plate.frames.frames,
                        look,
                        self.shot.keys[name],
                        window.frames,
                        self.request.preroll,
                        self._identity,
                    )

    def _identity(self, frame: int) -> str:
        own = self.plate.identity(frame)
        return f"{own}|{self.exposure}|{self.space.name}" if own else ""

    def settings(self, frame: int, target: Target) -> str:
        decided = []
        for name in target.objects:
            try:
                tracked = self._tracks[name].digest(frame)
            except PictureError:  # it could not be read; reading it again says why
                tracked = ""
            decided.append([name, tracked, self._chains[name][frame]])
        matte = self.request.matte
        return digest(
            _FORMAT,
            VERSION,
            decided,
            [self.exposure, self.space.name],
            [matte.quality, matte.refine, matte.edge_shift, matte.feather],
            [target.output, target.names.suffix, target.movie is not None],
            [self.request.bits, self.request.fps],
        )

    def read(self, frame: int) -> Picture:
        return self.plate.read(frame)

    def make(self, frame: int, given: Picture, targets: Sequence[Target]) -> Made:
        mattes = self._matter.mattes(frame, given, self._tracks, self.shot.keys)
        made = writers(mattes, targets, self.space, self.request.bits)
        record = {
            "coverage": {n: round(float(a.mean()), 5) for n, a in mattes.alphas.items()},
            "confidence": {n: round(t.confidence(frame), 4) for n, t in self._tracks.items()},
            "key": [n for n, keys in self.shot.keys.items() if frame in keys],
        }
        return Made(given, made, record)

    def weights(self, target: Target) -> Mapping[str, str]:
        cards = (self._cutters[name].card for name in target.objects)
        return {c.name: (c.file(".safetensors") or c.files[0]).sha256 for c in cards}


class _Drawn(Mapping[int, tuple[NDArray[np.float32], NDArray[np.float32]]]):
    """Views and masks of the keys with masks, at tracking size, made when they are asked for."""

    def __init__(self, run: _Run, keys: Keys) -> None:
        self._run, self._keys = run, keys
        self._frames = [frame for frame in keys if keys.has_mask(frame)]

    def __getitem__(self, frame: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        view = self._run.view(frame)
        return view, self._keys[frame].shrunk_mask(*view.shape[:2])

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


@contextmanager
def _ahead(
    look: Callable[[int], NDArray[np.float32]], frames: FrameRange
) -> Iterator[Callable[[int], NDArray[np.float32]]]:
    """`look`, with the frame after the one asked for looked at in a thread meanwhile."""
    following = dict(zip(frames.frames, frames.frames[1:], strict=False))
    waiting: dict[int, Future[NDArray[np.float32]]] = {}
    with ThreadPoolExecutor(1, "look") as reader:

        def looked(frame: int) -> NDArray[np.float32]:
            now = waiting.pop(frame, None) or reader.submit(look, frame)
            waiting.clear()
            if frame in following:
                waiting[following[frame]] = reader.submit(look, following[frame])
            return now.result()

        yield looked
