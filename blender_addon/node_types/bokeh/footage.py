# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bake reads beside its plate, frame by frame: depth passes, the mattes of other nodes."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...blend.plates import image_file, plate_of_image
from ...data.bake_files import GUIDANCE_PREFIX, pass_files
from ...data.failure import Failure
from ...data.frames import format_frames
from ...data.json_files import digest
from ...data.plate import Plate
from ...data.sequence import Sequence, link_or_copy
from ...node.settings import NodeSettings, ResultSettings

_LINK_DIGITS = 4


@dataclass(frozen=True)
class Footage:
    """Files that belong to the frames of a plate.

    Attributes
    ----------
    name : str
        What it is, in names of files.
    pattern : str
        As the engine reads it.
    files : mapping
        For each of the plate's numbers that has one.
    is_numbered_as_plate : bool
        Or there is one file for all.
    cache_inputs : list
        All of that as JSON, for the digest of the settings.
    missing_message : str
        The sentence for {frames} that have no file.
    """

    name: str
    pattern: str
    files: Mapping[int, Path]
    is_numbered_as_plate: bool
    cache_inputs: list[object]
    missing_message: str


def depth_footage(name: str, image: bpy.types.Image, start: int, plate: Plate) -> Footage:
    """The depth pass that an image shows from the scene frame `start` on.

    Raises
    ------
    Failure
        It is a movie, or not there.
    """
    message = "The depth pass has no file for the frames {frames}; bake a range that it covers."
    file = image_file(image)
    if image.source == "FILE":
        if not file.is_file():
            raise Failure(f"The depth pass is not there: {file}.")
        files = dict.fromkeys(plate.numbers, file)
        return Footage(name, str(file), files, True, [file.name], message)
    if image.source != "SEQUENCE":
        raise Failure(f"{file.name} is no depth pass; choose an image sequence.")
    depth = plate_of_image(image, start, "depth pass")
    offset = _offset(depth, plate)
    inputs = [Path(depth.pattern).name, offset]
    files = _by_plate(depth.sequence.file, depth.numbers, plate, offset)
    return Footage(name, depth.pattern, files, offset == 0, inputs, message)


def matte_footage(name: str, settings: NodeSettings, plate: Plate) -> Footage:
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
    return _baked_footage(name, item, group.mattelier.node_type.matte_pass, "mattes", plate)


def node_depth_footage(name: str, group: bpy.types.NodeTree, plate: Plate) -> Footage:
    """The depth maps that a Depth node shows now; raises Failure where it has no plate."""
    item = group.mattelier.objects[0]
    return _baked_footage(name, item, group.mattelier.node_type.depth_pass, "depth", plate)


def _baked_footage(
    name: str, item: ResultSettings, pass_name: str, noun: str, plate: Plate
) -> Footage:
    """The files of a pass that a result of another node shows."""
    group = item.id_data
    source = group.mattelier.find_plate()
    message = f"“{group.name}” has no {noun} on the frames {{frames}} yet; bake it first."
    folder = item.folder
    baked = pass_files(folder or Path(), source, pass_name)
    there = baked.scan() if folder else {}
    offset = _offset(source, plate)
    inputs = [item.uid, folder.name if folder else "", offset]
    if source.still:
        file = baked.file(source.first)
        found = source.first in there
        files = dict.fromkeys(plate.numbers, file) if found else {}
        return Footage(name, str(file), files, True, inputs, message)
    files = _by_plate(baked.file, there, plate, offset)
    return Footage(name, baked.pattern, files, offset == 0, inputs, message)


def _offset(files: Plate, plate: Plate) -> int:
    """What is to be added to a plate's number for the file that shows on the same scene frame."""
    return files.number(plate.scene_frame(plate.first)) - plate.first


def _by_plate(
    file: Callable[[int], Path], there: Container[int], plate: Plate, offset: int
) -> dict[int, Path]:
    return {number: file(number + offset) for number in plate.numbers if number + offset in there}


def engine_patterns(
    footage: Iterable[Footage], plate: Plate, folder: Path, numbers: Iterable[int]
) -> tuple[dict[str, str], str]:
    """All footage as the engine takes it: by the plate's numbers.

    Where its own are others, its files are linked below `folder`.

    Returns
    -------
    patterns, links
        By the footage's names; and the digest of the folder of links, "" for none.

    Raises
    ------
    Failure
        Frames have no file of it, or the links cannot be made.
    """
    used = list(footage)
    for each in used:
        if missing := [number for number in numbers if number not in each.files]:
            shown = format_frames(plate.scene_frame(number) for number in missing)
            raise Failure(each.missing_message.format(frames=shown))
    patterns = {each.name: each.pattern for each in used}
    others = [each for each in used if not each.is_numbered_as_plate]
    if not others:
        return patterns, ""
    name = digest([each.cache_inputs for each in others])
    links = folder / (GUIDANCE_PREFIX + name)
    try:
        links.mkdir(exist_ok=True)
        for each in others:
            patterns[each.name] = _link_files(each, links)
    except OSError as error:
        raise Failure(f"{links} cannot be written: {error.strerror or error}.") from error
    return patterns, name


def _link_files(footage: Footage, folder: Path) -> str:
    """Link all files of a footage by the plate's numbers; gives the pattern of the links."""
    links = Sequence(folder, f"{footage.name}.", _LINK_DIGITS, Path(footage.pattern).suffix)
    for number in links.scan().keys() - footage.files.keys():
        links.file(number).unlink()
    for number, source in footage.files.items():
        link = links.file(number)
        if not _is_current(link, source):
            link.unlink(missing_ok=True)
            link_or_copy(source, link)
    return links.pattern


def _is_current(link: Path, source: Path) -> bool:
    wanted = source.stat()
    try:
        found = link.stat()
    except FileNotFoundError:
        return False
    return (found.st_size, found.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns)
