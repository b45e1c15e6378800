# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a bake: <cache>/<result's uid>/<digest>/<pass>/<plate>_<pass>.####.exr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..ground.json_files import write_json
from .plate import Plate
from .sequence import Sequence

GUIDANCE_PREFIX = "guide-"
"""What the folder of a bake's guidance is called, before the guidance's digest."""
NO_FILE = "none.0001.exr"
"""What a node shows that was never baked."""
_CHECKED_FILE = "checked.json"
_DIGITS = 4


def pass_files(folder: Path, plate: Plate, pass_name: str) -> Sequence:
    """The files of one pass."""
    return Sequence(folder / pass_name, f"{plate.name}_{pass_name}.", _DIGITS, ".exr")


def baked_frames(folder: Path, plate: Plate, passes: Iterable[str]) -> dict[int, float]:
    """The frames that a folder holds all passes of, each with the time since when it is true.

    That is the time of its first pass, or that of what it was checked against since.
    """
    first, *others = (pass_files(folder, plate, name).scan() for name in passes)
    checked = _read_checked(folder)
    return {
        number: max(time, checked.get(number, 0.0))
        for number, time in first.items()
        if all(number in other for other in others)
    }


def mark_checked(folder: Path, since: Mapping[int, float]) -> None:
    """Note that the engine found these frames to be right as they are.

    Their files keep their time, by which others tell that they were not changed.

    Parameters
    ----------
    since : mapping
        When what they are made from was last changed.
    """
    times = {**_read_checked(folder), **since}
    write_json(folder / _CHECKED_FILE, {str(number): time for number, time in times.items()})


def _read_checked(folder: Path) -> dict[int, float]:
    try:
        times = json.loads((folder / _CHECKED_FILE).read_text("utf-8"))
        return {int(number): float(time) for number, time in times.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
