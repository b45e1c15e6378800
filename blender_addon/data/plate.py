# SPDX-License-Identifier: GPL-3.0-or-later
"""A plate: which file shows on which scene frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .failure import Failure
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

    def present(self, numbers: Iterable[int]) -> list[int]:
        """Those numbers that it has; raises Failure where it has none of them."""
        present = [number for number in numbers if number in self.numbers]
        if not present:
            raise Failure(
                f"The plate has no frame there; it shows on the frames {self.start}-"
                f"{self.scene_frame(self.last)}."
            )
        return present

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


def sequence_plate(file: Path, start: int, size: tuple[int, int], space: str, noun: str) -> Plate:
    """The plate of all numbered files that one belongs to.

    Parameters
    ----------
    noun : str
        Its name in sentences: "plate".

    Raises
    ------
    Failure
        It has no number, or none of them is there.
    """
    sequence = Sequence.of_file(file)
    if sequence is None:
        raise Failure(
            f"{file.name} has no frame number; a {noun} is an image sequence, or a movie."
        )
    numbers = tuple(sequence.scan())
    if not numbers:
        raise Failure(f"The {noun} is not there: {sequence.pattern}.")
    return Plate(file, sequence, numbers, start, size, space)


def movie_plate(
    file: Path, count: int, start: int, size: tuple[int, int], space: str, noun: str
) -> Plate:
    """The plate of a movie's frames; raises Failure where it is not there."""
    if not file.is_file():
        raise Failure(f"The {noun} is not there: {file}.")
    return Plate(file, None, tuple(range(1, count + 1)), start, size, space)
