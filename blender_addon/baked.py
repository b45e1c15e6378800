# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a bake: <cache>/<result's uid>/<digest>/<part>/<plate>_<part>.####.exr."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import TYPE_CHECKING

from .plate import Plate, Sequence

if TYPE_CHECKING:
    from .settings import Result

GUIDE = "guide-"
"""What the folder of a bake's guidance is called, before the guidance's digest."""
_CHECKED = "checked.json"
NO_FILE = "none.0001.exr"


def files(place: Path, plate: Plate, part: str) -> Sequence:
    """The files of one part."""
    return Sequence(place / part, f"{plate.name}_{part}.", 4, ".exr")


def written(place: Path, plate: Plate, parts: Several[str]) -> dict[int, float]:
    """The frames that a folder holds all parts of, each with the time since when it is true.

    That is the time of its first part, or that of what it was checked against since.
    """
    made = files(place, plate, parts[0]).there()
    for part in parts[1:]:
        there = files(place, plate, part).there()
        made = {number: time for number, time in made.items() if number in there}
    found = _checked(place)
    return {number: max(time, found.get(number, 0.0)) for number, time in made.items()}


def set_checked(place: Path, since: Mapping[int, float]) -> None:
    """Note that the engine found these frames to be right as they are.

    Their files keep their time, by which others tell that they were not changed.

    Parameters
    ----------
    since : mapping
        When what they are made from was last changed.
    """
    told = {str(number): time for number, time in {**_checked(place), **since}.items()}
    write_json(place / _CHECKED, told)


def _checked(place: Path) -> dict[int, float]:
    try:
        told = json.loads((place / _CHECKED).read_text("utf-8"))
        return {int(number): float(time) for number, time in told.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write_json(file: Path, told: object) -> None:
    """Write a value so that the file is never seen half."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(json.dumps(told), "utf-8")
    os.replace(part, file)


def node_name(item: Result, part: str) -> str:
    """Of the node inside the group that shows a part."""
    return f"{part.capitalize()} {item.uid}"


def digest(told: object) -> str:
    """Sixteen hexadecimal digits of a JSON value."""
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
