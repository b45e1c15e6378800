"""A plate of numbered picture files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.media import stills
from mattelier.media.frame_files import FrameFiles
from mattelier.media.frame_names import FrameNames
from mattelier.media.plate import Plate
from mattelier.media.timecode import Timecode
from mattelier.types.errors import PictureError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture, Window

_RATE = "FramesPerSecond"  # OpenImageIO's name of an EXR's frame rate: (numerator, denominator)
_TIMECODE = "smpte:TimeCode"
_SAMPLE_SIZE = 256  # pixels of a sample's longer side


@dataclass(frozen=True)
class _Place:
    """Where a picture's pixels lie: size of the data, and the EXR's windows."""

    height: int
    width: int
    window: Window | None

    @classmethod
    def of(cls, picture: Picture) -> _Place:
        return cls(picture.height, picture.width, picture.window)

    @property
    def whole(self) -> tuple[int, int]:
        """(height, width) of the display window, or of the data where there is none."""
        window = self.window
        return (self.height, self.width) if window is None else _display(window)


class SequencePlate(Plate):
    """Numbered files of one name; gaps stay gaps.

    The size is what most of three frames have: the first, the middle one and the last. EXR frames
    of one display window may have data windows of their own: they are laid onto the plate's,
    black where they have nothing.

    Raises
    ------
    PictureError
        There are no such files, or none of them can be read.
    """

    def __init__(self, names: FrameNames) -> None:
        self._names = names
        self._files = FrameFiles(names)
        self.name = names.stem
        self.frames = FrameRange.of(self._files.frames or ())
        self.missing = _gaps(self.frames)
        samples = dict(self._sampled())
        places = {frame: _Place.of(picture) for frame, picture in samples.items()}
        whole = Counter(place.whole for place in places.values()).most_common(1)[0][0]
        fitting = {frame: place for frame, place in places.items() if place.whole == whole}
        self._place = _common(list(fitting.values()))
        self.height, self.width = self._place.height, self._place.width
        self.samples = tuple(_small(samples[frame]) for frame in fitting)
        self._first = next(iter(fitting))  # of which rate and timecode are taken
        self._said = samples[self._first].metadata
        self.fps = _rate(self._said)

    def read(self, frame: int) -> Picture:
        picture = stills.read(self.source(frame))
        place = _Place.of(picture)
        if place == self._place:
            return picture
        if place.whole != self._place.whole or place.window is None or self._place.window is None:
            height, width = place.whole
            raise PictureError(
                f"{self.source(frame)} is {width}×{height} pixels but the plate is "
                f"{self._place.whole[1]}×{self._place.whole[0]}."
            )
        return replace(
            picture,
            colour=_laid(picture.colour, place.window, self._place),
            alpha=None
            if picture.alpha is None
            else _laid(picture.alpha, place.window, self._place),
            window=self._place.window,
        )

    def identity(self, frame: int) -> str:
        return self._files.identity(frame)

    def source(self, frame: int) -> Path:
        return self._files.path(frame)

    def timecode(self, frame: int) -> str | None:
        """Counted on from that of the first frame's EXR."""
        kind, packed = self._said.get(_TIMECODE, ("", None))
        if kind != "timecode" or self.fps is None or packed is None:
            return None
        start = Timecode.unpacked(int(packed[0]), self.fps)
        return None if start is None else str(start + (frame - self._first))

    def _sampled(self) -> Iterator[tuple[int, Picture]]:
        """The first, middle and last frame; where none of them can be read, the first that can."""
        frames = self.frames.frames
        first = dict.fromkeys((frames[0], frames[len(frames) // 2], frames[-1]))
        problem, read = PictureError(f"There are no frames {self._names}."), 0
        for number, frame in enumerate(dict.fromkeys((*first, *frames))):
            if number >= len(first) and read:
                return
            try:
                yield frame, stills.read(self.source(frame))
                read += 1
            except PictureError as error:
                problem = error
        if not read:
            raise problem


def _display(window: Window) -> tuple[int, int]:
    return window.full_height, window.full_width


def _common(places: list[_Place]) -> _Place:
    """The place of them all: theirs where it is one, else the display window."""
    first = places[0]
    if all(place == first for place in places) or first.window is None:
        return first
    window = first.window
    return _Place(*_display(window), replace(window, x=window.full_x, y=window.full_y))


def _laid(samples: NDArray[Any], window: Window, place: _Place) -> NDArray[Any]:
    """Samples whose data window begins at `window`, cut and padded to a place's."""
    assert place.window is not None
    result = np.zeros((place.height, place.width, *samples.shape[2:]), samples.dtype)
    down, right = window.y - place.window.y, window.x - place.window.x
    y0, x0 = max(down, 0), max(right, 0)
    y1 = min(down + samples.shape[0], place.height)
    x1 = min(right + samples.shape[1], place.width)
    if y1 > y0 and x1 > x0:
        result[y0:y1, x0:x1] = samples[y0 - down : y1 - down, x0 - right : x1 - right]
    return result


def _gaps(frames: FrameRange) -> FrameRange:
    """Frames left out, where neighbours are further apart than most are."""
    pairs = list(zip(frames.frames, frames.frames[1:], strict=False))
    if not pairs:
        return FrameRange()
    counts = Counter(b - a for a, b in pairs)
    step = min(counts, key=lambda size: (-counts[size], size))
    return FrameRange.of(frame for a, b in pairs for frame in range(a + step, b, step))


def _small(picture: Picture) -> Picture:
    scale = min(1.0, _SAMPLE_SIZE / max(picture.height, picture.width))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    colour = cv2.resize(picture.colour, size, interpolation=cv2.INTER_AREA)
    return replace(picture, colour=colour, alpha=None, window=None)


def _rate(metadata: Mapping[str, Any]) -> Fraction | None:
    kind, value = metadata.get(_RATE, ("", None))
    if kind != "rational" or value is None or not value[1]:
        return None
    return Fraction(int(value[0]), int(value[1]))
