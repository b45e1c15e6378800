"""Files of a shot's frames, by their numbers: plates, depth maps, mattes."""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

from mattelier.media.frame_names import FrameNames, sequences_in
from mattelier.types.errors import PictureError, UsageError

_HEAD_BYTES = 1 << 16  # of a file; an EXR's say how many bytes each of its lines has


class FrameFiles:
    """Files numbered as a plate's frames, or one for all of them.

    Parameters
    ----------
    names : FrameNames, or the one file's Path

    Raises
    ------
    PictureError
        There are no such files.
    """

    def __init__(self, names: FrameNames | Path) -> None:
        self._names = names
        self._numbered = {} if isinstance(names, Path) else names.on_disk()
        if not isinstance(names, Path) and not self._numbered:
            raise PictureError(f"There are no frames {names}.")

    @classmethod
    def find(cls, text: str, suffixes: Collection[str]) -> FrameFiles:
        """What a text stands for: a pattern, a folder of numbered files, or one file.

        Parameters
        ----------
        suffixes : collection of str
            What is looked for in a folder: lower case, with dot.

        Raises
        ------
        PictureError
            There are no such files.
        UsageError
            A folder holds several sequences.
        """
        if os.path.isfile(text):
            return cls(Path(text))
        if not os.path.isdir(text):
            names = FrameNames.parse(text)
            if names is None:
                raise PictureError(f"{text} does not exist.")
            return cls(names)
        found = sequences_in(Path(text), suffixes)
        if len(found) > 1:
            listed = ", ".join(map(str, found[:4]))
            raise UsageError(f"{text} holds several sequences; name one of them: {listed}.")
        if not found:
            raise PictureError(f"{text} holds no numbered files that fit.")
        return cls(found[0])

    @property
    def frames(self) -> Collection[int] | None:
        """The frames that have a file; None where one file is for all."""
        return None if isinstance(self._names, Path) else self._numbered.keys()

    def path(self, frame: int) -> Path:
        """The file of a frame.

        Raises
        ------
        PictureError
            It is missing, or there twice.
        """
        if isinstance(self._names, Path):
            return self._names
        files = self._numbered.get(frame)
        if not files:
            raise PictureError(f"{self._names.path(frame)} does not exist.")
        if len(files) > 1:
            listed = " and ".join(file.name for file in files)
            raise PictureError(f"Frame {frame} is there twice, as {listed}; keep one of them.")
        return files[0]

    def identity(self, frame: int) -> str:
        """What changes when the frame's file does; "" where there is none."""
        try:
            return file_identity(self.path(frame))
        except PictureError:
            return ""

    def paths(self) -> Iterator[Path]:
        """All the files."""
        if isinstance(self._names, Path):
            yield self._names
        for files in self._numbered.values():
            yield from files


def file_identity(path: Path) -> str:
    """What changes when a file does; "" where there is none.

    Its size, its time and a checksum of its head: other files may be moved into its place with a
    time of their own, and have the same size.
    """
    try:
        status = os.stat(path)
        head = _head_checksum(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}:{head:08x}"


@lru_cache(maxsize=1 << 16)
def _head_checksum(path: Path, *status: int) -> int:
    """Of a file that is read once, unless its size or one of its times changes."""
    with path.open("rb") as file:
        return zlib.crc32(file.read(_HEAD_BYTES))
