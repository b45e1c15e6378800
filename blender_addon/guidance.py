# SPDX-License-Identifier: GPL-3.0-or-later
"""Guidance as the engine takes it: masks drawn by Blender itself, mattes, track markers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from . import frames
from .failure import Failure
from .plate import Plate, file_of
from .plate import Sequence as Files
from .versions import new_compositor, output_socket

if TYPE_CHECKING:
    from .settings import Result

_SCENE = ".mattelier guidance"
_LONG_AGO = -1_048_570  # Blender's frames begin a little earlier
_OFF = "-"


@dataclass(frozen=True)
class Guidance:
    """What guides one object.

    Attributes
    ----------
    files : dict
        Plate number → name of the mask's file in the folder.
    points : dict
        Plate number → list of {"x", "y", "positive"} in pixels, from the top left.
    digest : str
        Of the content.
    """

    files: dict[int, str] = field(default_factory=dict)
    points: dict[int, list[dict[str, object]]] = field(default_factory=dict)
    digest: str = ""


def write(item: Result, plate: Plate, folder: Path) -> Guidance:
    """Put an object's guidance into an empty folder.

    Raises
    ------
    Failure
        It is set to something that is not there, or no key lies on the plate.
    """
    if item.guide == "MASK":
        return _write_mask(item, plate, folder)
    if item.guide == "SEQUENCE":
        return _write_sequence(item, plate, folder)
    if item.guide == "TRACKS":
        return _tracked(item, plate)
    return Guidance()


def is_drawing(scene: bpy.types.Scene) -> bool:
    """Whether a render is ours, of a mask."""
    return scene.name.startswith(_SCENE)


def keyed_frames(mask: bpy.types.Mask) -> list[int]:
    """Scene frames on which a mask's shapes are keyed.

    Blender shows shape keys to no script; its own jump from key to key finds them.
    """
    with _scratch_scene() as scene:
        return _keyed_frames(mask, scene)


def _keyed_frames(mask: bpy.types.Mask, scene: bpy.types.Scene) -> list[int]:
    found: set[int] = set()
    active = mask.layers.active
    context = {"scene": scene, "edit_mask": mask, "object": None, "active_object": None}
    try:
        for layer in mask.layers:
            mask.layers.active = layer
            scene.frame_current = _LONG_AGO
            with bpy.context.temp_override(**context):
                while True:
                    before = scene.frame_current
                    bpy.ops.screen.keyframe_jump(next=True)
                    if scene.frame_current <= before:
                        break
                    found.add(scene.frame_current)
    finally:
        if active is not None:
            mask.layers.active = active
    return sorted(found)


def _write_mask(item: Result, plate: Plate, folder: Path) -> Guidance:
    mask = item.mask
    if mask is None:
        raise Failure(f"Choose the mask of “{item.name}”, or let its guidance be automatic.")
    with _scratch_scene() as scene:
        if item.keys == "LISTED":
            keys = _listed(item)
        else:
            keys = _keyed_frames(mask, scene) or [item.drawn_frame]
        numbers = _on_plate(item, plate, keys)
        _prepare(scene, mask, plate.size)
        seen = hashlib.sha256()
        files = {number: f"mask.{number:04d}.exr" for number in numbers}
        for number, name in files.items():
            _draw(scene, plate.scene_frame(number), folder / name)
            seen.update(f"{number}:".encode())
            seen.update(_pixels(folder / name))
    return Guidance(files, digest=seen.hexdigest()[:16])


def _listed(item: Result) -> Sequence[int]:
    try:
        keys = frames.parse(item.key_list)
    except ValueError as error:
        raise Failure(str(error)) from None
    if not keys:
        raise Failure(f"List the key frames of “{item.name}”, such as 1001, 1050.")
    return keys


def _on_plate(item: Result, plate: Plate, keys: Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(plate.number(key) for key in keys if plate.number(key) in plate.numbers)
    if not numbers:
        raise Failure(
            f"The key frames of “{item.name}” ({frames.written(keys)}) lie outside the plate, "
            f"which shows on the frames {plate.start}-{plate.scene_frame(plate.last)}."
        )
    return numbers


@contextlib.contextmanager
def _scratch_scene() -> Iterator[bpy.types.Scene]:
    """A scene to draw in; the one that the artist sees keeps its frame."""
    shown = bpy.context.scene
    frame, part = shown.frame_current, shown.frame_subframe
    images = set(bpy.data.images)
    scene = bpy.data.scenes.new(_SCENE)
    try:
        yield scene
    finally:
        tree = getattr(scene, "compositing_node_group", None)
        bpy.data.scenes.remove(scene)
        if tree is not None:
            bpy.data.node_groups.remove(tree)
        for image in set(bpy.data.images) - images:  # the first render of a session leaves one
            bpy.data.images.remove(image)
        if (shown.frame_current, shown.frame_subframe) != (frame, part):
            shown.frame_set(frame, subframe=part)


def _prepare(scene: bpy.types.Scene, mask: bpy.types.Mask, size: tuple[int, int]) -> None:
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.dither_intensity = 0
    render.use_sequencer = False
    render.use_file_extension = False
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_mode = "BW"
    render.image_settings.color_depth = "16"
    render.image_settings.exr_codec = "ZIP"
    tree = new_compositor(scene)
    node = tree.nodes.new("CompositorNodeMask")
    node.mask = mask
    tree.links.new(node.outputs[0], output_socket(tree))


def _draw(scene: bpy.types.Scene, frame: int, file: Path) -> None:
    # Only a frame change of the shown scene moves keyed shapes.
    bpy.context.scene.frame_set(frame)
    scene.frame_current = frame
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    if not file.is_file():
        raise Failure(f"Blender could not draw the mask into {file.parent}; is the disk full?")


def _pixels(file: Path) -> array[float]:
    image = bpy.data.images.load(str(file))
    try:
        image.colorspace_settings.name = "Non-Color"
        values = array("f", bytes(4 * len(image.pixels)))  # some systems' Blender has no numpy
        image.pixels.foreach_get(values)
        return values
    finally:
        bpy.data.images.remove(image)


def _write_sequence(item: Result, plate: Plate, folder: Path) -> Guidance:
    image = item.rough
    if image is None:
        raise Failure(f"Choose the mattes that guide “{item.name}”.")
    file = file_of(image)
    files = Files.of(file)
    there = files.there() if files else {}
    numbers = tuple(number for number in there if number in plate.numbers)
    if not numbers:
        raise Failure(
            f"None of the mattes {files.pattern if files else file} has the number of a frame of "
            f"the plate, {plate.first}-{plate.last}."
        )
    seen = hashlib.sha256()
    names = {number: files.file(number).name for number in numbers}
    for number, name in names.items():
        source = files.file(number)
        try:
            link_or_copy(source, folder / name)
            content = hashlib.sha256(source.read_bytes()).hexdigest()
        except OSError as error:
            raise Failure(f"{source} cannot be read: {error.strerror or error}.") from error
        seen.update(f"{number}:{content}".encode())
    return Guidance(names, digest=seen.hexdigest()[:16])


def link_or_copy(source: Path, copy: Path) -> None:
    """The same file under another name, with its time of change."""
    try:
        os.link(source, copy)
    except OSError:
        shutil.copy2(source, copy)


def _tracked(item: Result, plate: Plate) -> Guidance:
    settings = item.id_data.mattelier
    clip = settings.clip
    if settings.source != "CLIP" or clip is None:
        raise Failure("Track markers guide only a plate that is a movie clip.")
    keys = _listed(item) if item.key_list.strip() else [plate.start]
    points = {}
    for number in _on_plate(item, plate, keys):
        # A clip counts its markers' frames from its first frame, which is 1.
        marks = [
            (track, track.markers.find_frame(number - plate.first + 1, exact=False))
            for track in clip.tracking.tracks
        ]
        points[number] = [
            {
                "x": round(mark.co[0] * plate.size[0], 2),
                "y": round((1 - mark.co[1]) * plate.size[1], 2),
                "positive": not track.name.startswith(_OFF),
            }
            for track, mark in marks
            if mark is not None and not mark.mute
        ]
    if not any(points.values()):
        raise Failure("The clip has no track markers on the key frames; track some first.")
    seen = hashlib.sha256(repr(sorted(points.items())).encode())
    return Guidance({}, points, seen.hexdigest()[:16])
