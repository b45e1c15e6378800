# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake reads beside its plate, frame by frame: depth passes, the mattes of other nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import baked, frames, rotoscope
from .failure import Failure
from .guidance import link_or_copy
from .plate import Plate, Sequence, file_of, find, of_image

if TYPE_CHECKING:
    import bpy

    from .settings import Settings


@dataclass(frozen=True)
class Footage:
    """Files that belong to the frames of a plate.

    Attributes
    ----------
    name : str
        What it is, in names of files.
    pattern : str
        As the engine reads it.
    times : mapping
        File and time of the last change, for each of the plate's numbers that has one.
    is_alike : bool
        Its files are numbered as the plate's are, or there is one for all.
    told : list
        All of that as JSON, for the digest of the settings.
    lacks : str
        The sentence for {frames} that have no file.
    """

    name: str
    pattern: str
    times: Mapping[int, tuple[Path, float]]
    is_alike: bool
    told: list[object]
    lacks: str

    @classmethod
    def of_depth(cls, name: str, image: bpy.types.Image, start: int, plate: Plate) -> Footage:
        """The depth pass that an image shows from the scene frame `start` on.

        Raises
        ------
        Failure
            It is a movie, or not there.
        """
        lacks = "The depth pass has no file for the frames {frames}; bake a range that it covers."
        file = file_of(image)
        if image.source == "FILE":
            if not file.is_file():
                raise Failure(f"The depth pass is not there: {file}.")
            one = (file, file.stat().st_mtime)
            times = dict.fromkeys(plate.numbers, one)
            return cls(name, str(file), times, True, [file.name], lacks)
        if image.source != "SEQUENCE":
            raise Failure(f"{file.name} is no depth pass; choose an image sequence.")
        depth = of_image(image, start, "depth pass")
        offset = _offset(depth, plate)
        told = [Path(depth.pattern).name, offset]
        times = _times(depth.sequence.file, depth.numbers, plate, offset)
        return cls(name, depth.pattern, times, offset == 0, told, lacks)

    @classmethod
    def of_mattes(cls, name: str, settings: Settings, plate: Plate) -> Footage:
        """The mattes that a node's Rotoscope node shows now.

        Raises
        ------
        Failure
            It has no such subject, or no plate.
        """
        group, subject = settings.mattes, settings.mattes_subject
        items = group.mattelier.objects
        item = next((item for item in items if item.name == subject), None)
        if subject and item is None:
            raise Failure(f"“{group.name}” has no subject “{subject}”; choose one that it has.")
        item = item or items[0]
        source = find(group.mattelier)
        lacks = f"“{group.name}” has no mattes on the frames {{frames}} yet; bake it first."
        place = item.place
        files = baked.files(place or Path(), source, rotoscope.MATTE)
        there = files.there() if place else {}
        offset = _offset(source, plate)
        told = [item.uid, place.name if place else "", offset]
        if source.still:
            one = {number: (files.file(source.first), time) for number, time in there.items()}
            times = dict.fromkeys(plate.numbers, one[source.first]) if source.first in one else {}
            return cls(name, str(files.file(source.first)), times, True, told, lacks)
        times = _times(files.file, there, plate, offset)
        return cls(name, files.pattern, times, offset == 0, told, lacks)


def _offset(files: Plate, plate: Plate) -> int:
    """What is to be added to a plate's number for the file that shows on the same scene frame."""
    return files.number(plate.scene_frame(plate.first)) - plate.first


def _times(
    file: Callable[[int], Path], there: Mapping[int, float], plate: Plate, offset: int
) -> dict[int, tuple[Path, float]]:
    return {
        number: (file(number + offset), there[number + offset])
        for number in plate.numbers
        if number + offset in there
    }


def given(
    footage: Iterable[Footage], plate: Plate, place: Path, numbers: Iterable[int]
) -> tuple[dict[str, str], str]:
    """All footage as the engine takes it: by the plate's numbers.

    Where its own are others, its files are linked below `place`.

    Returns
    -------
    patterns, digest
        By the footage's names; the digest is of the folder of links, "" for none.

    Raises
    ------
    Failure
        Frames have no file of it, or the links cannot be made.
    """
    used = list(footage)
    for part in used:
        if lacking := [number for number in numbers if number not in part.times]:
            shown = frames.written(plate.scene_frame(number) for number in lacking)
            raise Failure(part.lacks.format(frames=shown))
    patterns = {part.name: part.pattern for part in used}
    others = [part for part in used if not part.is_alike]
    if not others:
        return patterns, ""
    digest = baked.digest([part.told for part in others])
    links = place / (baked.GUIDE + digest)
    try:
        links.mkdir(exist_ok=True)
        for part in others:
            patterns[part.name] = _linked(part, links)
    except OSError as error:
        raise Failure(f"{links} cannot be written: {error.strerror or error}.") from error
    return patterns, digest


def _linked(part: Footage, folder: Path) -> str:
    """Link all files of a footage by the plate's numbers; gives the pattern of the links."""
    links = Sequence(folder, f"{part.name}.", 4, Path(part.pattern).suffix)
    for number in links.there().keys() - part.times.keys():
        links.file(number).unlink()
    for number, (source, _) in part.times.items():
        link = links.file(number)
        if not _is_current(link, source):
            link.unlink(missing_ok=True)
            link_or_copy(source, link)
    return links.pattern


def _is_current(link: Path, source: Path) -> bool:
    told = source.stat()
    try:
        found = link.stat()
    except FileNotFoundError:
        return False
    return (found.st_size, found.st_mtime_ns) == (told.st_size, told.st_mtime_ns)
