# SPDX-License-Identifier: GPL-3.0-or-later
"""One bake of one result: what the engine is asked for, and where its files go."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..footage.bake_files import GUIDANCE_PREFIX, baked_frames, mark_checked
from ..footage.plate import Plate, read_size
from ..ground.failure import Failure
from ..ground.frames import format_frames
from ..node import groups
from ..node.settings import ResultSettings
from .cache import bake_folder, note_guidance, settings_digest
from .freshness import needed_since

_USUAL_SPACES = {(True, "Linear Rec.709"), (False, "sRGB")}  # of float files, and of others
_DATA_SPACES = {"Non-Color", "Raw"}


@dataclass(frozen=True)
class Job:
    """What is baked; it holds no Blender data, which undo or another file may take away.

    Attributes
    ----------
    uid, settings, guidance : str
        Of the result, and the digests of its settings and its guidance as they were requested.
    since : mapping
        The plate's numbers that are not fresh yet, each with the time of what it is made from;
        where it is empty, nothing is to be done.
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
    since: Mapping[int, float]
    task: str
    request: dict[str, object]
    passes: tuple[str, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(self.since)

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
        times = baked_frames(self.folder, self.plate, self.passes)
        return [number for number in self.numbers if number not in times]

    def finish(self) -> None:
        """The engine looked at all these, and left alone those that need no change: they count as
        fresh from now on. Guidance of earlier bakes goes."""
        times = baked_frames(self.folder, self.plate, self.passes)
        mark_checked(
            self.folder, {number: time for number, time in self.since.items() if number in times}
        )
        for old in self.folder.glob(f"{GUIDANCE_PREFIX}*"):
            if old.name != GUIDANCE_PREFIX + self.guidance:
                shutil.rmtree(old, ignore_errors=True)


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
    wanted = [n for n in (plate.numbers if numbers is None else numbers) if n in plate.numbers]
    if not wanted:
        raise Failure(
            f"The plate has no frame there; it shows on the frames {plate.start}-"
            f"{plate.scene_frame(plate.last)}."
        )
    folder = bake_folder(item, plate)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"The cache {folder.parent.parent} cannot be written: {error.strerror or error}; "
            "choose another."
        ) from error
    request = settings.node_type.request(item, plate, folder, wanted)
    try:
        note_guidance(folder, request.guidance)
    except OSError as error:
        raise Failure(f"{folder} cannot be written: {error.strerror or error}.") from error
    times = baked_frames(folder, plate, settings.passes)
    since = needed_since(item, plate, folder)
    stale = {number: since[number] for number in wanted if times.get(number, -1.0) < since[number]}
    return Job(
        uid=item.uid,
        settings=settings_digest(item, plate),
        guidance=request.guidance,
        plate=plate,
        folder=folder,
        since=stale,
        task=settings.node_type.task,
        request={
            "plate": plate.pattern,
            "frames": format_frames(stale),
            "format": "exr",
            "colorspace": _colorspace(plate),
            **request.options,
        },
        passes=settings.passes,
    )


def in_waves(items: Iterable[ResultSettings]) -> list[list[ResultSettings]]:
    """Results to bake one wave after the other: what others are made from comes first."""
    waves: tuple[list[ResultSettings], list[ResultSettings]] = ([], [])
    for item in items:
        settings = item.id_data.mattelier
        waves[settings.node_type.source_group(settings) is not None].append(item)
    return [wave for wave in waves if wave]


def frames_to_bake(item: ResultSettings, which: str, scene: bpy.types.Scene) -> Iterable[int]:
    """The plate's numbers that a choice of frames means.

    Parameters
    ----------
    which : "PLATE", "SCENE" or "CURRENT"

    Raises
    ------
    Failure
        There is no plate.
    """
    plate = item.id_data.mattelier.find_plate()
    if which == "PLATE":
        return plate.numbers
    if which == "CURRENT":
        first = last = scene.frame_current
    elif scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    else:
        first, last = scene.frame_start, scene.frame_end
    return range(plate.number(first), plate.number(last) + 1)


def _colorspace(plate: Plate) -> str | None:
    """The engine's name of the plate's colour space; None where it is what such files have."""
    if plate.space in _DATA_SPACES or (plate.is_scene_linear, plate.space) in _USUAL_SPACES:
        return None
    return {"Linear Rec.709": "lin_rec709"}.get(plate.space, plate.space)
