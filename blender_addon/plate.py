# SPDX-License-Identifier: GPL-3.0-or-later
"""The plate of a node: which file shows on which scene frame."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .failure import Failure

if TYPE_CHECKING:
    from .settings import Settings

_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)


@dataclass(frozen=True)
class Sequence:
    """Numbered files of one name: "plate.####.exr"."""

    folder: Path
    head: str
    digits: int
    tail: str

    @classmethod
    def of(cls, path: Path) -> Sequence | None:
        """The sequence that a file belongs to, by the last digits of its name."""
        found = _NUMBERED.fullmatch(path.stem)
        if not found:
            return None
        head, digits, tail = found.groups()
        return cls(path.parent, head, len(digits), tail + path.suffix)

    @property
    def pattern(self) -> str:
        """With # for each digit, as the engine reads it."""
        return str(self.folder / f"{self.head}{'#' * self.digits}{self.tail}")

    @property
    def name(self) -> str:
        """What the engine calls it, and names its results by."""
        return self.head.rstrip("._- ") or self.folder.name

    def number(self, file: Path) -> int:
        """The number of one of its files."""
        return int(file.name[len(self.head) : len(file.name) - len(self.tail)])

    def file(self, number: int) -> Path:
        return self.folder / f"{self.head}{number:0{self.digits}d}{self.tail}"

    def there(self) -> dict[int, float]:
        """The numbers that exist, each with the time of its last change."""
        return dict(sorted(self._scanned()))

    def _scanned(self) -> Iterator[tuple[int, float]]:
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    name = entry.name
                    number = name[len(self.head) : len(name) - len(self.tail)]
                    if (
                        number.isdecimal()
                        and len(number) >= self.digits
                        and name == self.file(int(number)).name
                    ):
                        yield int(number), entry.stat().st_mtime
        except OSError:
            return


@dataclass(frozen=True)
class Plate:
    """What is to be matted.

    Attributes
    ----------
    file : Path
        Of a movie or a still; of a sequence any one.
    numbers : dict
        The plate's own frame numbers, ascending, each with its file's time of change. A movie
        counts from 1. Gaps of a sequence are left out.
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
    numbers: dict[int, float]
    start: int
    size: tuple[int, int]
    space: str
    still: bool = False

    @property
    def first(self) -> int:
        return min(self.numbers)

    @property
    def last(self) -> int:
        return max(self.numbers)

    @property
    def gaps(self) -> list[int]:
        """Numbers between the first and the last that are not there."""
        return sorted(set(range(self.first, self.last + 1)) - self.numbers.keys())

    def number(self, scene_frame: int) -> int:
        """The plate's number that shows on a scene frame, also where none is there."""
        return self.first if self.still else scene_frame - self.start + self.first

    def scene_frame(self, number: int) -> int:
        return number - self.first + self.start

    @property
    def pattern(self) -> str:
        return self.sequence.pattern if self.sequence else str(self.file)

    @property
    def is_scene_linear(self) -> bool:
        """Whether the engine keeps the plate's own space in what it writes: float files."""
        return self.file.suffix.lower() in {".exr", ".hdr"}

    @property
    def name(self) -> str:
        """What the engine calls it, and names its results by."""
        return self.sequence.name if self.sequence else self.file.stem


def find(settings: Settings) -> Plate:
    """The plate that a node is set to.

    Raises
    ------
    Failure
        None is chosen, or its files are not there.
    """
    if settings.source == "CLIP":
        return _of_clip(settings.clip)
    if settings.image is None:
        raise Failure("Choose a plate: an image sequence, or a movie.")
    return of_image(settings.image, settings.frame_start, "plate")


def fitting_start(settings: Settings, scene: bpy.types.Scene) -> int:
    """Where a plate begins best: on its own number where the scene shows that, else with it."""
    try:
        plate = find(settings)
    except Failure:
        return settings.frame_start
    if settings.source == "CLIP" or scene.frame_start <= plate.first <= scene.frame_end:
        return plate.start if settings.source == "CLIP" else plate.first
    return scene.frame_start


def of_image(image: bpy.types.Image, start: int, what: str) -> Plate:
    """The files of an image that shows from the scene frame `start` on.

    Parameters
    ----------
    what : str
        Its name in sentences: "plate".

    Raises
    ------
    Failure
        They are not there.
    """
    file = file_of(image)
    size = tuple(image.size)  # Blender knows the colour space once it has looked
    space = image.colorspace_settings.name
    if image.source == "MOVIE":
        return _of_movie(file, image.frame_duration, start, size, space, what)
    plate = _of_sequence(file, start, size, space, what)
    if image.source == "SEQUENCE":
        return plate
    own = plate.sequence.number(file)
    return replace(plate, numbers={own: plate.numbers[own]}, still=True)


def file_of(image: bpy.types.Image) -> Path:
    """The file that an image names.

    Raises
    ------
    Failure
        It is kept inside the .blend file.
    """
    if image.packed_file or not image.filepath:
        raise Failure(f"“{image.name}” is packed into the file; unpack it (Image → Unpack) first.")
    return Path(bpy.path.abspath(image.filepath_raw, library=image.library)).absolute()


def _of_clip(clip: bpy.types.MovieClip | None) -> Plate:
    if clip is None:
        raise Failure("Choose a plate: a movie clip.")
    file = Path(bpy.path.abspath(clip.filepath, library=clip.library)).absolute()
    start = clip.frame_start - clip.frame_offset
    size = tuple(clip.size)
    space = clip.colorspace_settings.name
    if clip.source == "MOVIE":
        return _of_movie(file, clip.frame_duration, start, size, space, "plate")
    plate = _of_sequence(file, start, size, space, "plate")
    begin = plate.sequence.number(file)  # a clip begins with its file
    numbers = {number: time for number, time in plate.numbers.items() if number >= begin}
    return replace(plate, numbers=numbers or plate.numbers)


def _of_sequence(file: Path, start: int, size: tuple[int, ...], space: str, what: str) -> Plate:
    sequence = Sequence.of(file)
    if sequence is None:
        raise Failure(
            f"{file.name} has no frame number; a {what} is an image sequence, or a movie."
        )
    numbers = sequence.there()
    if not numbers:
        raise Failure(f"The {what} is not there: {sequence.pattern}.")
    return Plate(file, sequence, numbers, start, size, space)


def _of_movie(
    file: Path, count: int, start: int, size: tuple[int, ...], space: str, what: str
) -> Plate:
    try:
        time = file.stat().st_mtime
    except OSError:
        raise Failure(f"The {what} is not there: {file}.") from None
    return Plate(file, None, dict.fromkeys(range(1, count + 1), time), start, size, space)


def read_size(plate: Plate) -> tuple[int, int]:
    """Width and height of a plate, from its first file where Blender has not looked yet.

    Raises
    ------
    Failure
        Blender cannot read it.
    """
    if all(plate.size):
        return plate.size
    file = plate.sequence.file(plate.first) if plate.sequence else plate.file
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
