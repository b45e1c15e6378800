# SPDX-License-Identifier: GPL-3.0-or-later
"""One bake of one object: what the engine is asked for, and where its mattes go."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import cache, frames, guidance, tree
from .failure import Failure
from .plate import Plate, find, read_size

if TYPE_CHECKING:
    from .settings import RotoObject

_AS_FILES_SAY = {(True, "Linear Rec.709"), (False, "sRGB")}  # float files or not
_DATA = {"Non-Color", "Raw"}
_GUIDE = "guide-"


@dataclass(frozen=True)
class Job:
    """What is baked; it holds no Blender data, which undo or another file may take away.

    Attributes
    ----------
    uid, settings, guided : str
        Of the object, and the digests of its settings and its guidance as they were asked for.
    numbers : tuple of int
        The plate's numbers that are not fresh yet; where it is empty, nothing is to be done.
    request : dict
        The engine's RotoRequest.
    """

    uid: str
    settings: str
    guided: str
    plate: Plate
    folder: Path
    numbers: tuple[int, ...]
    request: dict[str, object]

    def show(self) -> None:
        """Let the node show this bake, unless it is gone or has been set to something else."""
        for item in _objects(self.uid):
            if self.settings != cache.settings_digest(item, self.plate):
                continue
            if (cache.folder(item), item.baked, item.guided) != (
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
        made = cache.written(self.folder, self.plate, "foreground" in self.request["outputs"])
        return [number for number in self.numbers if number not in made]

    def finish(self) -> None:
        """The engine looked at all these, and left alone those that need no change: they count as
        fresh from now on. Guidance of earlier bakes goes."""
        mattes = cache.files(self.folder, self.plate, "matte")
        for number in mattes.there().keys() & set(self.numbers):
            os.utime(mattes.file(number))
        for old in self.folder.glob(f"{_GUIDE}*"):
            if old.name != _GUIDE + self.guided:
                shutil.rmtree(old, ignore_errors=True)


def prepare(item: RotoObject, numbers: Iterable[int] | None = None) -> Job:
    """Draw an object's guidance, and make the request of its bake.

    Parameters
    ----------
    numbers : iterable of int, optional
        Only these of the plate's numbers.

    Raises
    ------
    Failure
    """
    settings = item.id_data.mattelier
    plate = find(settings)
    plate = replace(plate, size=read_size(plate))
    wanted = [n for n in (plate.numbers if numbers is None else numbers) if n in plate.numbers]
    if not wanted:
        raise Failure(
            f"The plate has no frame there; it shows on the frames {plate.start}-"
            f"{plate.scene_frame(plate.last)}."
        )
    place = cache.folder_for(item, plate)
    drawn = place / f".{_GUIDE}{secrets.token_hex(4)}"
    try:
        drawn.mkdir(parents=True)
    except OSError as error:
        raise Failure(
            f"The cache {place.parent.parent} cannot be written: {error.strerror or error}; "
            "choose another."
        ) from error
    try:
        guide = guidance.write(item, plate, drawn)
        masks = place / (_GUIDE + guide.digest)
        if guide.files and not masks.is_dir():
            os.replace(drawn, masks)
        cache.set_guided(place, guide.digest)
    except OSError as error:
        raise Failure(f"{place} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(drawn, ignore_errors=True)
    there = cache.written(place, plate, settings.use_foreground)
    todo = tuple(n for n in wanted if not cache.is_fresh(place, plate, n, there))
    return Job(
        uid=item.uid,
        settings=cache.settings_digest(item, plate),
        guided=guide.digest,
        plate=plate,
        folder=place,
        numbers=todo,
        request={
            "plate": plate.pattern,
            "output": str(place),
            "frames": frames.written(todo),
            "keys": [
                *({"frame": n, "mask": str(masks / name)} for n, name in guide.files.items()),
                *({"frame": n, "points": points} for n, points in guide.points.items()),
            ],
            "outputs": ["matte", *(["foreground"] if settings.use_foreground else [])],
            "format": "exr",
            "matte": {
                "model": settings.model or "default",
                "quality": settings.quality,
                "edge_shift": settings.edge_shift,
                "feather": settings.feather,
            },
            "colorspace": _space(plate),
            "tune": settings.tune,
        },
    )


def _space(plate: Plate) -> str | None:
    """The engine's name of the plate's colour space; None where it is what such files have."""
    if plate.space in _DATA or (tree.is_scene_linear(plate), plate.space) in _AS_FILES_SAY:
        return None
    return {"Linear Rec.709": "lin_rec709"}.get(plate.space, plate.space)


def _objects(uid: str) -> list[RotoObject]:
    return [item for group in tree.ours() for item in group.mattelier.objects if item.uid == uid]
