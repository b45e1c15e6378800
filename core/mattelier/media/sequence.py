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

# OpenImageIO's names of an EXR's frame rate, (numerator, denominator), and of its timecode.
_FRAME_RATE_KEY = "FramesPerSecond"
_TIMECODE_KEY = "smpte:TimeCode"
_SAMPLE_SIZE_PX = 256  # pixels of a sample's longer side


@dataclass(frozen=True)
class _FrameExtent:
    """Where a picture's pixels lie: size of the data, and the EXR's windows."""

    height: int
    width: int
    window: Window | None

    @classmethod
    def of(cls, picture: Picture) -> _FrameExtent:
        return cls(picture.height, picture.width, picture.window)

    @property
    def display_size(self) -> tuple[int, int]:
        """(height, width) of the display window, or of the data where there is none."""
        window = self.window
        return (self.height, self.width) if window is None else _display_size(window)


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
        self.missing = _find_gaps(self.frames)
        samples = dict(self._read_samples())
        extents = {frame: _FrameExtent.of(picture) for frame, picture in samples.items()}
        display_size = Counter(extent.display_size for extent in extents.values()).most_common(1)[
            0
        ][0]
        fitting = {
            frame: extent
            for frame, extent in extents.items()
            if extent.display_size == display_size
        }
        self._extent = _common_extent(list(fitting.values()))
        self.height, self.width = self._extent.height, self._extent.width
        self.samples = tuple(_shrink_sample(samples[frame]) for frame in fitting)
        self._first = next(iter(fitting))  # of which rate and timecode are taken
        self._metadata = samples[self._first].metadata
        self.fps = _frame_rate(self._metadata)

    def read(self, frame: int) -> Picture:
        picture = stills.read(self.source(frame))
        extent = _FrameExtent.of(picture)
        if extent == self._extent:
            return picture
        if (
            extent.display_size != self._extent.display_size
            or extent.window is None
            or self._extent.window is None
        ):
            height, width = extent.display_size
            raise PictureError(
                f"{self.source(frame)} is {width}×{height} pixels but the plate is "
                f"{self._extent.display_size[1]}×{self._extent.display_size[0]}."
            )
        return replace(
            picture,
            colour=_fit_to_window(picture.colour, extent.window, self._extent),
            alpha=None
            if picture.alpha is None
            else _fit_to_window(picture.alpha, extent.window, self._extent),
            window=self._extent.window,
        )

    def identity(self, frame: int) -> str:
        return self._files.identity(frame)

    def source(self, frame: int) -> Path:
        return self._files.path(frame)

    def timecode(self, frame: int) -> str | None:
        """Counted on from that of the first frame's EXR."""
        value_type, packed = self._metadata.get(_TIMECODE_KEY, ("", None))
        if value_type != "timecode" or self.fps is None or packed is None:
            return None
        start = Timecode.unpack(int(packed[0]), self.fps)
        return None if start is None else str(start + (frame - self._first))

    def _read_samples(self) -> Iterator[tuple[int, Picture]]:
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


def _display_size(window: Window) -> tuple[int, int]:
    return window.full_height, window.full_width


def _common_extent(extents: list[_FrameExtent]) -> _FrameExtent:
    """The place of them all: theirs where it is one, else the display window."""
    first = extents[0]
    if all(extent == first for extent in extents) or first.window is None:
        return first
    window = first.window
    return _FrameExtent(*_display_size(window), replace(window, x=window.full_x, y=window.full_y))


def _fit_to_window(samples: NDArray[Any], window: Window, extent: _FrameExtent) -> NDArray[Any]:
    """Samples whose data window begins at `window`, cut and padded to a place's."""
    assert extent.window is not None
    result = np.zeros((extent.height, extent.width, *samples.shape[2:]), samples.dtype)
    down, right = window.y - extent.window.y, window.x - extent.window.x
    y0, x0 = max(down, 0), max(right, 0)
    y1 = min(down + samples.shape[0], extent.height)
    x1 = min(right + samples.shape[1], extent.width)
    if y1 > y0 and x1 > x0:
        result[y0:y1, x0:x1] = samples[y0 - down : y1 - down, x0 - right : x1 - right]
    return result


def _find_gaps(frames: FrameRange) -> FrameRange:
    """Frames left out, where neighbours are further apart than most are."""
    pairs = list(zip(frames.frames, frames.frames[1:], strict=False))
    if not pairs:
        return FrameRange()
    counts = Counter(b - a for a, b in pairs)
    step = min(counts, key=lambda size: (-counts[size], size))
    return FrameRange.of(frame for a, b in pairs for frame in range(a + step, b, step))


def _shrink_sample(picture: Picture) -> Picture:
    scale = min(1.0, _SAMPLE_SIZE_PX / max(picture.height, picture.width))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    colour = cv2.resize(picture.colour, size, interpolation=cv2.INTER_AREA)
    return replace(picture, colour=colour, alpha=None, window=None)


def _frame_rate(metadata: Mapping[str, Any]) -> Fraction | None:
    value_type, value = metadata.get(_FRAME_RATE_KEY, ("", None))
    if value_type != "rational" or value is None or not value[1]:
        return None
    return Fraction(int(value[0]), int(value[1]))
