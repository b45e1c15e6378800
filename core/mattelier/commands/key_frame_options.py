"""How key frames are written on the command line: `[NAME:]FRAME=…`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mattelier.commands.options import parse_flag
from mattelier.requests import SUBJECT, Box, KeyRequest, Point
from mattelier.types.errors import MattelierError, UsageError
from mattelier.types.frame_range import FrameRange

if TYPE_CHECKING:
    from mattelier.media.frame_names import FrameNames

# A name begins with a letter, so "-5=mask.png" is a frame; it is longer than a Windows drive's.
_KEY = re.compile(r"(?:([A-Za-z][A-Za-z0-9_-]+):)?(-?\d+)=(.+)", re.DOTALL)
_NAMED = re.compile(r"(?:([A-Za-z][A-Za-z0-9_-]+):)?(.+)", re.DOTALL)

Texts = tuple[str, ...]
Command = TypeVar("Command", bound=Callable[..., Any])


def mask_keys(ctx: click.Context, param: click.Parameter, texts: Texts) -> list[KeyRequest]:
    """`[NAME:]FRAME=MASK` of each text."""
    return [
        KeyRequest(frame, mask=value, object=name)
        for name, frame, value in (_split(text, "[NAME:]FRAME=MASK") for text in texts)
    ]


def sequence_keys(ctx: click.Context, param: click.Parameter, texts: Texts) -> list[KeyRequest]:
    """A key for every file of `[NAME:]PATTERN`, or of the sequence in `[NAME:]FOLDER`."""
    keys = []
    for text in texts:
        match = _NAMED.fullmatch(text)
        assert match is not None
        try:
            found = _mask_names(match[2]).on_disk()
        except MattelierError as error:
            raise click.BadParameter(str(error)) from None
        if not found:
            raise click.BadParameter(f"{match[2]} names no masks that are there.")
        for frame, files in sorted(found.items()):
            keys += [KeyRequest(frame, mask=str(f), object=match[1] or SUBJECT) for f in files]
    return keys


def box_keys(ctx: click.Context, param: click.Parameter, texts: Texts) -> list[KeyRequest]:
    """`[NAME:]FRAME=X,Y,W,H` of each text."""
    keys = []
    for text in texts:
        name, frame, value = _split(text, "[NAME:]FRAME=X,Y,W,H")
        keys.append(KeyRequest(frame, box=parse_flag(Box.parse, value), object=name))
    return keys


def point_keys(ctx: click.Context, param: click.Parameter, texts: Texts) -> list[KeyRequest]:
    """`[NAME:]FRAME=X,Y[,+|-]` of each text."""
    keys = []
    for text in texts:
        name, frame, value = _split(text, "[NAME:]FRAME=X,Y[,+|-]")
        keys.append(KeyRequest(frame, points=(parse_flag(Point.parse, value),), object=name))
    return keys


def exact_ranges(
    ctx: click.Context, param: click.Parameter, texts: Texts
) -> list[tuple[str | None, FrameRange | None]]:
    """Object, None for all, and frames, None for all, of each `[NAME:]RANGE`."""
    ranges = []
    for text in texts:
        match = _NAMED.fullmatch(text)
        assert match is not None
        frames = None if match[2] == "all" else parse_flag(FrameRange.parse, match[2])
        ranges.append((match[1], frames))
    return ranges


KEY_FLAGS = ("masks", "sequences", "boxes", "points", "exact")
"""What `key_options` calls its values."""

_KEY_OPTIONS = (
    click.option(
        "--key",
        "masks",
        multiple=True,
        callback=mask_keys,
        metavar="[NAME:]FRAME=MASK",
        help="An artist's rough mask of a frame; the edge is found anew. Repeatable.",
    ),
    click.option(
        "--keys",
        "sequences",
        multiple=True,
        callback=sequence_keys,
        metavar="[NAME:]PATTERN",
        help="A sequence or folder of masks, numbered as the plate.",
    ),
    click.option(
        "--box",
        "boxes",
        multiple=True,
        callback=box_keys,
        metavar="[NAME:]FRAME=X,Y,W,H",
        help="A rectangle that holds the whole subject on a frame.",
    ),
    click.option(
        "--point",
        "points",
        multiple=True,
        callback=point_keys,
        metavar="[NAME:]FRAME=X,Y[,+|-]",
        help="A click on the subject (+) or on what is not it (-) on a frame.",
    ),
    click.option(
        "--exact",
        multiple=True,
        callback=exact_ranges,
        metavar="[NAME:]RANGE|all",
        help="Frames whose masks are right to the pixel: they are the mattes themselves.",
    ),
)


def key_options(command: Command) -> Command:
    """Add the flags of key frames to a command; `keys_from_flags` takes their values."""
    for option in reversed(_KEY_OPTIONS):
        command = option(command)
    return command


def keys_from_flags(flags: Mapping[str, Any]) -> tuple[KeyRequest, ...]:
    """All keys that the values of `key_options` name.

    Raises
    ------
    UsageError
        A frame that is said to be exact has no mask.
    """
    keys = [key for name in KEY_FLAGS if name != "exact" for key in flags[name]]
    for name, frames in flags["exact"]:
        meant = [key for key in keys if key.mask and name in (None, key.object)]
        without = frames - FrameRange.of(key.frame for key in meant) if frames else None
        if without or not meant:
            of, at = f" of {name}" if name else "", f" at frame {without}" if without else ""
            raise UsageError(f"--exact: there is no key mask{of}{at}; give it by --key or --keys.")
        for key in meant:
            if frames is None or key.frame in frames:
                keys[keys.index(key)] = replace(key, edge="exact")
    return tuple(keys)


def _split(text: str, form: str) -> tuple[str, int, str]:
    match = _KEY.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not {form}.")
    return match[1] or SUBJECT, int(match[2]), match[3]


def _mask_names(text: str) -> FrameNames:
    from mattelier.media.frame_names import FrameNames, sequences_in
    from mattelier.media.stills import INPUT_SUFFIXES

    path = Path(text)
    if path.is_dir():
        found = sequences_in(path, INPUT_SUFFIXES)
        if len(found) != 1:
            how_many = f"{len(found)} sequences of masks" if found else "no numbered masks"
            raise click.BadParameter(f"{path} holds {how_many}; name one, like name.####.png.")
        return found[0]
    names = FrameNames.parse(text)
    if names is None:
        raise click.BadParameter(f"{text} is no pattern like name.####.png, and no folder.")
    return names
