"""The config file's values as the defaults of a command's flags.

Click takes a flag from the command line, else from the environment, else from these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from mattelier.commands.sending import Spoken
from mattelier.config import config_path, read_config
from mattelier.types.errors import UsageError


def config_defaults(ctx: click.Context, name: str, command: click.Command) -> dict[str, Any]:
    """What the config file says of a command's flags, by the names of its parameters.

    Parameters
    ----------
    ctx : of the group
    name, command : the one that is called

    Raises
    ------
    UsageError
        The file cannot be read, or says what is no flag, or no value of one.
    """
    assert isinstance(ctx.command, click.Group)
    commands = ctx.command.list_commands(ctx)
    found: dict[str, Any] = {}
    own: dict[str, Any] = {}
    path = config_path()
    for key, value in read_config().items():
        if isinstance(value, dict):
            if key not in commands:
                raise UsageError(f"{path}: there is no command {key!r}{_near(key, commands)}.")
            if key == name:
                own = flag_defaults(path, name, command, value)
        elif option := _option(command, key):
            _refuse_spoken(path, option)
            found[str(option.name)] = _checked(path, name, command, option, value)
        elif not any(_option(_command(ctx, other), key) for other in commands):
            raise UsageError(f"{path}: no command has a flag --{_flag(key)}.")
    return found | own


def flag_defaults(
    path: Path | None, name: str, command: click.Command, table: Mapping[str, Any]
) -> dict[str, Any]:
    """What a file's table says of a command's flags, by the names of its parameters.

    Raises
    ------
    UsageError
        It says what is no flag, or no value of one.
    """
    found: dict[str, Any] = {}
    for key, value in table.items():
        inner = command.commands.get(key) if isinstance(command, click.Group) else None
        if inner is not None and isinstance(value, dict):
            found[key] = flag_defaults(path, f"{name} {key}", inner, value)
            continue
        option = _option(command, key)
        if option is None:
            flags = [flag for one in command.params for flag in _flags(one)]
            raise UsageError(
                f"{path}: {name} has no flag --{_flag(key)}{_near(_flag(key), flags)}."
            )
        _refuse_spoken(path, option)
        found[str(option.name)] = _checked(path, name, command, option, value)
    return found


def _refuse_spoken(path: Path | None, option: click.Option) -> None:
    if isinstance(option, Spoken):
        raise UsageError(f"{path}: {_flags(option)[0]} counts on the command line alone.")


def _checked(
    path: Path | None, name: str, command: click.Command, option: click.Option, value: Any
) -> Any:
    text = [_text(item) for item in value] if isinstance(value, list) else _text(value)
    try:
        option.process_value(click.Context(command, info_name=name), text)
    except (click.UsageError, UsageError) as error:
        reason = error.message if isinstance(error, click.UsageError) else str(error)
        raise UsageError(f"{path}: {_flags(option)[0]}: {reason.rstrip('.')}.") from None
    return text


def _text(value: Any) -> Any:
    """As the command line writes it: flags are read from text, but those that are on or off."""
    return value if isinstance(value, bool) else str(value)


def _option(command: click.Command, key: str) -> click.Option | None:
    options = (one for one in command.params if _flag(key) in _flags(one))
    return next((one for one in options if isinstance(one, click.Option)), None)


def _flags(param: click.Parameter) -> list[str]:
    return [text.removeprefix("--") for text in param.opts if text.startswith("--")]


def _flag(key: str) -> str:
    return key.replace("_", "-")


def _command(ctx: click.Context, name: str) -> click.Command:
    assert isinstance(ctx.command, click.Group)
    command = ctx.command.get_command(ctx, name)
    assert command is not None
    return command


def _near(word: str, words: Collection[str]) -> str:
    near = get_close_matches(word, words, 1)
    return f"; {near[0]} perhaps" if near else ""
