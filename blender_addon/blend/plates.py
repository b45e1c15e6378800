# SPDX-License-Identifier: GPL-3.0-or-later
"""Plates of Blender's own images and movie clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ..data.failure import Failure
from ..data.plate import Plate, movie_plate, sequence_plate
from .paths import absolute


def plate_of_image(image: bpy.types.Image, start: int, noun: str) -> Plate:
    """The files of an image that shows from the scene frame `start` on.

    Parameters
    ----------
    noun : str
        Its name in sentences: "plate".

    Raises
    ------
    Failure
        They are not there.
    """
    file = image_file(image)
    size = tuple(image.size)  # Blender knows the colour space once it has looked
    space = image.colorspace_settings.name
    if image.source == "MOVIE":
        return movie_plate(file, image.frame_duration, start, size, space, noun)
    plate = sequence_plate(file, start, size, space, noun)
    if image.source == "SEQUENCE":
        return plate
    own = plate.sequence.number(file)
    return replace(plate, numbers=(own,), still=True)


def image_file(image: bpy.types.Image) -> Path:
    """The file that an image names.

    Raises
    ------
    Failure
        It is kept inside the .blend file.
    """
    if image.packed_file or not image.filepath:
        raise Failure(f"“{image.name}” is packed into the file; unpack it (Image → Unpack) first.")
    return absolute(image.filepath_raw, image.library)


def plate_of_clip(clip: bpy.types.MovieClip | None) -> Plate:
    """The files of a movie clip; raises as `plate_of_image`, and where there is none."""
    if clip is None:
        raise Failure("Choose a plate: a movie clip.")
    file = absolute(clip.filepath, clip.library)
    start = clip.frame_start - clip.frame_offset
    size = tuple(clip.size)
    space = clip.colorspace_settings.name
    if clip.source == "MOVIE":
        return movie_plate(file, clip.frame_duration, start, size, space, "plate")
    plate = sequence_plate(file, start, size, space, "plate")
    begin = plate.sequence.number(file)  # a clip begins with its file
    numbers = tuple(number for number in plate.numbers if number >= begin)
    return replace(plate, numbers=numbers or plate.numbers)


def read_size(plate: Plate) -> tuple[int, int]:
    """Width and height of a plate, from its first file where Blender has not looked yet.

    Raises
    ------
    Failure
        Blender cannot read it.
    """
    if all(plate.size):
        return plate.size
    file = plate.source(plate.first)
    try:
        image = bpy.data.images.load(str(file))
    except RuntimeError:
        raise Failure(f"Blender cannot read {file}.") from None
    try:
        width, height = image.size
    finally:
        bpy.data.images.remove(image)
    if not (width and height):
        raise Failure(f"Blender cannot read {file}.")
    return width, height
