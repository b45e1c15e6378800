# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a bake: <cache>/<result's uid>/<digest>/<pass>/<plate>_<pass>.####.exr."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from .json_files import read_json, write_json
from .plate import Plate
from .sequence import Sequence

GUIDANCE_PREFIX = "guide-"
"""What the folder of a bake's guidance is called, before the guidance's digest."""
NO_FILE = "none.0001.exr"
"""What a node shows that was never baked."""
_MADE_FROM_FILE = "made_from.json"
_DIGITS = 4
_noting = threading.Lock()  # the window notes frames while the engine's thread does


def pass_files(folder: Path, plate: Plate, pass_name: str) -> Sequence:
    """The files of one pass."""
    return Sequence(folder / pass_name, f"{plate.name}_{pass_name}.", _DIGITS, ".exr")


def baked_frames(folder: Path, plate: Plate, passes: Iterable[str]) -> dict[int, object]:
    """The frames that a folder holds all passes of, each with what changes when it is written."""
    first, *others = (pass_files(folder, plate, name).scan() for name in passes)
    return {
        number: (_written(status), *(_written(other[number]) for other in others))
        for number, status in first.items()
        if all(number in other for other in others)
    }


def _written(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


class MadeFrom(NamedTuple):
    """What the frames of a folder were made from.

    Attributes
    ----------
    settings, guidance : str
        Digests of those of the last bake; "" before the first.
    sources : dict
        Digest of all that a frame was made from, by its number.
    """

    settings: str
    guidance: str
    sources: dict[int, str]


def read_made_from(folder: Path) -> MadeFrom:
    """What the frames of a folder were made from, as far as that is known."""
    try:
        noted = read_json(folder / _MADE_FROM_FILE)
        sources = {int(number): str(source) for number, source in noted["frames"].items()}
        return MadeFrom(str(noted["settings"]), str(noted["guidance"]), sources)
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return MadeFrom("", "", {})


def note_made_from(folder: Path, settings: str, guidance: str, sources: Mapping[int, str]) -> None:
    """Note what these frames were made from; what is known of others stays."""
    with _noting:
        noted = {**read_made_from(folder).sources, **sources}
        frames = {str(number): source for number, source in sorted(noted.items())}
        write_json(
            folder / _MADE_FROM_FILE,
            {"settings": settings, "guidance": guidance, "frames": frames},
        )
