"""What the commands of picture-to-picture tasks share: pictures one by one, or a shot's frames."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mattelier.commands.options import (
    FileOptions,
    file_options,
    request_from_flags,
    request_options,
)
from mattelier.media.movie_formats import MOVIE_SUFFIXES
from mattelier.requests import EffectName, EffectRequest, FramesRequest, HintRequest
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.batch.pool import Compute

Command = TypeVar("Command", bound=Callable[..., Any])

_MOVIES = ("mov", "mkv", "mp4")
_ANY_SHOT = ("frames", "codec", "bits", "colorspace", "fps", "resume")
_OF_SHOTS = ("frames", "mattes", *_ANY_SHOT[1:])  # in the order in which they are refused

OF_SHOTS = """\b
A shot ("name.####.exr" or a movie) is made frame by frame, as `mattelier roto` makes one. It needs
-o name.####.exr, a movie or a folder, and takes --frames, --codec, --bits, --colorspace, --fps and
--no-resume; the same command again makes what is missing or was made with other settings."""
"""What the help of every such command ends with."""


def effect_options(command: Command) -> Command:
    """Add the flags that say what is read and written; `run` takes their values."""
    command = request_options(FramesRequest, only=_ANY_SHOT)(command)
    return file_options("png", "webp", "tiff", "exr", "jpg", *_MOVIES)(command)


def is_shot(text: str) -> bool:
    """Whether an input is a pattern of numbered files, or a movie."""
    path = Path(text)
    if os.path.lexists(path):
        return path.suffix.lower() in MOVIE_SUFFIXES and path.is_file()
    from mattelier.media.frame_names import FrameNames

    return FrameNames.parse(text) is not None


def run(
    request: EffectRequest,
    task: EffectName,
    flags: Mapping[str, Any],
    *,
    hint: HintRequest | None = None,
    beside: Collection[str] = (),
) -> int:
    """Do the task on all inputs, tell people and programs what happened, return the exit code.

    Parameters
    ----------
    flags : mapping
        The values of `effect_options`, and of `mattes` where the command has it.
    hint : HintRequest, optional
        Where each picture's subject is.
    beside : collection of str
        Files that are read beside the pictures and never written over.

    Raises
    ------
    MattelierError
        Nothing was done: inputs, outputs and options do not fit together.
    """
    files = FileOptions.of(flags)
    shots = [text for text in files.inputs if is_shot(text)]
    if shots:
        if files.inputs[1:]:
            raise UsageError(f"{shots[0]} is a shot; give it alone, and pictures by themselves.")
        return _run_shot(request, task, files, flags)
    for name in _OF_SHOTS:
        if name in flags and flags[name] != _default(name):
            flag = "--no-resume" if name == "resume" else f"--{name}"
            raise UsageError(f"{flag} belongs to a shot: name.####.exr, or a movie.")
    if files.format in _MOVIES:
        raise UsageError(f"--format {files.format} belongs to a shot: name.####.exr, or a movie.")

    from mattelier.commands import console

    def open_compute() -> Compute:
        from mattelier.commands.task_run import open_task, record
        from mattelier.media import stills
        from mattelier.tasks.registry import TASKS

        apply, takes_hint = open_task(request), TASKS[task].hint is not None

        def compute(picture: Any, hint: Any) -> Any:
            result: Any = apply(picture, hint=hint) if takes_hint else apply(picture)
            report = record(result.report)
            return lambda path: stills.write_cutout(path, result.picture), report

        return compute

    return console.run(task, files, hint or HintRequest(), open_compute, beside=beside)


def _run_shot(
    request: EffectRequest, task: EffectName, files: FileOptions, flags: Mapping[str, Any]
) -> int:
    if files.output in (None, "-"):
        raise UsageError("A shot needs -o: name.####.exr, a movie's name, or a folder.")
    if files.jobs is not None:
        raise UsageError("--jobs is for pictures; a shot's frames are read and written meanwhile.")
    shot = {**flags, "plate": files.inputs[0], "task": task, "options": request}
    asked = request_from_flags(FramesRequest, shot)
    from mattelier.commands import shot_console
    from mattelier.shot import filter_shot

    return shot_console.run(lambda done: filter_shot.run(asked, done=done), files.json)


def _default(name: str) -> Any:
    fields: Mapping[str, Any] = FramesRequest.__dataclass_fields__
    return None if name == "bits" else fields[name].default
