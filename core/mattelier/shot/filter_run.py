"""A picture-to-picture task on every frame of a shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.media import stills
from mattelier.media.frame_files import file_identity
from mattelier.media.matte_frames import open_mattes
from mattelier.requests import FramesRequest, to_json
from mattelier.shot.frame_mattes import to_display
from mattelier.shot.outputs import Target
from mattelier.shot.plan import Shot
from mattelier.shot.result import FrameResult
from mattelier.shot.shot_run import VERSION, FrameInputT, FrameOutput, ShotRun, WriteFile
from mattelier.tasks.registry import TASKS, field_value
from mattelier.tasks.task import run_prepared
from mattelier.types.colour import from_float, to_float
from mattelier.types.digest import digest
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark
from mattelier.types.result import Report

# Of the files and of what is computed here: older ones are made again after a change.
_CACHE_VERSION = 1
_COLOUR_DEPENDENT: tuple[str, ...] = ("enhance", "style", "key")  # what red is matters to these
_LINEAR_SUFFIXES = (".exr", ".tif", ".tiff")  # files that hold a plate in its own space


class FramesRun(ShotRun[FramesRequest, FrameInputT]):
    """What all such tasks have in common; see `ShotRun`."""

    def __init__(
        self, shot: Shot[FramesRequest], models: ModelCache, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, done)
        self.spec = TASKS[self.request.task]
        self.stage_name = self.spec.verb
        self.models = models
        self.options: dict[str, Any] = to_json(self.request.options)
        self.options.pop("device", None)  # any gives the same, nearly
        pictures = [one.field for one in self.spec.inputs if one.kind == "picture"]
        named = [name for name in pictures if self.options.get(name)]
        self.refuse_overwrite(Path(self.options[name]) for name in named)
        for name in named:  # what it holds decides, not where it lies
            self.options[name] = file_identity(Path(self.options[name]))

    def refuse_overwrite(self, files: Iterable[Path]) -> None:
        """Refuse to go on where results would replace files that they are made from.

        Raises
        ------
        UsageError
        """
        read = {file.resolve() for file in files}
        for target in self.layout.targets:
            written = map(target.names.path, self.shot.requested)
            for path in [target.movie] if target.movie else written:
                if path.resolve() in read:
                    raise UsageError(f"{path} is read to make the shot; choose another -o.")

    def cache_inputs(self, frame: int) -> Any:
        """What decides a frame besides the plate, the options and the weights, as plain values."""
        return None

    def cache_key(self, frame: int, target: Target) -> str:
        return digest(
            _CACHE_VERSION,
            VERSION,
            [self.request.task, self.options],
            [self.plate.identity(frame), self.cache_inputs(frame)],
            list(self.weights(target).values()),
            self.space.identity,
            [target.output, target.names.suffix, target.movie is not None],
            [self.request.bits, self.request.fps],
        )

    def to_working_space(self, picture: Picture) -> Picture:
        """The frame as tasks take it: in linear Rec.709 where its values are something else."""
        return self.space.as_linear(picture) if self._needs_conversion(picture) else picture

    def frame_output(
        self, plate: Picture, result: Picture, targets: Sequence[Target], record: Mapping[str, Any]
    ) -> FrameOutput:
        """The files of a frame, from what was made of it in the space of `to_working_space`."""
        if self._needs_conversion(plate):
            result = self.space.from_linear(result, plate)
        return FrameOutput(plate, [self._write(result, target) for target in targets], record)

    def _needs_conversion(self, picture: Picture) -> bool:
        if self.space.name is None:
            return False
        light = self.space.is_linear and picture.transfer == "linear"
        # Any primaries do for the others, and no colour of a plate is out of range in its own.
        return not light or self.request.task in _COLOUR_DEPENDENT

    def _write(self, result: Picture, target: Target) -> WriteFile:
        suffix = target.names.extension
        if suffix not in _LINEAR_SUFFIXES:
            result = to_display(result, self.space)
        if self.request.bits and suffix not in (".exr", ".jpg", ".jpeg") and not target.movie:
            result = _quantise(to_display(result, self.space), self.request.bits)
        if target.codec == "h264" and result.alpha is not None:
            remark("H.264 has no transparency, so it is left out; write a .mov to keep it.")
        premultiplied = suffix == ".exr" and result.alpha is not None  # as compositors expect
        # Light of its own where alpha is 0; a cut-out's colour goes on there, unseen.
        emission = self.spec.result == "picture"
        return lambda path, facts: stills.write_cutout(
            path, result, facts=facts, premultiplied=premultiplied, emission=emission
        )


@dataclass(frozen=True, eq=False)
class EffectInput:
    """A frame, and the mattes that belong to it, by the names of the task's inputs."""

    picture: Picture
    mattes: Mapping[str, NDArray[np.float32]]


class EffectRun(FramesRun[EffectInput]):
    """A task that needs nothing but the frame and mattes of it; see `ShotRun`."""

    def __init__(
        self, shot: Shot[FramesRequest], models: ModelCache, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, models, done)
        fields = {one.name: one.field for one in self.spec.inputs if one.by_frame}
        texts = {name: field_value(self.request.options, field) for name, field in fields.items()}
        self._mattes = {name: open_mattes(text) for name, text in texts.items() if text is not None}
        # What each frame has of its own is read with it, and named by its content.
        options: Any = self.request.options
        self._request = replace(options, **dict.fromkeys(fields.values()))
        self.options.update(dict.fromkeys(fields.values()))
        self.refuse_overwrite(path for mattes in self._mattes.values() for path in mattes.paths())

    def open(self) -> None:
        self._task = self.spec.load()
        self._inputs = self._task.prepare(self._request, self.models)
        height, width = self.plate.height, self.plate.width
        self._weights = self._task.networks(self._request, self.models, height, width)
        self._sample_identities: list[str] = []
        if self._task.settles:
            self._settle()

    def cache_inputs(self, frame: int) -> Any:
        if not self._mattes:
            return self._sample_identities
        mattes = {name: mattes.identity(frame) for name, mattes in self._mattes.items()}
        return [self._sample_identities, mattes]

    def weights(self, target: Target) -> Mapping[str, str]:
        return self._weights

    def read(self, frame: int) -> EffectInput:
        mattes = {name: mattes.read(frame) for name, mattes in self._mattes.items()}
        return EffectInput(self.plate.read(frame), mattes)

    def make(self, frame: int, frame_input: EffectInput, targets: Sequence[Target]) -> FrameOutput:
        picture = frame_input.picture
        working, inputs = self.to_working_space(picture), {**self._inputs, **frame_input.mattes}
        if self._task.counts_frames:
            inputs["frame"] = frame
        result = run_prepared(self._task, self._request, working, self.models, inputs)
        assert result.picture is not None
        record = _report_record(result.report)
        return self.frame_output(picture, result.picture, targets, record)

    def _settle(self) -> None:
        """Measure once for the whole shot: on its first, middle and last frame."""
        frames = self.plate.frames.frames
        pictures = []
        for frame in sorted({frames[0], frames[len(frames) // 2], frames[-1]}):
            self._sample_identities.append(self.plate.identity(frame))
            try:
                pictures.append(self.to_working_space(self.plate.read(frame)))
            except PictureError:  # it fails by itself, when it is its turn
                continue
        if pictures:
            self._inputs = self._task.settle(self._request, pictures, **self._inputs)


def _report_record(report: Report) -> dict[str, Any]:
    """A task's report for the manifest, its note for the user."""
    values = report.values()
    del values["seconds"]
    if note := values.pop("note"):
        remark(note)
    return values


def _quantise(picture: Picture, bits: int) -> Picture:
    sample = np.dtype(np.uint8 if bits == 8 else np.uint16)
    if picture.dtype == sample:
        return picture
    alpha = None if picture.alpha is None else from_float(to_float(picture.alpha), sample)
    return replace(picture, colour=from_float(to_float(picture.colour), sample), alpha=alpha)
