"""A shot: from a plate and key frames to files of every frame, resumable, with a true end.

Two passes. Tracking looks at small views of the frames in order and leaves one small matte a frame
in the work folder. Then each frame is matted at full size by itself, while the next is read and
the one before is written. A frame's files bear a hash of all that decided them, so that what is
done is told from what is to be made again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.engines.choose import installed
from mattelier.errors import MattelierError, OutputError, PictureError
from mattelier.jobs.pipeline import pipelined
from mattelier.jobs.shot import FrameResult, Shot, ShotResult, prepare
from mattelier.jobs.shot_frames import Matter, Write, writers
from mattelier.jobs.shot_keys import Keys
from mattelier.jobs.shot_movies import frame_rate, make_movie
from mattelier.jobs.shot_outputs import Target
from mattelier.jobs.shot_records import (
    FrameRecords,
    digest,
    file_date,
    pixel_chains,
    remove_leftovers,
    write_manifest,
)
from mattelier.log import log_unexpected
from mattelier.media.colour_space import ColourSpace
from mattelier.media.stamp import SETTINGS, read_stamp
from mattelier.media.timecode import Timecode
from mattelier.picture import Picture
from mattelier.progress import Cancelled, remark, stage, tell
from mattelier.request import RotoRequest, to_json
from mattelier.shot.frame_range import FrameRange
from mattelier.shot.track import Track, Tracker, track_size
from mattelier.tasks.cutout import Cutter

VERSION = installed("mattelier") or "unknown"
_FORMAT = 1  # of the files and of what is computed here: older ones are made again after a change


def run(
    request: RotoRequest,
    *,
    store: Store | None = None,
    done: Callable[[FrameResult], None] = lambda result: None,
) -> ShotResult:
    """Make a shot.

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
        _Run(shot, store or Store(), lambda result: None).track()
    finally:
        shot.plate.close()


class _Run:
    def __init__(self, shot: Shot, store: Store, done: Callable[[FrameResult], None]) -> None:
        self._shot, self._store, self._done = shot, store, done
        self._request, self._plate, self._layout = shot.request, shot.plate, shot.layout
        shot.spare_foreign_files()
        self._space = ColourSpace(self._request.colorspace)
        self._exposure = self._space.exposure(self._plate.samples)
        self._records = FrameRecords(self._layout.work)
        self._chains = {name: pixel_chains(self._plate, keys) for name, keys in shot.keys.items()}
        self._result = ShotResult(
            [target.described for target in self._layout.targets],
            self._layout.work / "manifest.json",
            shot.asked,
        )
        self._started: dict[int, float] = {}

    def run(self) -> ShotResult:
        todo = self._shot.asked & self._plate.frames
        try:
            if self._plate.missing and not self._request.frames:
                remark(f"The plate has no frames {self._plate.missing}; these gaps stay gaps.")
            for frame in self._shot.absent:
                self._ended(FrameResult(frame, f"Frame {frame} is not in the plate."))
            self._make_folders()
            remove_leftovers(self._layout.targets, todo)
            with stage("opening the model", 0, 0.05 if self._request.tune else 0.01):
                cutters = self._cutters()
            windows = todo.chunks(self._request.window or len(todo))
            for number, window in enumerate(windows):
                with stage("", 0.05 + 0.9 * number / len(windows),
                           0.05 + 0.9 * (number + 1) / len(windows)):  # fmt: skip
                    self._window(window, cutters)
            self._movies(todo.frames)
            with suppress(Cancelled):  # too late
                tell(1)
        except Cancelled:
            self._result.interrupted = True
        except OutputError as error:  # a full disk, a folder taken away: it would only go on
            self._result.problems.append(str(error))
        self._write_manifest()
        return self._result

    def track(self) -> None:
        self._make_folders()
        with stage("opening the model", 0, 0.05 if self._request.tune else 0.01):
            cutters = self._cutters()
        if todo := self._shot.asked & self._plate.frames:
            with stage("", 0.05, 1):
                self._tracks(todo, cutters)

    def _make_folders(self) -> None:
        for folder in sorted(self._layout.folders()):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"The folder {folder} cannot be made: {error.strerror}; choose another -o."
                ) from error

    def _cutters(self) -> dict[str, Cutter]:
        """The opened model of each object: one for all, or one tuned to each."""
        request = self._request.matte
        cutter = Cutter(request, store=self._store)
        cutters = dict.fromkeys(self._shot.keys, cutter)
        if self._request.tune:
            from mattelier.shot.tune import tune

            for name, keys in self._shot.keys.items():
                drawn = _Drawn(self, keys)
                if not drawn:
                    remark(f"Nothing to tune {name} on: tuning needs key frames with masks.")
                    continue
                folder = tune(
                    cutter.card, self._store, drawn, self._request.tune, self._layout.work / "tune"
                )
                cutters[name] = Cutter(
                    replace(request, model=folder.name),
                    store=replace(self._store, user=folder.parent),
                )
        for note in {cutter.engine.note for cutter in cutters.values()} - {""}:
            remark(note)
        return cutters

    def view(self, frame: int) -> NDArray[np.float32]:
        """The frame as tracking looks at it."""
        size = track_size(self._plate.height, self._plate.width)
        return self._space.view(self._plate.read(frame), self._exposure).resized(*size)

    def _tracks(self, window: FrameRange, cutters: Mapping[str, Cutter]) -> dict[str, Track]:
        tracks: dict[str, Track] = {}
        with _ahead(self.view, self._plate.frames) as look:
            for number, (name, cutter) in enumerate(cutters.items()):
                start, stop = (i / len(cutters) for i in (number, number + 1))
                with stage("tracking", start, stop):
                    tracker = Tracker(
                        cutter,
                        self._layout.work / "track" / name,
                        name=name,
                        quality=self._request.matte.quality,
                    )
                    tracks[name] = tracker.track(
                        self._plate.frames.frames,
                        look,
                        self._shot.keys[name],
                        window.frames,
                        self._request.preroll,
                        self._identity,
                    )
        return tracks

    def _window(self, window: FrameRange, cutters: Mapping[str, Cutter]) -> None:
        with stage("", 0, 0.3):
            tracks = self._tracks(window, cutters)
        todo: dict[int, list[tuple[Target, str]]] = {}
        for frame in window:
            wanted = [(t, self._settings(frame, t, tracks)) for t in self._layout.targets]
            left = [(t, mark) for t, mark in wanted if not self._is_done(frame, t, mark)]
            if left:
                todo[frame] = left
            else:
                self._ended(FrameResult(frame, kept=True))
        with stage("matting", 0.3, 1):
            self._matte(todo, tracks, cutters)

    def _identity(self, frame: int) -> str:
        own = self._plate.identity(frame)
        return f"{own}|{self._exposure}|{self._space.name}" if own else ""

    def _settings(self, frame: int, target: Target, tracks: Mapping[str, Track]) -> str:
        """The hash of all that decides one file."""
        decided = []
        for name in target.objects:
            try:
                tracked = tracks[name].digest(frame)
            except PictureError:  # it could not be read; reading it again says why
                tracked = ""
            decided.append([name, tracked, self._chains[name][frame]])
        matte = self._request.matte
        return digest(
            _FORMAT,
            VERSION,
            decided,
            [self._exposure, self._space.name],
            [matte.quality, matte.refine, matte.edge_shift, matte.feather],
            [target.output, target.names.suffix, target.movie is not None],
            [self._request.bits, self._request.fps],
        )

    def _is_done(self, frame: int, target: Target, mark: str) -> bool:
        if not self._request.resume:
            return False
        stamp = read_stamp(target.names.path(frame))
        return stamp is not None and stamp.whole and stamp.settings == mark

    def _matte(
        self,
        todo: Mapping[int, Sequence[tuple[Target, str]]],
        tracks: Mapping[str, Track],
        cutters: Mapping[str, Cutter],
    ) -> None:
        matter = Matter(self._request.matte, self._space, self._exposure)
        frames = list(todo)
        positions = {frame: position for position, frame in enumerate(frames)}

        def work(frame: int, picture: Picture) -> Callable[[], None]:
            start = time.perf_counter()
            position = positions[frame]
            with stage(f"frame {frame}", position / len(frames), (position + 1) / len(frames)):
                mattes = matter.mattes(frame, picture, tracks, self._shot.keys)
                targets = [target for target, _ in todo[frame]]
                made = writers(mattes, targets, self._space, self._request.bits)
            files: list[tuple[Write, Path, dict[str, Any]]] = [
                (
                    write,
                    target.names.path(frame),
                    self._facts(frame, picture, target, mark, cutters),
                )
                for (target, write), (_, mark) in zip(made, todo[frame], strict=True)
            ]
            record = {
                "coverage": {n: round(float(a.mean()), 5) for n, a in mattes.alphas.items()},
                "confidence": {n: round(t.confidence(frame), 4) for n, t in tracks.items()},
                "key": [n for n, keys in self._shot.keys.items() if frame in keys],
                "settings": {target.described: mark for target, mark in todo[frame]},
            }
            self._started[frame] = start

            def save() -> None:
                for write, path, facts in files:
                    write(path, facts)
                seconds = round(time.perf_counter() - start, 3)
                self._records.write(frame, {**record, "seconds": seconds})

            return save

        def done(frame: int, error: Exception | None) -> None:
            seconds = time.perf_counter() - self._started.pop(frame, time.perf_counter())
            sentence = None if error is None else _sentence(frame, error)
            if sentence is not None and not isinstance(error, OutputError):
                self._records.write(frame, {"error": sentence})
            self._ended(FrameResult(frame, sentence, seconds=seconds))
            if isinstance(error, OutputError):
                raise error

        pipelined(frames, self._plate.read, work, lambda _, save: save(), done)

    def _facts(
        self,
        frame: int,
        picture: Picture,
        target: Target,
        mark: str,
        cutters: Mapping[str, Cutter],
    ) -> dict[str, Any]:
        """What a frame's file says of itself."""
        cards = {cutters[name].card.name: cutters[name].card for name in target.objects}
        facts: dict[str, Any] = {
            "mattelier:version": VERSION,
            "mattelier:model": ", ".join(cards),
            "mattelier:weights": ", ".join(
                (card.file(".safetensors") or card.files[0]).sha256 for card in cards.values()
            ),
            SETTINGS: mark,
            "mattelier:output": target.output,
            "mattelier:object": ", ".join(target.objects),
        }
        if self._space.name is not None:
            facts["mattelier:colorspace"] = self._space.name
        if "DateTime" not in picture.metadata:
            facts["DateTime"] = file_date(self._plate.source(frame))
        rate = frame_rate(self._plate, self._request.fps)
        if rate is not None:
            facts["FramesPerSecond"] = ("rational", (rate.numerator, rate.denominator))
            text = self._plate.timecode(frame)
            timecode = Timecode.parse(text, rate) if text else None
            if timecode is not None and "smpte:TimeCode" not in picture.metadata:
                facts["smpte:TimeCode"] = ("timecode", (timecode.packed(), 0))
        return facts

    def _movies(self, frames: Sequence[int]) -> None:
        facts = {"mattelier:version": VERSION}
        movies = [target for target in self._layout.targets if target.movie is not None]
        for number, target in enumerate(movies):
            start, stop = (0.95 + 0.05 * i / len(movies) for i in (number, number + 1))
            with stage(f"writing {target.movie}", start, stop):
                make_movie(target, self._plate, frames, self._request.fps, facts)

    def _ended(self, result: FrameResult) -> None:
        self._result.results.append(result)
        self._done(result)

    def _write_manifest(self) -> None:
        if not self._layout.work.is_dir():
            return
        plate, request = self._plate, to_json(self._request)
        shot = {
            "shot": plate.name,
            "version": VERSION,
            "plate": self._request.plate,
            "frames": str(plate.frames),
            "missing": str(plate.missing),
            "width": plate.width,
            "height": plate.height,
            "fps": str(frame_rate(plate, self._request.fps) or ""),
            "exposure": self._exposure,
            "outputs": [
                {"output": t.output, "objects": t.objects, "files": str(t.names),
                 "movie": str(t.movie or "")}
                for t in self._layout.targets
            ],
            "request": request,
        }  # fmt: skip
        try:
            write_manifest(self._result.manifest, shot, plate.frames, self._records)
        except OutputError as error:
            self._result.problems.append(str(error))


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


def _sentence(frame: int, error: Exception) -> str:
    if isinstance(error, MattelierError):
        return str(error)
    path = log_unexpected(error)
    if isinstance(error, MemoryError):
        return f"Frame {frame}: not enough memory; close other programs and run it again."
    return f"Frame {frame}: unexpected {type(error).__name__}; see {path}."
