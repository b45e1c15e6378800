"""Mattes of a shot's frames, read one by one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.media.frame_files import FrameFiles
from mattelier.media.movie_formats import MOVIE_SUFFIXES
from mattelier.media.open_plate import open_plate
from mattelier.media.plate import Plate
from mattelier.media.provenance import read_provenance
from mattelier.media.stills import INPUT_SUFFIXES, read_grey
from mattelier.types.colour import to_float
from mattelier.types.errors import PictureError


class MatteFrames:
    """A subject's mattes by frame, from numbered files or one for all."""

    def __init__(self, text: str) -> None:
        self._files = FrameFiles.find(text, INPUT_SUFFIXES)

    def read(self, frame: int) -> NDArray[np.float32]:
        """The matte of a frame: (H, W) float32 0…1.

        Raises
        ------
        PictureError
            It is missing or damaged.
        """
        return read_grey(self._files.path(frame))

    def identity(self, frame: int) -> str:
        """What changes when the frame's matte does."""
        return self._files.identity(frame)

    def paths(self) -> Iterable[Path]:
        """All files that they are read from."""
        return self._files.paths()


class TrackedMatteFrames(MatteFrames):
    """Mattes that were made here: their stamp says what they are, whenever they were written."""

    def identity(self, frame: int) -> str:
        """See `MatteFrames`."""
        try:
            provenance = read_provenance(self._files.path(frame))
        except PictureError:
            return ""
        return "" if provenance is None else str(provenance.cache_key)


class MovieMatteFrames(MatteFrames):
    """The frames of a movie: its alpha where it has one, else how bright it is."""

    def __init__(self, plate: Plate) -> None:
        self._plate = plate

    def read(self, frame: int) -> NDArray[np.float32]:
        """See `MatteFrames`."""
        picture = self._plate.read(frame)
        if picture.alpha is not None and np.ptp(picture.alpha):
            return to_float(picture.alpha)
        return np.ascontiguousarray(to_float(picture.colour[..., 1]))

    def identity(self, frame: int) -> str:
        """See `MatteFrames`."""
        return self._plate.identity(frame)

    def paths(self) -> Iterable[Path]:
        """See `MatteFrames`."""
        return [self._plate.source(self._plate.frames.frames[0])]


def open_mattes(text: str) -> MatteFrames:
    """The mattes that a pattern, a folder, a movie or one picture for all frames stands for.

    Raises
    ------
    PictureError, UsageError
        There are none, or several.
    """
    if Path(text).suffix.lower() in MOVIE_SUFFIXES:
        return MovieMatteFrames(open_plate(text))
    return MatteFrames(text)
