"""The command of a task: its request's flags in, results of its kind out.

Pictures are done one by one; tasks that run on sequences also take a shot and do its frames.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.commands.options import (
    FileOptions,
    file_options,
    request_from_flags,
    request_options,
)
from mattelier.commands.sending import Consent, send_to_option
from mattelier.media.movie_formats import MOVIE_SUFFIXES
from mattelier.requests import FramesRequest, HintRequest
from mattelier.tasks.registry import TASKS, TaskSpec, field_value
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.batch.pool import Compute, Save
    from mattelier.types.picture import Picture
    from mattelier.types.result import Result

Decorator = Callable[[Any], Any]
Writer = Callable[[Mapping[str, Any], "Result"], "Save"]
PictureRun = Callable[..., int]
"""What does the task on all pictures, as `console.run`; a context's `obj` may be another."""

_FORMATS = {
    "picture": ("png", "webp", "tiff", "exr", "jpg"),
    "cutout": ("png", "webp", "tiff", "exr", "jpg"),
    "matte": ("png", "tiff", "exr"),
    "depth": ("png", "tiff", "exr"),
    "objects": ("png", "tiff", "exr", "psd", "ora"),
}
_MOVIE_FORMATS = ("mov", "mkv", "mp4")
_SHOT_FLAGS = ("frames", "codec", "bits", "colorspace", "fps", "resume")
_REFUSED_FLAGS = ("frames", "mattes", *_SHOT_FLAGS[1:])  # without a shot, in this order

_ABOUT_SHOTS = """

\b
A shot ("name.####.exr" or a movie) is made frame by frame, as `mattelier roto` makes one. It needs
-o name.####.exr, a movie or a folder, and takes --frames, --codec, --bits, --colorspace, --fps and
--no-resume; the same command again makes what is missing or was made with other settings."""


def task_command(
    name: str,
    *,
    about: str = "",
    notes: str = "",
    options: Sequence[Decorator] = (),
    check: Callable[[dict[str, Any]], None] | None = None,
    formats: Sequence[str] = (),
    writer: Writer | None = None,
    cls: type[click.Command] = click.Command,
) -> click.Command:
    """The command of a task of the registry.

    Parameters
    ----------
    about : the help's first lines; the registry's by default
    notes : what its help ends with, examples above all
    options : decorators that add the flags, in the order of the help; the request's by default
    check : takes the flags before a request is made of them, completes them, or raises
        `UsageError` where they do not fit together
    formats : what results may be written as; those of the task's kind by default
    writer : what writes a result, where it is more than one file, or layers
    cls : of the command
    """
    spec = TASKS[name]

    def command(**flags: Any) -> int:
        if check is not None:
            check(flags)
        return run(spec, request_from_flags(spec.request, flags), flags, writer)

    command.__name__ = name
    command.__doc__ = about or spec.help
    if spec.on_frames:
        notes += _ABOUT_SHOTS
    for option in reversed(
        [*_file_options(spec, formats), *(options or [request_options(spec.request)])]
    ):
        command = option(command)
    return click.command(name, cls, epilog=notes.lstrip("\n") or None)(command)


def _file_options(spec: TaskSpec, formats: Sequence[str]) -> list[Decorator]:
    formats = formats or _FORMATS[spec.result]
    if spec.networks == "matte":
        return [file_options(*formats), send_to_option]
    if not spec.on_frames:
        return [file_options(*formats)]
    return [
        file_options(*formats, *([] if spec.result == "depth" else _MOVIE_FORMATS)),
        request_options(FramesRequest, only=_SHOT_FLAGS),
    ]


def is_shot(text: str) -> bool:
    """Whether an input is a pattern of numbered files, or a movie."""
    path = Path(text)
    if os.path.lexists(path):
        return path.suffix.lower() in MOVIE_SUFFIXES and path.is_file()
    from mattelier.media.frame_names import FrameNames

    return FrameNames.parse(text) is not None


def run(
    spec: TaskSpec, request: Any, flags: Mapping[str, Any], writer: Writer | None = None
) -> int:
    """Do a task on all inputs, tell people and programs what happened, return the exit code.

    Parameters
    ----------
    flags : mapping
        The values of the command's flags.

    Raises
    ------
    MattelierError
        Nothing was done: inputs, outputs and options do not fit together.
    """
    files = FileOptions.of(flags)
    if spec.on_frames:
        if shots := [text for text in files.inputs if is_shot(text)]:
            if files.inputs[1:]:
                raise UsageError(
                    f"{shots[0]} is a shot; give it alone, and pictures by themselves."
                )
            return _run_shot(spec, request, files, flags)
        _refuse_shot_flags(files, flags)
    from mattelier.commands import console

    mask = next((one for one in spec.inputs if one.field == "mask"), None)
    hint = HintRequest()
    if spec.hint is not None:
        hint = field_value(request, spec.hint)
    elif mask is not None:  # each picture has its own
        hint = HintRequest(mask=field_value(request, mask.field))
        request = dataclasses.replace(request, mask=None)
    named = (field_value(request, one.field) for one in spec.inputs if not spec.is_hint(one))
    consent = None
    if spec.networks == "matte":
        model = str(flags["model"])
        consent = Consent(model, flags["send_to"])
    do_pictures: PictureRun = click.get_current_context().obj or console.run
    return do_pictures(
        spec,
        files,
        hint,
        lambda: _open_compute(
            spec,
            request,
            flags,
            writer,
            mask_alone=mask is not None,
            send_to=consent.host if consent else None,
        ),
        opaque=getattr(request, "background", None) is not None,
        mask_flag="--hint" if mask is None else "--mask",
        beside=[file for file in named if file],
        confidence=bool(flags.get("confidence")),
        layered=writer is not None or spec.result == "objects",
        consent=consent,
    )


def _open_compute(
    spec: TaskSpec,
    request: Any,
    flags: Mapping[str, Any],
    writer: Writer | None,
    *,
    mask_alone: bool,
    send_to: str | None,
) -> Compute:
    from mattelier.commands.task_run import open_task, record
    from mattelier.media.stills import without_metadata

    apply = open_task(request, send_to)

    def compute(picture: Picture, hint: Any) -> tuple[Save, Mapping[str, Any]]:
        if flags["strip_metadata"]:
            picture = without_metadata(picture)
        inputs = {"hint": hint} if spec.hint else {"mask": hint.mask} if mask_alone else {}
        result = apply(picture, **inputs)
        if writer is not None:
            return writer(flags, result), record(result.report)
        return _writer(spec, request, flags, picture, result), record(result.report)

    return compute


def _writer(
    spec: TaskSpec, request: Any, flags: Mapping[str, Any], source: Picture, result: Result
) -> Save:
    """What writes a result to a path, and its confidence map beside it where that is asked for."""
    from mattelier.media import stills

    if spec.result == "depth":
        from mattelier.media.depth_maps import write_depth

        depth = result.depth
        assert depth is not None
        return lambda path: write_depth(path, depth, preview=bool(flags.get("preview")))
    if spec.result == "objects":
        from mattelier.media.object_files import write_objects

        objects = result.objects
        assert objects is not None
        overwrite = bool(flags["overwrite"])
        return lambda path: write_objects(path, objects, source, overwrite=overwrite)
    if spec.result == "matte":
        alpha = result.alpha
        assert alpha is not None
        bits = int(flags["bits"]) if flags.get("bits") else None

        def save_matte(path: Path) -> None:
            stills.write_matte(path, alpha, bits=bits, like=source)

        if not flags.get("confidence"):
            return save_matte
        return _save_with_confidence(save_matte, result, source, bits or 16)
    picture = result.picture
    assert picture is not None

    def save(path: Path) -> None:
        stills.write_cutout(path, picture)

    if not flags.get("confidence"):
        return save
    return _save_with_confidence(
        save, result, picture, padding=request.padding if request.crop else None
    )


def _save_with_confidence(
    save: Save, result: Result, like: Picture, bits: int | None = None, padding: int | None = None
) -> Save:
    from mattelier.batch.confidence_files import with_confidence
    from mattelier.matting.compose import subject_box

    confidence = result.confidence
    assert confidence is not None
    if padding is not None:
        assert result.alpha is not None
        if (box := subject_box(result.alpha, padding)) is not None:
            confidence = confidence[box.slices]
    return with_confidence(save, confidence, like, *([] if bits is None else [bits]))


def _refuse_shot_flags(files: FileOptions, flags: Mapping[str, Any]) -> None:
    for name in _REFUSED_FLAGS:
        if name in flags and flags[name] != _default(name):
            flag = "--no-resume" if name == "resume" else f"--{name}"
            raise UsageError(f"{flag} belongs to a shot: name.####.exr, or a movie.")
    if files.format in _MOVIE_FORMATS:
        raise UsageError(f"--format {files.format} belongs to a shot: name.####.exr, or a movie.")


def _run_shot(spec: TaskSpec, request: Any, files: FileOptions, flags: Mapping[str, Any]) -> int:
    if files.output in (None, "-"):
        raise UsageError("A shot needs -o: name.####.exr, a movie's name, or a folder.")
    for flag in ("credentials", "strip_metadata"):
        if flags[flag]:
            raise UsageError(f"--{flag.replace('_', '-')} is for pictures, not for shots.")
    if files.skip_existing:
        raise UsageError("--skip-existing is for pictures; a shot is resumed by itself.")
    if files.jobs is not None:
        raise UsageError("--jobs is for pictures; a shot's frames are read and written meanwhile.")
    shot = {**flags, "plate": files.inputs[0], "task": spec.name, "options": request}
    frames = request_from_flags(FramesRequest, shot)
    from mattelier.commands import shot_console
    from mattelier.shot import filter_shot

    return shot_console.run(lambda done: filter_shot.run(frames, done=done), as_json=files.json)


def _default(name: str) -> Any:
    fields: Mapping[str, Any] = FramesRequest.__dataclass_fields__
    return None if name == "bits" else fields[name].default
