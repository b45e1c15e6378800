"""Which files a shot's results go to, decided before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mattelier.media.frame_names import FrameNames
from mattelier.media.movie_formats import CODECS, MOVIE_SUFFIXES, Codec
from mattelier.media.plate import Plate
from mattelier.requests import ShotRequest
from mattelier.types.errors import PictureError, UsageError

WORK_FOLDER = ".mattelier"
"""Folder beside the results that holds what a later run uses again; it may be deleted."""

_MAX_NAME_BYTES = 255  # of a file on every common file system
_PICTURE_SUFFIXES = (".exr", ".png", ".tif", ".tiff", ".jpg", ".jpeg")
_OUTPUT_SUFFIXES: dict[str, tuple[str, ...]] = {
    "matte": (".exr", ".png", ".tif", ".tiff"),
    "foreground": (".exr", ".png", ".tif", ".tiff"),
    "premult": (".exr", ".tif", ".tiff"),
    "preview": (".jpg", ".jpeg", ".png"),
    "depth": (".exr", ".png", ".tif", ".tiff"),
}
_NEED_ALPHA: tuple[str, ...] = ("foreground", "premult")  # what is nothing without its alpha
_FORMAT_SUFFIXES = {"exr": ".exr", "png": ".png", "tiff": ".tif", "mov": ".mov", "mkv": ".mkv",
             "mp4": ".mp4"}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One sequence or movie to write.

    Attributes
    ----------
    output : str
        What of each frame: "matte", "upscale" …
    objects : tuple of str
        Whose; more than one only for mattes that are layers of one EXR, none for whole pictures.
    names : FrameNames
        The files of the frames; of a movie, those in the work folder that it is made of.
    movie : Path or None
    codec : of the movie
    """

    output: str
    objects: tuple[str, ...]
    names: FrameNames
    movie: Path | None = None
    codec: Codec | None = None

    @property
    def described(self) -> str:
        """What people look for on disk."""
        return str(self.movie or self.names)


@dataclass(frozen=True)
class Layout:
    """Where everything of a shot goes; `work` is its folder below `.mattelier`."""

    targets: tuple[Target, ...]
    work: Path

    def folders(self) -> set[Path]:
        """Every folder that has to be there."""
        return {self.work} | {
            folder
            for target in self.targets
            for folder in (target.names.folder, target.movie.parent if target.movie else self.work)
        }


def plan_outputs(request: ShotRequest, plate: Plate) -> Layout:
    """Name the results of a shot.

    A pattern (`mattes/hero.####.exr`) or a movie's name takes a single output; several objects'
    mattes become layers of one EXR there. Anything else is a folder, and in it
    `<output>/<shot>_<output>.####.<suffix>`, with a folder between for each of several objects.

    Raises
    ------
    UsageError
        The output's name does not hold what is asked for, or the plate would be overwritten.
    """
    path = Path(request.output)
    names = FrameNames.parse(request.output)
    if names is not None:
        layout = _one_sequence(request, names, path)
    elif path.suffix.lower() in MOVIE_SUFFIXES and not os.path.isdir(path):
        layout = _one_movie(request, path)
    elif path.suffix.lower() in {
        suffix for allowed in (*_OUTPUT_SUFFIXES.values(), _PICTURE_SUFFIXES) for suffix in allowed
    }:
        raise UsageError(
            f"-o {request.output} is one file for a whole shot; write {path.stem}.####{path.suffix}"
            " or name a folder."
        )
    else:
        layout = _folder(request, plate, path)
    _refuse_plate_overwrite(layout, plate)
    _refuse_long_names(layout, plate)
    return layout


def _one_sequence(request: ShotRequest, names: FrameNames, path: Path) -> Layout:
    output = _only_output(request, path)
    suffix = names.extension
    _check_suffix(output, suffix, request.output)
    _check_format(request, suffix)
    objects = request.written_objects
    if len(objects) > 1 and (output, suffix) != ("matte", ".exr"):
        raise UsageError(
            f"-o {request.output} is one sequence for {len(objects)} objects; name a folder, or "
            "an EXR sequence, which holds their mattes as layers."
        )
    return Layout((Target(output, objects, names),), names.folder / WORK_FOLDER / names.stem)


def _one_movie(request: ShotRequest, path: Path) -> Layout:
    output = _only_output(request, path)
    objects = request.written_objects
    if len(objects) > 1:
        raise UsageError(
            f"-o {path} is one movie for {len(objects)} objects; name a folder and --format."
        )
    work = path.parent / WORK_FOLDER / path.name
    _check_format(request, path.suffix.lower())
    return Layout((_movie(request, output, objects, path, work),), work)


def _folder(request: ShotRequest, plate: Plate, folder: Path) -> Layout:
    objects = request.written_objects
    work = folder / WORK_FOLDER / (plate.name if objects else f"{plate.name}_{request.outputs[0]}")
    targets = []
    for output in request.outputs:
        each: list[tuple[str, ...]] = [(name,) for name in objects]
        for names in each or [()]:
            place = folder / output
            stem = f"{plate.name}_{output}"
            if len(objects) > 1:
                place, stem = place / names[0], f"{stem}_{names[0]}"
            suffix = _suffix(request, output, plate)
            if suffix in MOVIE_SUFFIXES:
                targets.append(_movie(request, output, names, place / f"{stem}{suffix}", work))
                continue
            _check_suffix(output, suffix, f"--format {request.format}")
            targets.append(Target(output, names, FrameNames(place, f"{stem}.", 4, suffix)))
    return Layout(tuple(targets), work)


def _suffix(request: ShotRequest, output: str, plate: Plate) -> str:
    if output == "preview":
        return ".mp4" if request.format in ("mov", "mkv", "mp4") else ".jpg"
    if request.format != "auto":
        return _FORMAT_SUFFIXES[request.format]
    plate_suffix = plate.source(next(_single_frames(plate))).suffix.lower()
    if plate_suffix in (".exr", ".tif", ".tiff"):
        return plate_suffix
    return ".tif" if output == "premult" else ".png"


def _movie(
    request: ShotRequest, output: str, objects: tuple[str, ...], path: Path, work: Path
) -> Target:
    suffix = path.suffix.lower()
    if output == "depth":  # data: a codec would make colours of it
        _check_suffix(output, suffix, f"-o {path}")
    if suffix not in CODECS:
        raise UsageError(f"{path}: a movie is written as {', '.join(CODECS)}, not {suffix}.")
    codec: Codec = CODECS[suffix][0]
    if request.codec != "auto" and output != "preview":
        codec = request.codec
    if codec not in CODECS[suffix]:
        allowed = ", ".join(CODECS[suffix])
        raise UsageError(f"A movie {suffix} is written with --codec {allowed}, not {codec}.")
    if codec == "h264" and output in _NEED_ALPHA:
        raise UsageError(f"{path}: H.264 has no transparency for {output}; write a .mov.")
    names = FrameNames(Path(work, "frames", output, *objects[:1]), "", 4, ".png")
    return Target(output, objects, names, path, codec)


def _only_output(request: ShotRequest, path: Path) -> str:
    if len(request.outputs) > 1:
        raise UsageError(
            f"-o {path} names one result for {len(request.outputs)} outputs "
            f"({', '.join(request.outputs)}); name a folder instead."
        )
    return request.outputs[0]


def _check_suffix(output: str, suffix: str, option: str) -> None:
    allowed = _OUTPUT_SUFFIXES.get(output, _PICTURE_SUFFIXES)
    if suffix not in allowed:
        why = " (PNG's colour is straight by its standard)" if output == "premult" else ""
        raise UsageError(
            f"{option}: {output} is written as {', '.join(allowed)}, not {suffix}{why}."
        )


def _check_format(request: ShotRequest, suffix: str) -> None:
    expected = _FORMAT_SUFFIXES.get(request.format, suffix)
    if expected != suffix.replace(".tiff", ".tif"):
        raise UsageError(f"-o {request.output} and --format {request.format} do not agree.")


def _refuse_long_names(layout: Layout, plate: Plate) -> None:
    """Say before hours of tracking that the disk would not take a name after them."""
    last = max(plate.frames, key=lambda frame: len(str(frame)))
    for target in layout.targets:
        for file in [target.names.path(last), *([target.movie] if target.movie else [])]:
            if len(os.fsencode(file.name)) > _MAX_NAME_BYTES:
                raise UsageError(
                    f"-o asks for files with names of more than {_MAX_NAME_BYTES} bytes, "
                    f"{file.name[:40]}…; choose a shorter one."
                )


def _refuse_plate_overwrite(layout: Layout, plate: Plate) -> None:
    read = {os.path.realpath(plate.source(frame)) for frame in _single_frames(plate)}
    for target in layout.targets:
        written: Iterable[Path] = (
            [target.movie] if target.movie else map(target.names.path, plate.frames)
        )
        for file in written:
            if os.path.realpath(file) in read:
                raise UsageError(f"{file} belongs to the plate; choose another -o.")


def _single_frames(plate: Plate) -> Iterator[int]:
    for frame in plate.frames:
        try:
            plate.source(frame)
        except PictureError:  # there twice
            continue
        yield frame
