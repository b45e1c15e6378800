# SPDX-License-Identifier: GPL-3.0-or-later
"""How a result stands: which frames are fresh, which stale, which missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..footage.bake_files import baked_frames
from ..footage.plate import Plate
from ..node.settings import ResultSettings
from .cache import guidance_time, read_guidance, settings_digest


@dataclass(frozen=True)
class State:
    """How a result stands, by the plate's numbers.

    Attributes
    ----------
    reason : str
        What made the stale ones stale.
    """

    fresh: tuple[int, ...] = ()
    stale: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    reason: str = ""

    @property
    def to_bake(self) -> tuple[int, ...]:
        """Those that a bake would make."""
        return tuple(sorted((*self.stale, *self.missing)))


def state(item: ResultSettings, plate: Plate, numbers: Iterable[int] | None = None) -> State:
    """How these numbers stand, or the whole plate; raises as `settings_digest`."""
    requested = plate.numbers if numbers is None else numbers
    wanted = [number for number in requested if number in plate.numbers]
    folder = item.folder
    if folder is None:
        return State(missing=tuple(wanted))
    times = baked_frames(folder, plate, item.id_data.mattelier.passes)
    missing = tuple(number for number in wanted if number not in times)
    baked = tuple(number for number in wanted if number in times)
    if item.baked != settings_digest(item, plate):
        return State((), baked, missing, "the settings have changed")
    if item.guide_changed or read_guidance(folder) != item.guided:
        return State((), baked, missing, "the guidance has changed")
    since = needed_since(item, plate, folder)
    older = tuple(number for number in baked if times[number] < since[number])
    fresh = tuple(number for number in baked if number not in older)
    return State(fresh, older, missing, "what they are made from has changed" if older else "")


def missing_frames(item: ResultSettings, plate: Plate, numbers: Iterable[int]) -> set[int]:
    """Those numbers of the plate that have no files to be shown."""
    wanted = {number for number in numbers if number in plate.numbers}
    if item.folder is None:
        return wanted
    return wanted - baked_frames(item.folder, plate, item.id_data.mattelier.passes).keys()


def needed_since(item: ResultSettings, plate: Plate, folder: Path) -> Mapping[int, float]:
    """How young a frame's files must be to be fresh, for each number of the plate.

    Raises
    ------
    Failure
        As `settings_digest`.
    """
    oldest = guidance_time(folder)
    times = item.id_data.mattelier.node_type.source_times(item, plate)
    return {number: max(time, oldest) for number, time in times.items()}
