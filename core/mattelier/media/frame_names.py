"""Names of a sequence's files: where in them the frame number stands, and how it is padded.

By hand, because `fileseq` takes `#` for four digits and fills a second mark with zeros in silence.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from mattelier.types.errors import PictureError, UsageError

# plate.####.exr and plate.@@@@.exr (padding by count), plate.%04d.exr, plate.$F4.exr (Houdini).
_NUMBER_PATTERNS = re.compile(r"#+|@+|%(?:0(\d+))?d|\$F(\d*)")
_NUMBER = re.compile(r"-?\d+")
_DEFAULT_PADDING_DIGITS = 4
_MAX_PADDING_DIGITS = 18
_MAX_TOLD_CHARS = 80  # of a name that a sentence repeats


@dataclass(frozen=True)
class FrameNames:
    """File names `folder/prefix + number + suffix`.

    Attributes
    ----------
    padding : int
        Least digits of the number, filled with zeros.
    """

    folder: Path
    prefix: str
    padding: int
    suffix: str

    @classmethod
    def parse(cls, text: str) -> FrameNames | None:
        """The names that a pattern stands for (`####`, `@@@@`, `%04d`, `$F4`); None if it is none.

        Raises
        ------
        UsageError
            The pattern marks the number twice, or asks for a number that is no number.
        """
        path = Path(text)
        marks = list(_NUMBER_PATTERNS.finditer(path.name))
        if not marks:
            return None
        if len(marks) > 1:
            raise UsageError(f"{text} marks the frame number twice; write one of them out.")
        mark = marks[0]
        digits = mark[1] if mark[0].startswith("%") else mark[2]
        if (
            len(mark[0]) > _MAX_PADDING_DIGITS + len("%0d")
            or (padding := len(mark[0]) if mark[0][0] in "#@" else int(digits or 1))
            > _MAX_PADDING_DIGITS
        ):
            raise UsageError(
                f"{_shorten(text)} asks for frame numbers of more than {_MAX_PADDING_DIGITS} "
                "digits; write fewer, such as ####."
            )
        return cls(path.parent, path.name[: mark.start()], padding, path.name[mark.end() :])

    @classmethod
    def of_file(cls, path: Path) -> FrameNames | None:
        """The names of the sequence that a file belongs to: its last number is the frame's."""
        numbers = list(_NUMBER.finditer(path.stem))
        if not numbers:
            return None
        start, end = numbers[-1].span()
        if path.name[start] == "-" and start > 0 and path.name[start - 1] != ".":
            start += 1  # shot-0001.png: a hyphen, not a minus
        digits = path.name[start:end].lstrip("-")
        padding = (
            len(digits) if digits.startswith("0") else min(len(digits), _DEFAULT_PADDING_DIGITS)
        )
        return cls(path.parent, path.name[:start], padding, path.name[end:])

    def path(self, frame: int) -> Path:
        """The file of a frame."""
        number = f"{'-' if frame < 0 else ''}{abs(frame):0{self.padding}d}"
        return self.folder / f"{self.prefix}{number}{self.suffix}"

    @property
    def extension(self) -> str:
        """The kind of file, lower case with dot: `.exr`."""
        return os.path.splitext(f"_{self.suffix}")[1].lower()

    @property
    def stem(self) -> str:
        """What the sequence is called: its names without number and suffix."""
        return self.prefix.rstrip("._- ") or self.folder.absolute().name

    def __str__(self) -> str:
        return str(self.folder / f"{self.prefix}{'#' * self.padding}{self.suffix}")

    def on_disk(self) -> dict[int, list[Path]]:
        """The files that are there, by frame; more than one where padding makes names differ.

        Raises
        ------
        PictureError
            The folder is missing or cannot be listed.
        """
        pattern = re.compile(rf"{re.escape(self.prefix)}(-?\d+){re.escape(self.suffix)}")
        found: dict[int, list[Path]] = {}
        for name in _list_folder(self.folder):
            match = pattern.fullmatch(name)
            if match:
                found.setdefault(int(match[1]), []).append(self.folder / name)
        return found


def sequences_in(folder: Path, suffixes: Collection[str]) -> list[FrameNames]:
    """The sequences among a folder's own files, by name; `suffixes` are lower case, with dot.

    Raises
    ------
    PictureError
        The folder cannot be listed.
    """
    sequences: dict[tuple[str, str], FrameNames] = {}
    for name in _list_folder(folder):
        path = folder / name
        if name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        names = FrameNames.of_file(path)
        if names is None:
            continue
        key = (names.prefix, names.suffix)
        if key not in sequences or names.padding < sequences[key].padding:
            sequences[key] = names
    return [sequences[key] for key in sorted(sequences)]


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TOLD_CHARS else f"{text[:_MAX_TOLD_CHARS]}…"


def _list_folder(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        raise PictureError(f"{folder} does not exist.") from None
    except OSError as error:
        raise PictureError(f"{folder} cannot be listed: {error.strerror}.") from error
