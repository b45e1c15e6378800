# SPDX-License-Identifier: GPL-3.0-or-later
"""How a result stands: which frames are fresh, which stale, which missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..data.bake_files import baked_frames, read_made_from
from ..data.json_files import digest
from ..data.plate import Plate
from ..node.settings import ResultSettings
from .cache import settings_digest


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
    baked = baked_frames(folder, plate, item.id_data.mattelier.passes)
    missing = tuple(number for number in wanted if number not in baked)
    there = tuple(number for number in wanted if number in baked)
    settings = settings_digest(item, plate)
    if item.baked != settings:
        return State((), there, missing, "the settings have changed")
    made_from = read_made_from(folder)
    if item.guide_changed or made_from.guidance != item.guided:
        return State((), there, missing, "the guidance has changed")
    sources = frame_sources(item, plate, settings, item.guided)
    fresh = tuple(n for n in there if made_from.sources.get(n) == sources[n])
    stale = tuple(sorted(set(there) - set(fresh)))
    return State(fresh, stale, missing, "what they are made from has changed" if stale else "")


def missing_frames(item: ResultSettings, plate: Plate, numbers: Iterable[int]) -> set[int]:
    """Those numbers of the plate that have no files to be shown."""
    wanted = {number for number in numbers if number in plate.numbers}
    if item.folder is None:
        return wanted
    return wanted - baked_frames(item.folder, plate, item.id_data.mattelier.passes).keys()


def frame_sources(
    item: ResultSettings, plate: Plate, settings: str, guidance: str
) -> Mapping[int, str]:
    """Digest of all that a frame is made from, for each number of the plate.

    Parameters
    ----------
    settings, guidance : str
        Digests of those of the bake.

    Raises
    ------
    Failure
        As `settings_digest`.
    """
    stamps = item.id_data.mattelier.node_type.source_stamps(item, plate)
    return {number: digest([stamp, settings, guidance]) for number, stamp in stamps.items()}
