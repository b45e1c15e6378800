# SPDX-License-Identifier: GPL-3.0-or-later
"""One bake of one result: what the engine is asked for, and where its files go."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import baked, cache, frames, kinds, tree
from .failure import Failure
from .plate import Plate, find, read_size

if TYPE_CHECKING:
    from .settings import Result

_AS_FILES_SAY = {(True, "Linear Rec.709"), (False, "sRGB")}  # float files or not
_DATA = {"Non-Color", "Raw"}


@dataclass(frozen=True)
class Job:
    """What is baked; it holds no Blender data, which undo or another file may take away.

    Attributes
    ----------
    uid, settings, guided : str
        Of the result, and the digests of its settings and its guidance as they were asked for.
    since : mapping
        The plate's numbers that are not fresh yet, each with the time of what it is made from;
        where it is empty, nothing is to be done.
    task : str
    request : dict
        What the engine is asked for.
    parts : tuple of str
        What it makes of each frame.
    """

    uid: str
    settings: str
    guided: str
    plate: Plate
    folder: Path
    since: Mapping[int, float]
    task: str
    request: dict[str, object]
    parts: tuple[str, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(self.since)

    def show(self) -> None:
        """Let the node show this bake, unless it is gone or has been set to something else."""
        for item in _results(self.uid):
            try:
                if self.settings != cache.settings_digest(item, self.plate):
                    continue
            except Failure:  # it is set to something that is not there
                continue
            if (item.place, item.baked, item.guided) != (
                self.folder,
                self.settings,
                self.guided,
            ):
                item.baked, item.guided = self.settings, self.guided
                item.guide_changed = False
                tree.show(item, self.folder, self.plate)
            tree.refresh(item.id_data)

    def unmade(self) -> list[int]:
        """The numbers that are not there, although the engine has ended."""
        made = baked.written(self.folder, self.plate, self.parts)
        return [number for number in self.numbers if number not in made]

    def finish(self) -> None:
        """The engine looked at all these, and left alone those that need no change: they count as
        fresh from now on. Guidance of earlier bakes goes."""
        there = baked.written(self.folder, self.plate, self.parts)
        baked.set_checked(
            self.folder, {number: time for number, time in self.since.items() if number in there}
        )
        for old in self.folder.glob(f"{baked.GUIDE}*"):
            if old.name != baked.GUIDE + self.guided:
                shutil.rmtree(old, ignore_errors=True)


def prepare(item: Result, numbers: Iterable[int] | None = None) -> Job:
    """Make the request of a result's bake, and write the guidance that it names.

    Parameters
    ----------
    numbers : iterable of int, optional
        Only these of the plate's numbers.

    Raises
    ------
    Failure
    """
    settings = item.id_data.mattelier
    kind = kinds.of(settings)
    plate = find(settings)
    plate = replace(plate, size=read_size(plate))
    wanted = [n for n in (plate.numbers if numbers is None else numbers) if n in plate.numbers]
    if not wanted:
        raise Failure(
            f"The plate has no frame there; it shows on the frames {plate.start}-"
            f"{plate.scene_frame(plate.last)}."
        )
    place = cache.folder_for(item, plate)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"The cache {place.parent.parent} cannot be written: {error.strerror or error}; "
            "choose another."
        ) from error
    asked = kind.ask(item, plate, place, wanted)
    try:
        cache.set_guided(place, asked.guided)
    except OSError as error:
        raise Failure(f"{place} cannot be written: {error.strerror or error}.") from error
    parts = kind.parts(settings)
    there = baked.written(place, plate, parts)
    since = cache.needed_since(item, plate, place)
    todo = {number: since[number] for number in wanted if there.get(number, -1.0) < since[number]}
    return Job(
        uid=item.uid,
        settings=cache.settings_digest(item, plate),
        guided=asked.guided,
        plate=plate,
        folder=place,
        since=todo,
        task=kind.task,
        request={
            "plate": plate.pattern,
            "frames": frames.written(todo),
            "format": "exr",
            "colorspace": _space(plate),
            **asked.request,
        },
        parts=parts,
    )


def in_waves(items: Iterable[Result]) -> list[list[Result]]:
    """Results to bake one wave after the other: what others are made from comes first."""
    waves: tuple[list[Result], list[Result]] = ([], [])
    for item in items:
        settings = item.id_data.mattelier
        waves[kinds.of(settings).source(settings) is not None].append(item)
    return [wave for wave in waves if wave]


def _space(plate: Plate) -> str | None:
    """The engine's name of the plate's colour space; None where it is what such files have."""
    if plate.space in _DATA or (plate.is_scene_linear, plate.space) in _AS_FILES_SAY:
        return None
    return {"Linear Rec.709": "lin_rec709"}.get(plate.space, plate.space)


def _results(uid: str) -> list[Result]:
    return [item for item in tree.results(tree.ours()) if item.uid == uid]
