"""A shot made frame by frame, resumable, with a true end, whatever is made of its frames.

Each frame is worked on by itself, while the next is read and the one before is written. A frame's
files bear a hash of all that decided them, so that what is done is told from what is to be made
again.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from mattelier.log import log_unexpected
from mattelier.media.colour_space import ColourSpace
from mattelier.media.provenance import CACHE_KEY, Facts, file_date, read_provenance
from mattelier.media.timecode import Timecode
from mattelier.requests import to_json
from mattelier.shot.manifest import FrameRecords, write_manifest
from mattelier.shot.movie_output import frame_rate, make_movie
from mattelier.shot.outputs import Target
from mattelier.shot.pipeline import run_pipeline
from mattelier.shot.plan import RequestT, Shot
from mattelier.shot.result import FrameResult, ShotResult
from mattelier.types.atomic import remove_leftovers, remove_leftovers_below
from mattelier.types.claims import Claim, claimed
from mattelier.types.digest import digest
from mattelier.types.errors import MattelierError, OutputError
from mattelier.types.frame_range import FrameRange
from mattelier.types.packages import installed
from mattelier.types.picture import Picture
from mattelier.types.progress import Cancelled, remark, stage, tell

VERSION = installed("mattelier") or "unknown"

# Of a request: what runs of one shot's parts may differ in, on machines of several kinds.
_NOT_SETTINGS = {"plate", "output", "frames", "resume", "overwrite", "device"}

FrameInputT = TypeVar("FrameInputT")
WriteFile = Callable[[Path, Facts], None]


@dataclass(frozen=True, eq=False)
class FrameOutput:
    """One frame, computed.

    Attributes
    ----------
    plate : Picture
        The frame that it was made from.
    writes : sequence of callables
        What writes each file that was asked for, in their order.
    record : mapping
        What the manifest tells of the frame.
    """

    plate: Picture
    writes: Sequence[WriteFile]
    record: Mapping[str, Any]


class ShotRun(ABC, Generic[RequestT, FrameInputT]):
    """One run of a shot, from its plate to its files.

    A subclass says what is made of a frame, and what decides it; `FrameInputT` is what it reads.

    Attributes
    ----------
    shot, request, plate, layout : as of `Shot`
    space : ColourSpace
        What the plate's code values mean.
    exposure : float or None
        The gain at which a scene-linear plate is looked at, one for the whole shot.

    Raises
    ------
    UsageError, OutputError
        Nothing was written: there is no such colour space, or files would be replaced that are
        not Mattelier's.
    """

    open_share, prepare_share = 0.01, 0.0
    """How much of the time `open` takes, and of what follows `prepare`."""

    stage_name: str
    """What is done to frames, for people: "matting"."""

    window = 0
    """Frames that are prepared and made together; 0: all."""

    def __init__(self, shot: Shot[RequestT], done: Callable[[FrameResult], None]) -> None:
        self.shot, self.request, self.plate, self.layout = (
            shot, shot.request, shot.plate, shot.layout,
        )  # fmt: skip
        shot.refuse_foreign_files()
        self.space = ColourSpace(self.request.colorspace)
        self.exposure = self.space.exposure(self.plate.samples)
        self._done = done
        self._records = FrameRecords(self.layout.work)
        self._result = ShotResult(
            [target.described for target in self.layout.targets],
            self.layout.work / "manifest.json",
            shot.requested,
        )
        self._started: dict[int, float] = {}

    @abstractmethod
    def open(self) -> None:
        """Open what all frames need; the folders are there."""

    def prepare(self, window: FrameRange) -> None:
        """Get ready for these frames."""

    @abstractmethod
    def cache_key(self, frame: int, target: Target) -> str:
        """The hash of all that decides one file."""

    @abstractmethod
    def read(self, frame: int) -> FrameInputT:
        """What a frame is made from; called in a thread of its own."""

    @abstractmethod
    def make(self, frame: int, frame_input: FrameInputT, targets: Sequence[Target]) -> FrameOutput:
        """These files of a frame, computed but not written."""

    def describe(self, frame: int) -> Mapping[str, Any]:
        """What the manifest tells of a frame whose files were made by another run."""
        return {}

    @abstractmethod
    def weights(self, target: Target) -> Mapping[str, str]:
        """The models that a target's files are made by, and the SHA-256 of their weights."""

    def run(self, job: str = "", *, part: bool = False) -> ShotResult:
        """Make the shot.

        Tells its progress; a listener that raises `Cancelled` interrupts it: files being written
        are finished, and the result says so.

        Parameters
        ----------
        job : str
            Names a farm's job. Its parts may make the same frames at once, as when one is given
            out again; nobody else may.
        part : bool
            Make the frames alone; movies are put together by the run over the whole shot.

        Raises
        ------
        MattelierError
            Nothing was made: the request does not fit, the model cannot be used, or another run
            writes the same files.
        """
        todo = self.shot.requested & self.plate.frames
        try:
            if self.plate.missing and not self.request.frames:
                remark(f"The plate has no frames {self.plate.missing}; these gaps stay gaps.")
            for frame in self.shot.absent:
                self._finish_frame(FrameResult(frame, f"Frame {frame} is not in the plate."))
            self.make_folders()
        except OutputError as error:
            self._result.problems.append(str(error))
            return self._result
        with claimed(self._claims(todo, job, movies=not part)) as others:
            if not any(job and other.job == job for other in others):
                remove_leftovers(
                    target.names.path(frame) for target in self.layout.targets for frame in todo
                )
            if not others:
                remove_leftovers_below(self.layout.work)
            self._make_all(todo, movies=not part)
            self._write_manifest()
        return self._result

    def _make_all(self, todo: FrameRange, *, movies: bool) -> None:
        try:
            self._open()
            windows = todo.chunks(self.window or len(todo))
            for number, window in enumerate(windows):
                with stage("", 0.05 + 0.9 * number / len(windows),
                           0.05 + 0.9 * (number + 1) / len(windows)):  # fmt: skip
                    self._make_window(window)
            if movies:
                self._write_movies(todo.frames)
            with suppress(Cancelled):  # too late
                tell(1)
        except Cancelled:
            self._result.interrupted = True
        except OutputError as error:  # a full disk, a folder taken away: it would only go on
            self._result.problems.append(str(error))

    def _claims(self, frames: FrameRange, job: str, *, movies: bool) -> dict[Path, Claim]:
        """What this run writes, by folder; all runs of a work folder agree on their settings."""
        files: dict[Path, set[str]] = {}
        for target in self.layout.targets:
            paths = [target.names.path(frame) for frame in frames]
            for path in [*paths, target.movie] if target.movie and movies else paths:
                files.setdefault(path.parent, set()).add(path.name)
        settings = digest(_settings(to_json(self.request)))
        claims = {self.layout.work: Claim(files.pop(self.layout.work, ()), settings, job)}
        return claims | {folder: Claim(names, job=job) for folder, names in files.items()}

    def prepare_all(self, job: str = "") -> None:
        """Prepare all that was asked for, and make nothing of it; see `run`."""
        self.make_folders()
        with claimed(self._claims(FrameRange(), job, movies=False)) as others:
            if not others:
                remove_leftovers_below(self.layout.work)
            self._open()
            if todo := self.shot.requested & self.plate.frames:
                with stage("", 0.05, 1):
                    self.prepare(todo)

    def make_folders(self) -> None:
        """Make every folder that results go to.

        Raises
        ------
        OutputError
            The system refuses.
        """
        for folder in sorted(self.layout.folders()):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(
                    f"The folder {folder} cannot be made: {error.strerror}; choose another -o."
                ) from error

    def _open(self) -> None:
        with stage("opening the model", 0, self.open_share):
            self.open()

    def _make_window(self, window: FrameRange) -> None:
        with stage("", 0, self.prepare_share):
            self.prepare(window)
        todo: dict[int, list[tuple[Target, str]]] = {}
        for frame in window:
            wanted = [(target, self.cache_key(frame, target)) for target in self.layout.targets]
            left = [(t, key) for t, key in wanted if not self._is_current(frame, t, key)]
            if left:
                todo[frame] = left
            else:
                self._keep(frame, dict(wanted))
        with stage(self.stage_name, self.prepare_share, 1):
            self._make(todo)

    def _keep(self, frame: int, wanted: Mapping[Target, str]) -> None:
        """Leave a frame as it is; a record that a kill or somebody took is made from its files."""
        record = self._records.read(frame)
        if record is None or record.get("error"):
            cache_keys = {target.described: key for target, key in wanted.items()}
            self._records.write(frame, {**self.describe(frame), "settings": cache_keys})
        self._finish_frame(FrameResult(frame, kept=True))

    def _is_current(self, frame: int, target: Target, key: str) -> bool:
        if not self.request.resume:
            return False
        provenance = read_provenance(target.names.path(frame))
        return provenance is not None and provenance.is_complete and provenance.cache_key == key

    def _make(self, todo: Mapping[int, Sequence[tuple[Target, str]]]) -> None:
        frames = list(todo)
        positions = {frame: position for position, frame in enumerate(frames)}

        def work(frame: int, frame_input: FrameInputT) -> Callable[[], None]:
            start = time.perf_counter()
            position = positions[frame]
            with stage(f"frame {frame}", position / len(frames), (position + 1) / len(frames)):
                output = self.make(frame, frame_input, [target for target, _ in todo[frame]])
            files: list[tuple[WriteFile, Path, dict[str, Any]]] = [
                (write, target.names.path(frame), self._facts(frame, output.plate, target, key))
                for write, (target, key) in zip(output.writes, todo[frame], strict=True)
            ]
            cache_keys = {target.described: key for target, key in todo[frame]}
            record = {**output.record, "settings": cache_keys}
            self._started[frame] = start

            def save() -> None:
                for write, path, facts in files:
                    write(path, facts)
                seconds = round(time.perf_counter() - start, 3)
                self._records.write(frame, {**record, "seconds": seconds})

            return save

        def done(frame: int, error: Exception | None) -> None:
            seconds = time.perf_counter() - self._started.pop(frame, time.perf_counter())
            message = None if error is None else _error_message(frame, error)
            if message is not None and not isinstance(error, OutputError):
                self._records.write(frame, {"error": message})
            self._finish_frame(FrameResult(frame, message, seconds=seconds))
            if isinstance(error, OutputError):
                raise error

        run_pipeline(frames, self.read, work, lambda _, save: save(), done)

    def _facts(self, frame: int, picture: Picture, target: Target, key: str) -> dict[str, Any]:
        """What a frame's file says of itself."""
        facts: dict[str, Any] = {"mattelier:version": VERSION}
        if weights := self.weights(target):
            facts["mattelier:model"] = ", ".join(weights)
            facts["mattelier:weights"] = ", ".join(weights.values())
        facts |= {CACHE_KEY: key, "mattelier:output": target.output}
        if target.objects:
            facts["mattelier:object"] = ", ".join(target.objects)
        if self.space.name is not None:
            facts["mattelier:colorspace"] = self.space.name
        if "DateTime" not in picture.metadata:
            facts["DateTime"] = file_date(self.plate.source(frame))
        rate = frame_rate(self.plate, self.request.fps)
        if rate is not None:
            facts["FramesPerSecond"] = ("rational", (rate.numerator, rate.denominator))
            text = self.plate.timecode(frame)
            timecode = Timecode.parse(text, rate) if text else None
            if timecode is not None and "smpte:TimeCode" not in picture.metadata:
                facts["smpte:TimeCode"] = ("timecode", (timecode.pack(), 0))
        return facts

    def _write_movies(self, frames: Sequence[int]) -> None:
        facts = {"mattelier:version": VERSION}
        movies = [target for target in self.layout.targets if target.movie is not None]
        for number, target in enumerate(movies):
            start, stop = (0.95 + 0.05 * i / len(movies) for i in (number, number + 1))
            with stage(f"writing {target.movie}", start, stop):
                make_movie(target, self.plate, frames, self.request.fps, facts)

    def _finish_frame(self, result: FrameResult) -> None:
        self._result.results.append(result)
        self._done(result)

    def _write_manifest(self) -> None:
        if not self.layout.work.is_dir():
            return
        plate = self.plate
        shot = {
            "shot": plate.name,
            "version": VERSION,
            "plate": self.request.plate,
            "frames": str(plate.frames),
            "missing": str(plate.missing),
            "width": plate.width,
            "height": plate.height,
            "fps": str(frame_rate(plate, self.request.fps) or ""),
            "exposure": self.exposure,
            "outputs": [
                {"output": t.output, "objects": t.objects, "files": str(t.names),
                 "movie": str(t.movie or "")}
                for t in self.layout.targets
            ],
            "request": to_json(self.request),
        }  # fmt: skip
        try:
            write_manifest(self._result.manifest, shot, plate.frames, self._records)
        except OutputError as error:
            self._result.problems.append(str(error))


def _settings(values: Any) -> Any:
    """Plain values without what decides nothing of the results."""
    if not isinstance(values, dict):
        return values
    return {name: _settings(v) for name, v in values.items() if name not in _NOT_SETTINGS}


def _error_message(frame: int, error: Exception) -> str:
    if isinstance(error, MattelierError):
        return str(error)
    path = log_unexpected(error)
    if isinstance(error, MemoryError):
        return f"Frame {frame}: not enough memory; close other programs and run it again."
    return f"Frame {frame}: unexpected {type(error).__name__}; see {path}."
