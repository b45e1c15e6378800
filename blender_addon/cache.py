# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in the cache: which frames are fresh, which stale, which missing, and how large it is.

<cache>/<result's uid>/<digest>/ holds the parts as `baked` names their files, and the guidance that
they were made with. The digest is that of the settings, so other settings never overwrite what was
baked; with other key frames the engine makes those frames again that they reach.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import bpy

from . import baked, kinds
from .failure import Failure
from .plate import Plate

if TYPE_CHECKING:
    from .settings import Result, Settings

T = TypeVar("T")
_GUIDED = "guidance.json"  # its time is that of the last change
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class State:
    """How a result stands, by the plate's numbers.

    Attributes
    ----------
    why : str
        What made the stale ones stale.
    """

    fresh: tuple[int, ...] = ()
    stale: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    why: str = ""

    @property
    def wanting(self) -> tuple[int, ...]:
        """Those that a bake would make."""
        return tuple(sorted((*self.stale, *self.missing)))


def base(settings: Settings) -> Path:
    """The cache folder.

    Raises
    ------
    Failure
        It is relative to a .blend file that was never saved.
    """
    if settings.cache.startswith("//") and not bpy.data.filepath:
        raise Failure("Save the .blend file first: what is baked is kept beside it.")
    return Path(bpy.path.abspath(settings.cache, library=settings.id_data.library)).absolute()


def home(item: Result) -> Path:
    """The folder of all that was baked for a result; raises as `base`."""
    return base(item.id_data.mattelier) / item.uid


def folder_for(item: Result, plate: Plate) -> Path:
    """The folder of a result with its present settings: the one shown, where it was baked so.

    Raises
    ------
    Failure
        As `base`, or the settings name something that is not there.
    """
    name, shown = baked.digest(_decided(item, plate)), item.place
    return shown if shown and shown.name == name and shown.is_dir() else home(item) / name


def settings_digest(item: Result, plate: Plate) -> str:
    """Digest of a result's settings, without what is in its mask: cheap, for each redraw.

    Raises
    ------
    Failure
        They name something that is not there.
    """
    kind = kinds.of(item.id_data.mattelier)
    return baked.digest([_decided(item, plate), kind.placed(item, plate)])


def _decided(item: Result, plate: Plate) -> list[object]:
    kind = kinds.of(item.id_data.mattelier)
    return [[Path(plate.pattern).name, plate.space], *kind.decided(item, plate)]


def state(item: Result, plate: Plate, numbers: Iterable[int] | None = None) -> State:
    """How these numbers stand, or the whole plate; raises as `settings_digest`."""
    settings = item.id_data.mattelier
    asked = plate.numbers if numbers is None else numbers
    wanted = [number for number in asked if number in plate.numbers]
    place = item.place
    if place is None:
        return State(missing=tuple(wanted))
    kind = kinds.of(settings)
    there = baked.written(place, plate, kind.parts(settings))
    missing = tuple(number for number in wanted if number not in there)
    made = tuple(number for number in wanted if number in there)
    if item.baked != settings_digest(item, plate):
        return State((), made, missing, "the settings have changed")
    if item.guide_changed or guided(place) != item.guided:
        return State((), made, missing, "the guidance has changed")
    since = needed_since(item, plate, place)
    older = [number for number in made if there[number] < since[number]]
    fresh = tuple(number for number in made if number not in older)
    why = "what they are made from has changed" if older else ""
    return State(fresh, tuple(older), missing, why)


def missing(item: Result, plate: Plate, numbers: Iterable[int]) -> set[int]:
    """Those numbers of the plate that have no files to be shown."""
    wanted = {number for number in numbers if number in plate.numbers}
    if item.place is None:
        return wanted
    settings = item.id_data.mattelier
    return wanted - baked.written(item.place, plate, kinds.of(settings).parts(settings)).keys()


def needed_since(item: Result, plate: Plate, place: Path) -> Mapping[int, float]:
    """How young a frame's files must be to be fresh, for each number of the plate.

    Raises
    ------
    Failure
        As `settings_digest`.
    """
    guided_since = _guided_since(place)
    changed = kinds.of(item.id_data.mattelier).changed(item, plate)
    return {number: max(time, guided_since) for number, time in changed.items()}


def guided(place: Path) -> str:
    """Digest of the guidance that a folder was last baked with; "" where none."""
    try:
        return str(json.loads((place / _GUIDED).read_text("utf-8")))
    except (OSError, ValueError):
        return ""


def set_guided(place: Path, guidance: str) -> None:
    """From now on only younger files are fresh, if this is other guidance than before."""
    if guided(place) != guidance:
        baked.write_json(place / _GUIDED, guidance)


def _guided_since(place: Path) -> float:
    try:
        return (place / _GUIDED).stat().st_mtime
    except OSError:
        return 0.0


def manifest(place: Path) -> Path | None:
    """What the engine noted about a folder's shot."""
    return next(iter(sorted(place.glob(".mattelier/*/manifest.json"))), None)


_looked: dict[str, tuple[float, object]] = {}


def lately(key: str, look: Callable[[], T]) -> T:
    """What `look()` gave a moment ago: a panel is drawn more often than folders need be read."""
    known = _looked.get(key)
    if known is None or time.monotonic() - known[0] > _LOOK_AGAIN_SECONDS:
        known = _looked[key] = (time.monotonic(), look())
    return known[1]


def forget() -> None:
    """Look anew at the next `lately`."""
    _looked.clear()


def size(place: Path) -> int:
    """Bytes in a folder."""
    total = 0
    for where, _, names in os.walk(place):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except OSError:
                continue
    return total


def clear(item: Result) -> None:
    """Remove what a result shows."""
    place = item.place
    if place is not None and place.parent.name == item.uid:
        _remove(place)
    item.baked = ""
    forget()


def purge(item: Result, in_use: set[Path]) -> int:
    """Remove what was baked for a result with earlier settings; gives the bytes freed.

    Parameters
    ----------
    in_use : set of Path
        Folders that other nodes show: a copied node shares its original's cache.
    """
    freed = 0
    place = home(item)
    if place.is_dir():
        for old in place.iterdir():
            if old.is_dir() and old not in in_use:
                freed += size(old)
                _remove(old)
    forget()
    return freed


def _remove(place: Path) -> None:
    try:
        shutil.rmtree(place)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Failure(f"{place} cannot be removed: {error.strerror or error}.") from error
