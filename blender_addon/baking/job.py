# SPDX-License-Identifier: GPL-3.0-or-later
"""One bake of one result: what the engine is asked for, and where its files go."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..blend.plates import read_size
from ..data.bake_files import (
    GUIDANCE_PREFIX,
    baked_frames,
    note_made_from,
    read_made_from,
)
from ..data.failure import Failure
from ..data.frames import format_frames, parse_frames
from ..data.plate import Plate
from ..node import groups
from ..node.settings import ResultSettings
from .cache import bake_folder, settings_digest
from .freshness import frame_sources


@dataclass(frozen=True)
class Job:
    """What is baked; it holds no Blender data, which undo or another file may take away.

    Attributes
    ----------
    uid, settings, guidance : str
        Of the result, and the digests of its settings and its guidance as they were requested.
    sources : mapping
        The plate's numbers that are not fresh yet, each with the digest of what it is made from;
        where it is empty, nothing is to be done.
    before : mapping
        The files of what was baked already, as they were then.
    absent : tuple of int
        Numbers that were wanted, or lie inside the plate, and are not there.
    task : str
    request : dict
        What the engine is asked for.
    passes : tuple of str
        What it makes of each frame.
    """

    uid: str
    settings: str
    guidance: str
    plate: Plate
    folder: Path
    sources: Mapping[int, str]
    before: Mapping[int, tuple[object, ...]]
    absent: tuple[int, ...]
    task: str
    request: dict[str, object]
    passes: tuple[str, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(self.sources)

    def show(self) -> None:
        """Let the node show this bake, unless it is gone or has been set to something else."""
        shown = (self.folder, self.settings, self.guidance)
        for item in groups.results_with(self.uid):
            if self._is_of(item):
                if (item.folder, item.baked, item.guided) != shown:
                    groups.show_bake(item, *shown, self.plate)
                groups.refresh(item.id_data)

    def _is_of(self, item: ResultSettings) -> bool:
        try:
            return self.settings == settings_digest(item, self.plate)
        except Failure:  # it is set to something that is not there
            return False

    def missing(self) -> list[int]:
        """The numbers that are not there, although the engine has ended."""
        baked = baked_frames(self.folder, self.plate, self.passes)
        return [number for number in self.numbers if number not in baked]

    def note_made(self) -> None:
        """Those frames are fresh from now on that were written since the job was prepared."""
        baked = baked_frames(self.folder, self.plate, self.passes)
        self._note(n for n in self.numbers if _is_new(baked.get(n, ()), self.before.get(n, ())))

    def finish(self, failed: Container[int] = ()) -> None:
        """The engine looked at all these, and left alone those that need no change: they count as
        fresh from now on, but for those that failed. Guidance of earlier bakes goes."""
        baked = baked_frames(self.folder, self.plate, self.passes)
        self._note(n for n in self.numbers if n in baked and n not in failed)
        for old in self.folder.glob(f"{GUIDANCE_PREFIX}*"):
            if old.name != GUIDANCE_PREFIX + self.guidance:
                shutil.rmtree(old, ignore_errors=True)

    def _note(self, numbers: Iterable[int]) -> None:
        made = {number: self.sources[number] for number in numbers}
        note_made_from(self.folder, self.settings, self.guidance, made)


def _is_new(files: tuple[object, ...], before: tuple[object, ...]) -> bool:
    """Whether all files of a frame have been written since."""
    return bool(files) and not any(a == b for a, b in zip(files, before, strict=False))


def prepare(item: ResultSettings, numbers: Iterable[int] | None = None) -> Job:
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
    plate = settings.find_plate()
    plate = replace(plate, size=read_size(plate))
    requested = [*plate.numbers, *plate.gaps] if numbers is None else list(numbers)
    wanted = plate.present(requested)
    folder = bake_folder(item, plate)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"The cache {folder.parent.parent} cannot be written: {error.strerror or error}; "
            "choose another."
        ) from error
    request = settings.node_type.request(item, plate, folder, wanted)
    digest_now = settings_digest(item, plate)
    baked = baked_frames(folder, plate, settings.passes)
    sources = frame_sources(item, plate, digest_now, request.guidance)
    made_from = read_made_from(folder).sources
    stale = {
        number: sources[number]
        for number in wanted
        if number not in baked or made_from.get(number) != sources[number]
    }
    try:
        note_made_from(folder, digest_now, request.guidance, {})
    except OSError as error:
        raise Failure(f"{folder} cannot be written: {error.strerror or error}.") from error
    return Job(
        uid=item.uid,
        settings=digest_now,
        guidance=request.guidance,
        plate=plate,
        folder=folder,
        sources=stale,
        before=baked,
        absent=tuple(sorted(set(requested).difference(plate.numbers))),
        task=settings.node_type.task,
        request={
            "plate": plate.pattern,
            "frames": format_frames(stale),
            "format": "exr",
            "colorspace": plate.engine_space,
            **request.options,
        },
        passes=settings.passes,
    )


def in_waves(items: Iterable[ResultSettings]) -> list[list[ResultSettings]]:
    """Results to bake one wave after the other: what others are made from comes first."""
    waves: dict[int, list[ResultSettings]] = {}
    for item in items:
        waves.setdefault(_wave(item.id_data), []).append(item)
    return [waves[number] for number in sorted(waves)]


def _wave(group: bpy.types.NodeTree) -> int:
    """How many bakes come before a group's; groups that hold each other make no circle."""
    before = group.mattelier.node_type.baked_after(group.mattelier)
    return max((1 + _wave(one) for one in before), default=0)


def frames_to_bake(item: ResultSettings, which: str, scene: bpy.types.Scene) -> Iterable[int]:
    """The plate's numbers that a choice of frames means, also those that are not there.

    Parameters
    ----------
    which : str
        "PLATE"; "SCENE" or "CURRENT", as far as they lie inside the plate; or a list of scene
        frames: "1001-1100, 1150".

    Raises
    ------
    Failure
        There is no plate, or the list is none.
    """
    plate = item.id_data.mattelier.find_plate()
    if which == "PLATE":
        return (*plate.numbers, *plate.gaps)
    if which not in ("SCENE", "CURRENT"):
        try:
            return sorted({plate.number(frame) for frame in parse_frames(which)})
        except ValueError as error:
            raise Failure(str(error)) from None
    if which == "CURRENT":
        first = last = scene.frame_current
    elif scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    else:
        first, last = scene.frame_start, scene.frame_end
    return range(max(plate.number(first), plate.first), min(plate.number(last), plate.last) + 1)
