"""The command line's flags for a request, and how their text becomes its values."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeVar, get_args

import click

from mattelier.requests import Box, Device, HintRequest, MatteRequest, Point, Quality
from mattelier.types.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def _numbers(text: str, count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def parse_box(ctx: click.Context, param: click.Parameter, text: str | None) -> Box | None:
    if text is None:
        return None
    numbers = _numbers(text, 4)
    if numbers is None:
        raise click.BadParameter(f"{text!r} is not x,y,w,h: four numbers with commas.")
    try:
        return Box(*numbers)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


def parse_points(
    ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]
) -> tuple[Point, ...]:
    points = []
    for text in texts:
        position, sign = (text[:-2], text[-1]) if text[-2:] in (",+", ",-") else (text, "+")
        numbers = _numbers(position, 2)
        if numbers is None:
            raise click.BadParameter(f"{text!r} is not x,y or x,y,+ or x,y,-.")
        points.append(Point(numbers[0], numbers[1], sign == "+"))
    return tuple(points)


def parse_tile(ctx: click.Context, param: click.Parameter, text: str) -> int:
    if text == "auto":
        return 0
    if not text.isdecimal() or int(text) < 32:
        raise click.BadParameter(f"{text!r} is neither auto nor a number of pixels from 32 on.")
    return int(text)


_EDGE = [
    click.option(
        "--edge-shift",
        type=float,
        default=0,
        metavar="PIXELS",
        help="Move the finished edge, outwards where positive.",
    ),
    click.option(
        "--feather",
        type=click.FloatRange(min=0),
        default=0,
        metavar="PIXELS",
        help="Soften the finished edge.",
    ),
]
_QUALITY = click.option(
    "--quality", type=click.Choice(get_args(Quality)), default="balanced", show_default=True
)
_HINT_AND_MODEL = [
    click.option("--hint", metavar="FILE|FOLDER", help="Rough grey mask: white is the subject."),
    click.option(
        "--trimap", metavar="FILE|FOLDER", help="Grey map: 0 not, 128 unknown, 255 subject."
    ),
    click.option(
        "--box",
        metavar="X,Y,W,H",
        callback=parse_box,
        help="Rectangle that holds the whole subject.",
    ),
    click.option(
        "--point",
        "points",
        metavar="X,Y[,+|-]",
        multiple=True,
        callback=parse_points,
        help="A click on the subject (+) or on what is not it (-). Repeatable.",
    ),
    click.option("--model", default="default", show_default=True, metavar="NAME"),
    click.option(
        "--device", type=click.Choice(get_args(Device)), default="auto", show_default=True
    ),
    _QUALITY,
    click.option(
        "--refine/--no-refine",
        default=True,
        help="Follow the edge at full resolution (on), or stretch the network's matte.",
    ),
    *_EDGE,
]
_BAND = [
    click.option("--mask", required=True, metavar="FILE|FOLDER", help="What to refine: white in."),
    click.option(
        "--width",
        type=click.FloatRange(min=1),
        default=12,
        show_default=True,
        metavar="PIXELS",
        help="How far to each side of the mask's edge hair and fur may reach.",
    ),
    _QUALITY,
    *_EDGE,
]


def matte_options(command: Command) -> Command:
    """Add the flags of a `MatteRequest` to a command; `matte_request` takes their values."""
    return _with(_HINT_AND_MODEL, command)


def confidence_option(command: Command) -> Command:
    """Add `--confidence` to a command whose results have a confidence map."""
    return click.option(
        "--confidence",
        is_flag=True,
        help="Also write how sure each pixel is: NAME-confidence beside the result.",
    )(command)


def refine_options(command: Command) -> Command:
    """Add the flags of a `RefineRequest` to a command, by the names of its fields."""
    return _with(_BAND, command)


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def matte_request(flags: Mapping[str, Any]) -> MatteRequest:
    """Build the request from the values of `matte_options`."""
    return MatteRequest(
        hint=HintRequest(flags["hint"], flags["trimap"], flags["box"], flags["points"]),
        model=flags["model"],
        device=flags["device"],
        quality=flags["quality"],
        refine=flags["refine"],
        edge_shift=flags["edge_shift"],
        feather=flags["feather"],
    )


@dataclass(frozen=True)
class FileOptions:
    """What is read and written, and how."""

    inputs: tuple[str, ...]
    output: str | None
    format: str | None
    overwrite: bool
    jobs: int | None
    json: bool

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> FileOptions:
        """Take the values of `file_options` out of a command's flags."""
        return cls(**{field.name: flags[field.name] for field in dataclasses.fields(cls)})


def file_options(*formats: str) -> Callable[[Command], Command]:
    """Add the flags of `FileOptions` to a command that writes these formats."""
    options = [
        click.argument("inputs", nargs=-1, required=True, metavar="IN..."),
        click.option("-o", "--output", metavar="FILE|FOLDER|-", help="Default: beside each input."),
        click.option(
            "--format",
            type=click.Choice(formats),
            help="Of results you do not name. Default: PNG; EXR and TIFF stay what they are.",
        ),
        click.option("--overwrite", is_flag=True, help="Replace results that exist."),
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            metavar="N",
            help="Pictures in work at once. Default: by cores.",
        ),
        click.option("--json", is_flag=True, help="One JSON object per result on stdout."),
    ]

    return lambda command: _with(options, command)


def check_hint_files(hint: HintRequest, *, pictures: int, mask_flag: str = "--hint") -> None:
    """Refuse a hint file that is missing, or that is one file for several pictures.

    Raises
    ------
    UsageError
    """
    for flag, given in ((mask_flag, hint.mask), ("--trimap", hint.trimap)):
        if given is not None and not os.path.isdir(given):
            if not os.path.lexists(given):
                raise UsageError(f"{flag} {given}: no such file.")
            if pictures > 1:
                raise UsageError(
                    f"{flag} {given} is one file for {pictures} pictures; "
                    "give a folder that holds a hint of the same name for each."
                )


def hint_of(
    relative: PurePath,
    hint: HintRequest,
    suffixes: Collection[str],
    mask_flag: str = "--hint",
) -> HintRequest:
    """Choose the hint files of one picture, at `relative` below the inputs.

    A hint that is a folder gives each picture the file of the same name at the same place in
    it, whatever its suffix. Boxes and points go to every picture, as for a fixed camera.

    Raises
    ------
    UsageError
        The folder has no hint for this picture, or several.
    """

    def choose(flag: str, given: str | None) -> str | None:
        if given is None or not os.path.isdir(given):
            return given
        place = Path(given, relative.parent)
        fitting = [
            entry.name
            for entry in (place.iterdir() if place.is_dir() else ())
            if entry.stem == relative.stem and entry.suffix.lower() in suffixes
        ]
        if relative.name in fitting:
            fitting = [relative.name]
        if len(fitting) != 1:
            found = "several files" if fitting else "no file"
            raise UsageError(f"{flag} {given} has {found} for {relative}; it needs one.")
        return str(place / fitting[0])

    return dataclasses.replace(
        hint, mask=choose(mask_flag, hint.mask), trimap=choose("--trimap", hint.trimap)
    )
