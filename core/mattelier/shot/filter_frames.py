"""A picture-to-picture task on every frame of a shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mattelier.catalogue import Store
from mattelier.media import stills
from mattelier.media.frame_files import file_identity
from mattelier.requests import EffectName, FramesRequest, to_json
from mattelier.shot.frame_mattes import display
from mattelier.shot.outputs import Target
from mattelier.shot.run import VERSION, Given, Made, ShotRun, Write
from mattelier.shot.shot import FrameResult, Shot
from mattelier.tasks.effects import Effect, open_effect
from mattelier.types.colour import from_float, to_float
from mattelier.types.digest import digest
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark

_FORMAT = 1  # of the files and of what is computed here: older ones are made again after a change
_DOING: Mapping[EffectName, str] = {
    "upscale": "enlarging",
    "bokeh": "blurring",
    "denoise": "denoising",
    "enhance": "enhancing",
    "style": "painting",
}
_SEE_COLOUR: tuple[EffectName, ...] = ("enhance", "style")  # what red is matters to these
_LINEAR = (".exr", ".tif", ".tiff")  # files that hold a plate in its own space
_FILES = ("match", "reference")  # fields of requests that name a picture


class FramesRun(ShotRun[FramesRequest, Given]):
    """What all such tasks have in common; see `ShotRun`."""

    def __init__(
        self, shot: Shot[FramesRequest], store: Store, done: Callable[[FrameResult], None]
    ) -> None:
        super().__init__(shot, done)
        self.doing = _DOING[self.request.task]
        self.store = store
        self.options: dict[str, Any] = to_json(self.request.options)
        self.options.pop("device", None)  # any gives the same, nearly
        named = [self.options[name] for name in _FILES if self.options.get(name)]
        self.spare(map(Path, named))
        for name in _FILES:  # what it holds decides, not where it lies
            if self.options.get(name):
                self.options[name] = file_identity(Path(self.options[name]))

    def spare(self, files: Iterable[Path]) -> None:
        """Refuse to go on where results would replace files that they are made from.

        Raises
        ------
        UsageError
        """
        read = {file.resolve() for file in files}
        for target in self.layout.targets:
            written = map(target.names.path, self.shot.asked)
            for path in [target.movie] if target.movie else written:
                if path.resolve() in read:
                    raise UsageError(f"{path} is read to make the shot; choose another -o.")

    def decided(self, frame: int) -> Any:
        """What decides a frame besides the plate, the options and the weights, as plain values."""
        return None

    def settings(self, frame: int, target: Target) -> str:
        return digest(
            _FORMAT,
            VERSION,
            [self.request.task, self.options],
            [self.plate.identity(frame), self.decided(frame)],
            list(self.weights(target).values()),
            self.space.name,
            [target.output, target.names.suffix, target.movie is not None],
            [self.request.bits, self.request.fps],
        )

    def lit(self, picture: Picture) -> Picture:
        """The frame as tasks take it: in linear Rec.709 where its values are something else."""
        return self.space.as_linear(picture) if self._differs(picture) else picture

    def made(
        self, plate: Picture, result: Picture, targets: Sequence[Target], record: Mapping[str, Any]
    ) -> Made:
        """The files of a frame of which `lit` was worked on."""
        if self._differs(plate):
            result = self.space.from_linear(result, plate)
        return Made(plate, [self._write(result, target) for target in targets], record)

    def _differs(self, picture: Picture) -> bool:
        if self.space.name is None:
            return False
        light = self.space.is_linear and picture.transfer == "linear"
        # Any primaries do for the others, and no colour of a plate is out of range in its own.
        return not light or self.request.task in _SEE_COLOUR

    def _write(self, result: Picture, target: Target) -> Write:
        suffix = target.names.extension
        if suffix not in _LINEAR:
            result = display(result, self.space)
        if self.request.bits and suffix not in (".exr", ".jpg", ".jpeg") and not target.movie:
            result = _in_bits(display(result, self.space), self.request.bits)
        if target.codec == "h264" and result.alpha is not None:
            remark("H.264 has no transparency, so it is left out; write a .mov to keep it.")
        premultiplied = suffix == ".exr" and result.alpha is not None  # as compositors expect
        return lambda path, facts: stills.write_cutout(
            path, result, facts=facts, premultiplied=premultiplied, emission=True
        )


class EffectRun(FramesRun[Picture]):
    """A task that needs nothing but the frame; see `ShotRun`."""

    def open(self) -> None:
        effect = open_effect(self.request.options, self.store)
        self._weights = effect.weights(self.plate.height, self.plate.width)
        self._samples: list[str] = []
        self._effect = effect if effect.settled is None else self._settled(effect)

    def decided(self, frame: int) -> Any:
        return self._samples

    def weights(self, target: Target) -> Mapping[str, str]:
        return self._weights

    def read(self, frame: int) -> Picture:
        return self.plate.read(frame)

    def make(self, frame: int, given: Picture, targets: Sequence[Target]) -> Made:
        result, report = self._effect.apply(self.lit(given), None)
        return self.made(given, result, targets, _told(report))

    def _settled(self, effect: Effect) -> Effect:
        """Measured once for the whole shot: on its first, middle and last frame."""
        assert effect.settled is not None
        frames = self.plate.frames.frames
        pictures = []
        for frame in sorted({frames[0], frames[len(frames) // 2], frames[-1]}):
            self._samples.append(self.plate.identity(frame))
            try:
                pictures.append(self.lit(self.plate.read(frame)))
            except PictureError:  # it fails by itself, when it is its turn
                continue
        return effect.settled(pictures) if pictures else effect


def _told(report: Any) -> dict[str, Any]:
    """A task's report for the manifest, its note for the user."""
    told = asdict(report) if is_dataclass(report) and not isinstance(report, type) else dict(report)
    told.pop("seconds", None)
    if note := told.pop("note", ""):
        remark(note)
    return told


def _in_bits(picture: Picture, bits: int) -> Picture:
    sample = np.dtype(np.uint8 if bits == 8 else np.uint16)
    if picture.dtype == sample:
        return picture
    alpha = None if picture.alpha is None else from_float(to_float(picture.alpha), sample)
    return replace(picture, colour=from_float(to_float(picture.colour), sample), alpha=alpha)
