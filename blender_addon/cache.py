# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in the cache: which frames are fresh, which stale, which missing, and how large it is.

<cache>/<object's uid>/<digest>/ holds matte/ and foreground/ as the engine names their files, and
the guidance that they were made with. The digest is that of the settings, so other settings never
overwrite what was baked; with other key frames the engine makes those frames again that they reach.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import bpy

from .failure import Failure
from .plate import Plate, Sequence

if TYPE_CHECKING:
    from .settings import RotoObject, Settings

T = TypeVar("T")
_GUIDED = "guidance.json"  # its time is that of the last change
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class State:
    """How an object's mattes stand, by the plate's numbers.

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
        raise Failure("Save the .blend file first: its mattes are kept beside it.")
    return Path(bpy.path.abspath(settings.cache)).absolute()


def home(item: RotoObject) -> Path:
    """The folder of all that was baked for an object; raises as `base`."""
    return base(item.id_data.mattelier) / item.uid


def folder(item: RotoObject) -> Path | None:
    """The folder that the node shows now, None before the first bake."""
    return Path(bpy.path.abspath(item.folder)).absolute() if item.folder else None


def folder_for(item: RotoObject, plate: Plate) -> Path:
    """The folder of an object's mattes with its present settings; raises as `base`."""
    return home(item) / digest(_decided(item, plate))


def settings_digest(item: RotoObject, plate: Plate) -> str:
    """Digest of an object's settings, without what is in its mask: cheap, for each redraw."""
    listed = item.key_list if item.keys == "LISTED" or item.guide == "TRACKS" else ""
    placed = [plate.start - plate.first, item.keys, listed, item.drawn_frame]
    return digest([_decided(item, plate), placed if item.guide in ("MASK", "TRACKS") else None])


def _decided(item: RotoObject, plate: Plate) -> list[object]:
    settings = item.id_data.mattelier
    named = {"MASK": item.mask_name, "SEQUENCE": item.rough_name}.get(item.guide, "")
    return [
        [Path(plate.pattern).name, plate.space],
        [settings.model, settings.quality, settings.tune, settings.use_foreground],
        [round(settings.edge_shift, 3), round(settings.feather, 3)],
        [item.guide, named],
    ]


def digest(told: object) -> str:
    """Sixteen hexadecimal digits of a JSON value."""
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def state(item: RotoObject, plate: Plate, numbers: Iterable[int] | None = None) -> State:
    """How the mattes stand for these numbers, or for the whole plate."""
    settings = item.id_data.mattelier
    asked = plate.numbers if numbers is None else numbers
    wanted = [number for number in asked if number in plate.numbers]
    place = folder(item)
    if place is None:
        return State(missing=tuple(wanted))
    there = written(place, plate, settings.use_foreground)
    missing = tuple(number for number in wanted if number not in there)
    made = tuple(number for number in wanted if number in there)
    if item.baked != settings_digest(item, plate):
        return State((), made, missing, "the settings have changed")
    if item.guide_changed or guided(place) != item.guided:
        return State((), made, missing, "the guidance has changed")
    older = [number for number in made if not is_fresh(place, plate, number, there)]
    fresh = tuple(number for number in made if number not in older)
    why = "their plate or their key frames have changed" if older else ""
    return State(fresh, tuple(older), missing, why)


def files(place: Path, plate: Plate, output: str) -> Sequence:
    """The files of one output, as the engine names them."""
    return Sequence(place / output, f"{plate.name}_{output}.", 4, ".exr")


def written(place: Path, plate: Plate, with_foreground: bool) -> dict[int, float]:
    """The frames that a folder holds, each with the time when its matte was written."""
    made = files(place, plate, "matte").there()
    if with_foreground:
        coloured = files(place, plate, "foreground").there()
        made = {number: time for number, time in made.items() if number in coloured}
    return made


def is_fresh(place: Path, plate: Plate, number: int, there: Mapping[int, float]) -> bool:
    """Whether a frame is there and younger than its plate and its guidance."""
    return there.get(number, -1.0) >= max(plate.numbers[number], _guided_since(place))


def guided(place: Path) -> str:
    """Digest of the guidance that a folder's mattes were last baked with; "" where none."""
    try:
        return str(json.loads((place / _GUIDED).read_text("utf-8")))
    except (OSError, ValueError):
        return ""


def set_guided(place: Path, guidance: str) -> None:
    """From now on only younger mattes are fresh, if this is other guidance than before."""
    if guided(place) != guidance:
        part = place / f".{_GUIDED}.{os.getpid()}"
        part.write_text(json.dumps(guidance), "utf-8")
        os.replace(part, place / _GUIDED)


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


def clear(item: RotoObject) -> None:
    """Remove the mattes that an object shows."""
    place = folder(item)
    if place is not None and place.parent.name == item.uid:
        _remove(place)
    item.folder = item.baked = ""
    forget()


def purge(item: RotoObject, in_use: set[Path]) -> int:
    """Remove what was baked for an object with earlier settings; gives the bytes freed.

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
