"""A shot: from a plate and key frames to mattes and what is made with them, as files.

Two passes. Tracking looks at small views of the frames in order and leaves one small matte a frame
in the work folder. Then each frame is matted at full size by itself (`shot_run`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import SHOT_DEFAULT
from mattelier.engines.follow import open_follower
from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.media.stills import read_grey
from mattelier.requests import RotoRequest
from mattelier.shot.cache_keys import plate_digests
from mattelier.shot.frame_mattes import FrameMatter, frame_writers, reduced
from mattelier.shot.key_frames import KeyFrames
from mattelier.shot.outputs import Target
from mattelier.shot.plan import Shot, prepare
from mattelier.shot.result import FrameResult, ShotResult
from mattelier.shot.shot_run import VERSION, FrameOutput, ShotRun
from mattelier.shot.tracking.propagate import find_edge
from mattelier.shot.tracking.seed_frames import roughly
from mattelier.shot.tracking.track import Track, Tracker, track_size
from mattelier.shot.tracking.tuning_key import TuningKey
from mattelier.types.digest import digest
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage

# Of the files and of what is computed here: older ones are made again after a change.
_CACHE_VERSION = 1


def run(
    request: RotoRequest,
    *,
    models: ModelCache | None = None,
    done: Callable[[FrameResult], None] = lambda result: None,
    job: str = "",
    part: bool = False,
) -> ShotResult:
    """Make a shot's mattes.

    Tells its progress; a listener that raises `Cancelled` interrupts it: files being written are
    finished, and the result says so.

    Parameters
    ----------
    models : ModelCache, optional
        Networks that are open already.
    done : callable
        Hears of every frame as it ends.
    job : str
        Names a farm's job, whose parts may make the same frames at once.
    part : bool
        Make the frames alone; movies are put together by the run over the whole shot.

    Raises
    ------
    MattelierError
        Nothing was written: the request does not fit, the model cannot be used, or another run
        writes the same files.
    """
    shot = prepare(request)
    try:
        return _RotoRun(shot, models or ModelCache(), done).run(job, part=part)
    finally:
        shot.plate.close()


def track(request: RotoRequest, *, models: ModelCache | None = None, job: str = "") -> None:
    """Tune and track a shot, whatever of it lies not in its work folder yet; make no frames.

    Tells its progress.

    Raises
    ------
    MattelierError
        The request does not fit, or it cannot be done.
    """
    shot = prepare(request)
    try:
        _RotoRun(shot, models or ModelCache(), lambda result: None).prepare_all(job)
    finally:
        shot.plate.close()


class _RotoRun(ShotRun[RotoRequest, Picture]):
    prepare_share, stage_name = 0.3, "matting"

    def __init__(
        self, shot: Shot[RotoRequest], models: ModelCache, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, done)
        self._models = models
        self.open_share = 0.05 if self.request.tune else 0.01
        self.window = self.request.window
        self._plate_digests = {
            name: plate_digests(self.plate, keys) for name, keys in shot.keys.items()
        }
        self._frame_matter = FrameMatter(self.request.matte, self.space, self.exposure)
        self._networks: dict[str, OpenModel] = {}
        self._follower: OpenModel | None = None
        self._tracks: dict[str, Track] = {}

    def open(self) -> None:
        """The opened model of each object: one for all, or one tuned to each."""
        request = self.request.matte
        if self.request.tracker is not None:  # before anything that takes long
            self._follower = open_follower(self._models, self.request.tracker, request.device)
        network = self._models.open(self._model_name, "matte", request.device)
        self._networks = dict.fromkeys(self.shot.keys, network)
        for name, keys in self.shot.keys.items() if self.request.tune else ():
            if folder := self._tune(network, keys):
                self._networks[name] = self._models.open(folder, "matte", request.device)
        for note in {network.note for network in self._networks.values()} - {""}:
            remark(note)

    @property
    def _model_name(self) -> str:
        """Of the network that follows subjects: the default one is taught by what tracking says."""
        named = self.request.matte.model
        return SHOT_DEFAULT if named == "default" else named

    def _tune(self, network: OpenModel, keys: KeyFrames) -> str:
        """The folder of the network tuned on an object's drawn keys; "" where it stays as it is."""
        from mattelier.shot.tracking.tune import tune

        store, folder = self._models.store, self._track_folder / "tune"
        drawn = _TuningKeys(self, keys, network)
        if not drawn:
            return ""
        try:
            with stage("tuning", 0, 1):
                card = store.card(self._model_name)
                return str(tune(card, store, drawn, self.request.tune, folder))
        except UsageError as error:
            remark(f"{error} The shot is tracked without.")
            return ""

    @property
    def _track_folder(self) -> Path:
        named = self.request.track_folder
        return self.layout.work if named is None else Path(named)

    def view(self, frame: int) -> NDArray[np.float32]:
        """The frame as tracking looks at it."""
        size = track_size(self.plate.height, self.plate.width)
        return self.space.view(self.plate.read(frame), self.exposure).resize(*size)

    def prepare(self, window: FrameRange) -> None:
        """Track every object."""
        networks = self._networks
        memory = self._models.open("default", "track", self.request.matte.device)
        with _read_ahead(self.view, self.plate.frames) as read:
            trackers = {
                name: Tracker(
                    network,
                    memory,
                    self._track_folder / "track" / name,
                    name=name,
                    quality=self.request.matte.quality,
                    follower=self._follower,
                )
                for name, network in networks.items()
            }
            for number, (name, tracker) in enumerate(trackers.items()):
                start, stop = (i / len(networks) for i in (number, number + 1))
                with stage("tracking", start, stop):
                    self._tracks[name] = tracker.track(
                        self.plate.frames.frames,
                        read,
                        self.shot.keys[name],
                        window.frames,
                        self.request.preroll,
                        self._identity,
                        [(trackers[o], self.shot.keys[o]) for o in trackers if o != name],
                    )

    def _identity(self, frame: int) -> str:
        own = self.plate.identity(frame)
        return f"{own}|{self.exposure}|{self.space.identity}" if own else ""

    def cache_key(self, frame: int, target: Target) -> str:
        inputs = []
        # What is made of one object depends on all of them, as pixels are shared among them.
        for name in (*target.objects, *sorted(set(self._tracks) - set(target.objects))):
            try:
                tracked = self._tracks[name].digest(frame)
            except PictureError:  # it could not be read; reading it again says why
                tracked = ""
            finished = ["finished"] if self.shot.keys[name].is_finished(frame) else []
            inputs.append([name, tracked, self._plate_digests[name][frame], *finished])
        matte = self.request.matte
        return digest(
            _CACHE_VERSION,
            VERSION,
            inputs,
            [self.exposure, self.space.identity],
            [matte.quality, matte.refine, matte.edge_shift, matte.feather],
            *([self.request.proxy] if self.request.proxy < 1 else ()),
            [target.output, target.names.suffix, target.movie is not None],
            [self.request.bits, self.request.fps],
        )

    def read(self, frame: int) -> Picture:
        return reduced(self.plate.read(frame), self.request.proxy)

    def make(self, frame: int, picture: Picture, targets: Sequence[Target]) -> FrameOutput:
        wanted = self.request.written_objects
        mattes = self._frame_matter.mattes(frame, picture, self._tracks, self.shot.keys, wanted)
        writes = frame_writers(mattes, targets, self.space, self.request.bits)
        return FrameOutput(picture, writes, self._record(frame, mattes.alphas))

    def describe(self, frame: int) -> Mapping[str, Any]:
        """The record of `make`, from the mattes that lie there alone in a file."""
        alphas = {}
        for target in self.layout.targets:
            if target.output == "matte" and len(target.objects) == 1:
                with suppress(PictureError):
                    alphas[target.objects[0]] = read_grey(target.names.path(frame))
        return self._record(frame, alphas)

    def _record(self, frame: int, alphas: Mapping[str, NDArray[np.float32]]) -> dict[str, Any]:
        written = self.request.written_objects
        return {
            "coverage": {name: round(float(a.mean()), 5) for name, a in alphas.items()},
            "confidence": {
                name: round(self._tracks[name].confidence(frame), 4) for name in written
            },
            "key": [name for name in written if frame in self.shot.keys[name]],
        }

    def weights(self, target: Target) -> Mapping[str, str]:
        cards = (self._networks[name].card for name in target.objects)
        return {c.name: (c.file(".safetensors") or c.files[0]).sha256 for c in cards if c}


class _TuningKeys(Mapping[int, TuningKey]):
    """What keys with a subject drawn on them teach, made when they are asked for."""

    def __init__(self, run: _RotoRun, keys: KeyFrames, network: OpenModel) -> None:
        self._run, self._keys, self._network = run, keys, network
        self._frames = [frame for frame in keys if keys.has_mask(frame)]

    def __getitem__(self, frame: int) -> TuningKey:
        view, hint = self._run.view(frame), self._keys[frame]
        if hint.is_matte:
            matte = hint.shrunk_mask(*view.shape[:2])
            return TuningKey(view, matte, np.ones_like(matte))
        drawn, certain = roughly(view, hint)
        mirrored = self._run.request.matte.quality == "best"
        matte = find_edge(self._network, mirrored, view, drawn, certain).alpha
        # An edge that was found may lie elsewhere: what is undecided there teaches nothing.
        return TuningKey(view, matte, np.abs(2 * matte - 1))

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


@contextmanager
def _read_ahead(
    read: Callable[[int], NDArray[np.float32]], frames: FrameRange
) -> Iterator[Callable[[int], NDArray[np.float32]]]:
    """`read`, with the frame after the one asked for looked at in a thread meanwhile."""
    following = dict(zip(frames.frames, frames.frames[1:], strict=False))
    waiting: dict[int, Future[NDArray[np.float32]]] = {}
    with ThreadPoolExecutor(1, "look") as reader:

        def read_view(frame: int) -> NDArray[np.float32]:
            now = waiting.pop(frame, None) or reader.submit(read, frame)
            waiting.clear()
            if frame in following:
                waiting[following[frame]] = reader.submit(read, following[frame])
            return now.result()

        yield read_view
