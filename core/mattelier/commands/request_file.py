"""`--request FILE`: a whole shot as JSON, instead of the flags that say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from mattelier.commands.key_frame_options import KEY_FLAGS, keys_from_flags
from mattelier.commands.options import request_from_flags
from mattelier.requests import RotoRequest, from_json
from mattelier.requests.flat import all_flat_fields
from mattelier.types.errors import UsageError
from mattelier.types.plain_files import read_json

Command = TypeVar("Command", bound=Callable[..., Any])


def request_file_option(command: Command) -> Command:
    """Add `--request` to a command with the flags of a `RotoRequest`; see `roto_request`."""
    return click.option(
        "--request",
        is_eager=True,  # it says the plate and the output, which are required
        callback=_read,
        metavar="FILE.json",
        help="The whole shot as a JSON file, instead of all flags but --frames.",
    )(command)


def roto_request(flags: Mapping[str, Any]) -> RotoRequest:
    """The request that the flags of the current command make, or its `--request` with `--frames`.

    Raises
    ------
    UsageError
        Beside `--request` there are flags that it says itself, or the flags do not fit together.
    """
    request: RotoRequest | None = flags["request"]
    if request is None:
        return request_from_flags(RotoRequest, {**flags, "keys": keys_from_flags(flags)})
    context = click.get_current_context()
    own = {leaf.name for leaf in all_flat_fields(RotoRequest)}.union(KEY_FLAGS)
    for param in context.command.params:
        name = str(param.name)
        is_set = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if is_set and name in own and name != "frames":
            flag = param.opts[0] if isinstance(param, click.Option) else name.upper()
            raise UsageError(f"--request says all of the shot but --frames; leave {flag} out.")
    return replace(request, frames=flags["frames"]) if flags["frames"] else request


def _read(ctx: click.Context, param: click.Parameter, file: str | None) -> RotoRequest | None:
    if file is None:
        return None
    try:
        request = from_json(RotoRequest, read_json(Path(file)))
    except OSError as error:
        raise UsageError(f"--request {file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"--request {file} is not JSON: {error}.") from None
    except UsageError as error:
        raise UsageError(f"--request {file}: {error}") from None
    ctx.default_map = {"plate": request.plate, "output": request.output}
    return request
