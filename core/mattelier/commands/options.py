"""The command line's flags for a request, and how their text becomes its values."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mattelier.requests import HintRequest
from mattelier.requests.fields import Field, Flag, Request, without_none
from mattelier.requests.flat import AnyRequest, FlatField, flat_fields, from_flat
from mattelier.types.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def request_options(
    request_type: type[Request], *, only: Collection[str] = (), omit: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Add the flags of a request, and of the requests inside it, to a command.

    Parameters
    ----------
    request_type : type
        A class of `mattelier.requests`; its fields say what their flags are.
    only, omit : collection of str
        Paths such as "depth.matte": just the flags below them, or all but those. A command
        may so set flags of its own between them.
    """
    options: dict[str, Callable[[Command], Command]] = {}
    for leaf in flat_fields(request_type, only=only, omit=omit):
        if leaf.field.flag is not None:  # fields of one name share the flag of the first
            options.setdefault(leaf.name, _option(leaf, leaf.field, leaf.field.flag))
    return lambda command: _with(list(options.values()), command)


def request_from_flags(request_type: type[AnyRequest], flags: Mapping[str, Any]) -> AnyRequest:
    """Build the request from the values of `request_options`; other flags are passed over.

    Raises
    ------
    UsageError
        A value is out of range, or values do not fit together.
    """
    return from_flat(request_type, flags)


def parse_flag(parse: Callable[[str], Any], text: str) -> Any:
    """What a flag's text stands for; a text that cannot be is click's `BadParameter`."""
    try:
        return parse(text)
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


def _option(leaf: FlatField, field: Field, flag: Flag) -> Callable[[Command], Command]:
    names = flag.names or (f"--{leaf.name.replace('_', '-')}",)
    if not names[0].startswith("-"):
        return click.argument(*names)
    value_type = without_none(leaf.type)
    default = leaf.default if flag.default is ... else flag.default
    if flag.required or flag.multiple:
        default = None
    settings: dict[str, Any] = {
        "help": (field.help if flag.help is None else flag.help) or None,
        "show_default": flag.show_default,
        "required": flag.required,
        "metavar": flag.metavar or None,
    }
    if default is not None:
        settings["default"] = default
    if value_type is bool:
        on_off = f"{names[0]}/--no-{names[0].removeprefix('--')}"
        kind = Switch if leaf.default is False else click.Option
        settings["default"] = default  # None is neither on nor off
        return click.option(on_off, leaf.name, is_flag=True, cls=kind, **settings)
    if flag.parse is not None:
        settings["callback"] = _callback(flag.parse, flag.multiple)
    if leaf.choices and not flag.metavar:
        texts = [str(choice) for choice in leaf.choices if choice != 0]
        settings["type"] = click.Choice(texts)
    elif flag.parse is None and value_type in (int, float):
        settings["type"] = _number_type(value_type, field, flag)
    return click.option(*names, leaf.name, multiple=flag.multiple, **settings)


class Switch(click.Option):
    """A flag that is off; `--no-…`, for those who have it on in their config file, is not shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        off, self.secondary_opts = self.secondary_opts, []
        try:
            return super().get_help_record(ctx)
        finally:
            self.secondary_opts = off


def switch(name: str, text: str) -> Callable[[Command], Command]:
    """Add a flag that is off where nothing is said."""
    return click.option(f"--{name}/--no-{name}", is_flag=True, default=False, cls=Switch, help=text)


def complete_file(ctx: click.Context, param: click.Parameter, text: str) -> list[CompletionItem]:
    """Has the shell complete the names of files."""
    return [CompletionItem(text, type="file")]


def _number_type(value_type: type, field: Field, flag: Flag) -> click.types.ParamType[Any]:
    low, high = field.minimum, field.maximum
    if flag.bounds == "none" or (low is None and high is None):
        return click.INT if value_type is int else click.FLOAT
    bounds = {
        "min": low,
        "max": None if flag.bounds == "minimum" else high,
        "min_open": flag.bounds == "above minimum",
    }
    return click.IntRange(**bounds) if value_type is int else click.FloatRange(**bounds)  # type: ignore[arg-type]


def _callback(parse: Callable[[str], Any], multiple: bool) -> Callable[..., Any]:
    def convert(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if multiple:
            return tuple(parse_flag(parse, text) for text in value)
        return None if value is None else parse_flag(parse, value)

    return convert


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def confidence_option(command: Command) -> Command:
    """Add `--confidence` to a command whose results have a confidence map."""
    return switch(
        "confidence", "Also write how sure each pixel is: NAME-confidence beside the result."
    )(command)


@dataclass(frozen=True)
class FileOptions:
    """What is read and written, and how."""

    inputs: tuple[str, ...]
    output: str | None
    format: str | None
    overwrite: bool
    skip_existing: bool
    jobs: int | None
    json: bool
    credentials: str | None

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> FileOptions:
        """Take the values of `file_options` out of a command's flags."""
        return cls(**{field.name: flags[field.name] for field in dataclasses.fields(cls)})


def file_options(*formats: str) -> Callable[[Command], Command]:
    """Add the flags of `FileOptions` to a command that writes these formats."""
    options = [
        click.argument(
            "inputs", nargs=-1, required=True, metavar="IN...", shell_complete=complete_file
        ),
        click.option(
            "-o",
            "--output",
            metavar="FILE|FOLDER|-",
            help="Default: beside each input.",
            shell_complete=complete_file,
        ),
        click.option(
            "--format",
            type=click.Choice(formats),
            help="Of results you do not name. Default: PNG; EXR and TIFF stay what they are.",
        ),
        switch("overwrite", "Replace results that exist."),
        switch("skip-existing", "Pass over pictures whose results exist."),
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            metavar="N",
            help="Pictures in work at once. Default: by cores.",
        ),
        switch("json", "One JSON object per result on stdout."),
        click.option(
            "--credentials",
            metavar="KEY.pem|test",
            help="Sign what was done into the result, as Content Credentials (C2PA).",
        ),
        switch("strip-metadata", "Leave out what the photo's file says: EXIF, place, camera."),
    ]

    return lambda command: _with(options, command)


def check_hint_files(hint: HintRequest, *, pictures: int, mask_flag: str = "--hint") -> None:
    """Refuse a hint file that is missing, or that is one file for several pictures.

    Raises
    ------
    UsageError
    """
    for flag, path in ((mask_flag, hint.mask), ("--trimap", hint.trimap)):
        if path is not None and not os.path.isdir(path):
            if not os.path.lexists(path):
                raise UsageError(f"{flag} {path}: no such file.")
            if pictures > 1:
                raise UsageError(
                    f"{flag} {path} is one file for {pictures} pictures; "
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

    def choose(flag: str, path: str | None) -> str | None:
        if path is None or not os.path.isdir(path):
            return path
        place = Path(path, relative.parent)
        fitting = [
            entry.name
            for entry in (place.iterdir() if place.is_dir() else ())
            if entry.stem == relative.stem and entry.suffix.lower() in suffixes
        ]
        if relative.name in fitting:
            fitting = [relative.name]
        if len(fitting) != 1:
            found = "several files" if fitting else "no file"
            raise UsageError(f"{flag} {path} has {found} for {relative}; it needs one.")
        return str(place / fitting[0])

    return dataclasses.replace(
        hint, mask=choose(mask_flag, hint.mask), trimap=choose("--trimap", hint.trimap)
    )
