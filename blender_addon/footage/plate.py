# SPDX-License-Identifier: GPL-3.0-or-later
"""The plate of a node: which file shows on which scene frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..ground.blend_paths import absolute
from ..ground.failure import Failure
from .sequence import Sequence

_USUAL_SPACES = {(True, "Linear Rec.709"), (False, "sRGB")}  # of float files, and of others
_DATA_SPACES = {"Non-Color", "Raw"}


@dataclass(frozen=True)
class Plate:
    """What is to be matted.

    Attributes
    ----------
    file : Path
        Of a movie or a still; of a sequence any one.
    numbers : tuple of int
        The plate's own frame numbers, ascending. A movie counts from 1. Gaps of a sequence are
        left out.
    start : int
        The scene frame on which the first number shows.
    size : (int, int)
        Width and height in pixels.
    space : str
        Blender's name of the colour space that its files are in.
    still : bool
        One picture that shows on every scene frame.
    """

    file: Path
    sequence: Sequence | None
    numbers: tuple[int, ...]
    start: int
    size: tuple[int, int]
    space: str
    still: bool = False

    @property
    def first(self) -> int:
        return self.numbers[0]

    @property
    def last(self) -> int:
        return self.numbers[-1]

    @property
    def gaps(self) -> list[int]:
        """Numbers between the first and the last that are not there."""
        return sorted(set(range(self.first, self.last + 1)) - set(self.numbers))

    def number(self, scene_frame: int) -> int:
        """The plate's number that shows on a scene frame, also where none is there."""
        return self.first if self.still else scene_frame - self.start + self.first

    def shown_number(self, scene_frame: int) -> int:
        """The plate's number that shows on a scene frame; raises Failure where none is there."""
        number = self.number(scene_frame)
        if number not in self.numbers:
            raise Failure(f"The plate has no frame {scene_frame}; go to one that it has.")
        return number

    def scene_frame(self, number: int) -> int:
        return number - self.first + self.start

    @property
    def pattern(self) -> str:
        return self.sequence.pattern if self.sequence else str(self.file)

    def source(self, number: int) -> Path:
        """The file that holds a frame."""
        return self.sequence.file(number) if self.sequence else self.file

    @property
    def shown_name(self) -> str:
        """Of its files, for people: "plate.####.exr 101–110"."""
        name = Path(self.pattern).name
        return name if self.still else f"{name} {self.first}–{self.last}"

    @property
    def is_scene_linear(self) -> bool:
        """Whether the engine keeps the plate's own space in what it writes: float files."""
        return self.file.suffix.lower() in {".exr", ".hdr"}

    @property
    def engine_space(self) -> str | None:
        """The engine's name of its colour space; None where it is what such files have."""
        if self.space in _DATA_SPACES or (self.is_scene_linear, self.space) in _USUAL_SPACES:
            return None
        return {"Linear Rec.709": "lin_rec709"}.get(self.space, self.space)

    @property
    def name(self) -> str:
        """What the engine calls it, and names its results by."""
        return self.sequence.name if self.sequence else self.file.stem


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
        return _movie_plate(file, image.frame_duration, start, size, space, noun)
    plate = _sequence_plate(file, start, size, space, noun)
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
        return _movie_plate(file, clip.frame_duration, start, size, space, "plate")
    plate = _sequence_plate(file, start, size, space, "plate")
    begin = plate.sequence.number(file)  # a clip begins with its file
    numbers = tuple(number for number in plate.numbers if number >= begin)
    return replace(plate, numbers=numbers or plate.numbers)


def _sequence_plate(file: Path, start: int, size: tuple[int, ...], space: str, noun: str) -> Plate:
    sequence = Sequence.of_file(file)
    if sequence is None:
        raise Failure(
            f"{file.name} has no frame number; a {noun} is an image sequence, or a movie."
        )
    numbers = tuple(sequence.scan())
    if not numbers:
        raise Failure(f"The {noun} is not there: {sequence.pattern}.")
    return Plate(file, sequence, numbers, start, size, space)


def _movie_plate(
    file: Path, count: int, start: int, size: tuple[int, ...], space: str, noun: str
) -> Plate:
    if not file.is_file():
        raise Failure(f"The {noun} is not there: {file}.")
    return Plate(file, None, tuple(range(1, count + 1)), start, size, space)


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
