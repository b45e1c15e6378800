# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbered files of one name, as film and effects keep their frames."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)


@dataclass(frozen=True)
class Sequence:
    """Numbered files of one name: "plate.####.exr"."""

    folder: Path
    head: str
    digits: int
    tail: str

    @classmethod
    def of_file(cls, path: Path) -> Sequence | None:
        """The sequence that a file belongs to, by the last digits of its name."""
        match = _NUMBERED.fullmatch(path.stem)
        if not match:
            return None
        head, digits, tail = match.groups()
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

    def scan(self) -> dict[int, os.stat_result]:
        """The numbers that exist, each with what the system knows of its file."""
        return dict(sorted(self._scanned()))

    def _scanned(self) -> Iterator[tuple[int, os.stat_result]]:
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
                        yield int(number), entry.stat()
        except OSError:
            return


def link_or_copy(source: Path, copy: Path) -> None:
    """The same file under another name, with its time of change."""
    try:
        os.link(source, copy)
    except OSError:
        shutil.copy2(source, copy)
