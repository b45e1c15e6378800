# SPDX-License-Identifier: GPL-3.0-or-later
"""Guidance as the engine takes it: masks drawn by Blender itself, mattes, track markers."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ...blend.plates import image_file
from ...blend.scratch_scene import scratch_scene
from ...blend.versions import new_compositor, output_socket
from ...data.failure import Failure
from ...data.frames import format_frames, parse_frames
from ...data.json_files import digest
from ...data.plate import Plate
from ...data.sequence import Sequence as Files
from ...data.sequence import link_or_copy
from ...node.settings import ResultSettings
from .corrected import corrections_on_plate, write_correction
from .pointed import Pointed

_MIN_FRAME = -1_048_570  # Blender's frames begin a little earlier
_OFF_SUBJECT_PREFIX = "-"
_DIGEST_DIGITS = 16


@dataclass(frozen=True)
class Guidance:
    """What guides one object.

    Attributes
    ----------
    files : dict
        Plate number → name of the mask's file in the folder.
    points : dict
        Plate number → "points", a list of {"x", "y", "positive"}, and perhaps a "box", in pixels
        from the top left: fields of the engine's key.
    corrected : dict
        As `files`, of mattes that an artist has corrected; they replace what else is on a frame.
    digest : str
        Of the content.
    """

    files: dict[int, str] = field(default_factory=dict)
    points: dict[int, dict[str, object]] = field(default_factory=dict)
    corrected: dict[int, str] = field(default_factory=dict)
    digest: str = ""


def write_guidance(item: ResultSettings, plate: Plate, folder: Path) -> Guidance:
    """Put an object's guidance into an empty folder.

    Raises
    ------
    Failure
        It is set to something that is not there, or no key lies on the plate.
    OSError
        The folder cannot be written.
    """
    guidance, kept = _write_guide(item, plate, folder), corrections_on_plate(item, plate)
    if not kept:
        return guidance
    names = {number: f"corrected.{number:04d}.exr" for number in kept}
    for number, name in names.items():
        write_correction(item, number, folder / name)
    return Guidance(
        {number: name for number, name in guidance.files.items() if number not in kept},
        {number: said for number, said in guidance.points.items() if number not in kept},
        names,
        digest([guidance.digest, list(kept.items())]),
    )


def _write_guide(item: ResultSettings, plate: Plate, folder: Path) -> Guidance:
    if item.guide == "MASK":
        return _write_mask(item, plate, folder)
    if item.guide == "SEQUENCE":
        return _write_sequence(item, plate, folder)
    if item.guide == "TRACKS":
        return _read_tracks(item, plate)
    if item.guide == "POINTS":
        return _read_pointed(item, plate)
    return Guidance()


def keyed_frames(mask: bpy.types.Mask, scene: bpy.types.Scene) -> list[int]:
    """Scene frames on which a mask's shapes are keyed; `scene` is a scratch one.

    Blender shows shape keys to no script; its own jump from key to key finds them.
    """
    frames: set[int] = set()
    active = mask.layers.active
    context = {"scene": scene, "edit_mask": mask, "object": None, "active_object": None}
    try:
        for layer in mask.layers:
            mask.layers.active = layer
            scene.frame_current = _MIN_FRAME
            with bpy.context.temp_override(**context):
                while True:
                    before = scene.frame_current
                    bpy.ops.screen.keyframe_jump(next=True)
                    if scene.frame_current <= before:
                        break
                    frames.add(scene.frame_current)
    finally:
        if active is not None:
            mask.layers.active = active
    return sorted(frames)


def _write_mask(item: ResultSettings, plate: Plate, folder: Path) -> Guidance:
    mask = item.mask
    if mask is None:
        raise Failure(f"Choose the mask of “{item.name}”, or let its guidance be automatic.")
    with scratch_scene() as scene:
        if item.keys == "LISTED":
            keys = listed_keys(item)
        else:
            keys = keyed_frames(mask, scene) or [item.drawn_frame]
        numbers = _numbers_on_plate(item, plate, keys)
        _prepare_scene(scene, mask, plate.size)
        content_hash = hashlib.sha256()
        files = {number: f"mask.{number:04d}.exr" for number in numbers}
        for number, name in files.items():
            _draw_mask(scene, plate.scene_frame(number), folder / name)
            content_hash.update(f"{number}:".encode())
            pixels = _read_pixels(folder / name)
            if not any(pixels):
                raise Failure(
                    f"The mask of “{item.name}” is empty on frame {plate.scene_frame(number)}; "
                    "draw it there, or take that key frame away."
                )
            content_hash.update(pixels)
    return Guidance(files, digest=content_hash.hexdigest()[:_DIGEST_DIGITS])


def exact_numbers(item: ResultSettings, plate: Plate) -> Container[int]:
    """The plate's numbers on which what was drawn is the matte itself.

    Raises
    ------
    Failure
        Their list is none.
    """
    if item.edge == "EXACT":
        return plate.numbers
    try:
        return {plate.number(frame) for frame in parse_frames(item.exact_list)}
    except ValueError as error:
        raise Failure(str(error)) from None


def listed_keys(item: ResultSettings) -> Sequence[int]:
    """The scene frames that an artist listed; raises Failure where that is no list, or empty."""
    try:
        keys = parse_frames(item.key_list)
    except ValueError as error:
        raise Failure(str(error)) from None
    if not keys:
        raise Failure(f"List the key frames of “{item.name}”, such as 1001, 1050.")
    return keys


def _numbers_on_plate(item: ResultSettings, plate: Plate, keys: Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(plate.number(key) for key in keys if plate.number(key) in plate.numbers)
    if not numbers:
        raise Failure(
            f"The key frames of “{item.name}” ({format_frames(keys)}) lie outside the plate, "
            f"which shows on the frames {plate.start}-{plate.scene_frame(plate.last)}."
        )
    return numbers


def _prepare_scene(scene: bpy.types.Scene, mask: bpy.types.Mask, size: tuple[int, int]) -> None:
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


def _draw_mask(scene: bpy.types.Scene, frame: int, file: Path) -> None:
    # Only a frame change of the shown scene moves keyed shapes.
    bpy.context.scene.frame_set(frame)
    scene.frame_current = frame
    scene.render.filepath = str(file)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    if not file.is_file():
        raise Failure(f"Blender could not draw the mask into {file.parent}; is the disk full?")


def _read_pixels(file: Path) -> array[float]:
    """The first channel of a picture."""
    image = bpy.data.images.load(str(file))
    try:
        image.colorspace_settings.name = "Non-Color"
        values = array("f", bytes(4 * len(image.pixels)))  # some systems' Blender has no numpy
        image.pixels.foreach_get(values)
        return values[:: image.channels]
    finally:
        bpy.data.images.remove(image)


def _write_sequence(item: ResultSettings, plate: Plate, folder: Path) -> Guidance:
    image = item.rough
    if image is None:
        raise Failure(f"Choose the mattes that guide “{item.name}”.")
    file = image_file(image)
    files = Files.of_file(file)
    numbers = tuple(n for n in files.scan() if n in plate.numbers) if files else ()
    if not numbers:
        raise Failure(
            f"None of the mattes {files.pattern if files else file} has the number of a frame of "
            f"the plate, {plate.first}-{plate.last}."
        )
    content_hash = hashlib.sha256()
    names = {number: files.file(number).name for number in numbers}
    for number, name in names.items():
        source = files.file(number)
        try:
            link_or_copy(source, folder / name)
            content = hashlib.sha256(source.read_bytes()).hexdigest()
        except OSError as error:
            raise Failure(f"{source} cannot be read: {error.strerror or error}.") from error
        content_hash.update(f"{number}:{content}".encode())
    return Guidance(names, digest=content_hash.hexdigest()[:_DIGEST_DIGITS])


def _read_tracks(item: ResultSettings, plate: Plate) -> Guidance:
    settings = item.id_data.mattelier
    clip = settings.clip
    if settings.source != "CLIP" or clip is None:
        raise Failure("Track markers guide only a plate that is a movie clip.")
    keys = listed_keys(item) if item.key_list.strip() else [plate.start]
    points = {}
    for number in _numbers_on_plate(item, plate, keys):
        # A clip counts its markers' frames from its first frame, which is 1.
        marks = [
            (track, track.markers.find_frame(number - plate.first + 1, exact=False))
            for track in clip.tracking.tracks
        ]
        marked = [
            {
                "x": round(mark.co[0] * plate.size[0], 2),
                "y": round((1 - mark.co[1]) * plate.size[1], 2),
                "positive": not track.name.startswith(_OFF_SUBJECT_PREFIX),
            }
            for track, mark in marks
            if mark is not None and not mark.mute
        ]
        points[number] = {"points": marked}
    if not any(key["points"] for key in points.values()):
        raise Failure("The clip has no track markers on the key frames; track some first.")
    content_hash = hashlib.sha256(repr(sorted(points.items())).encode())
    return Guidance({}, points, digest=content_hash.hexdigest()[:_DIGEST_DIGITS])


def _read_pointed(item: ResultSettings, plate: Plate) -> Guidance:
    frames = Pointed.parse(item.pointed).frames
    if not frames:
        raise Failure(f"Point at “{item.name}” in the picture first, on one frame at least.")
    shown = [plate.scene_frame(number) for number in frames]
    points = {n: frames[n].key() for n in _numbers_on_plate(item, plate, sorted(shown))}
    content_hash = hashlib.sha256(repr(sorted(points.items())).encode())
    return Guidance({}, points, digest=content_hash.hexdigest()[:_DIGEST_DIGITS])
