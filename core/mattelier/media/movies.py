"""A plate that is a movie, read frame by frame exactly (FFmpeg through PyAV)."""

from __future__ import annotations

import bisect
import os
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from mattelier.media.plate import Plate
from mattelier.media.size_limits import check_size
from mattelier.media.timecode import Timecode
from mattelier.types.errors import PictureError
from mattelier.types.frame_range import FrameRange
from mattelier.types.picture import Picture

# From so many lines on a movie that says nothing of its matrix has that of BT.709, else BT.601.
_MIN_HD_HEIGHT_PX = 720
_MAX_EARLIER_STARTS = 2  # key frames further back from which a frame is tried again
_UNSPECIFIED_MATRIX = 2  # of AVColorSpace
_BYTES_PER_PIXEL = 32  # as decoded, 16-bit RGBA, and both once more as they are turned into ours
_READ_ERRORS = (av.FFmpegError, OSError, ValueError)


class MoviePlate(Plate):
    """The frames of a movie's first picture track, numbered from 1.

    All presentation times are listed first, without decoding, so that a frame is found exactly,
    whatever the codec's group of pictures. Reading on from one frame to the next decodes each
    once. Frames are 8-bit or, where the movie has more, 16-bit display samples.

    Raises
    ------
    PictureError
        The file is no movie that can be read, or it has no pictures.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._times: list[int] = []
        self._key_times: list[int] = []
        try:
            self._container = av.open(str(path))
            stream = next(iter(self._container.streams.video), None)
            if stream is None:
                raise PictureError(f"{path} has no pictures in it.")
            check_size(path, stream.width, stream.height, _BYTES_PER_PIXEL)
            self._stream = stream
            cut_off = self._list_times(announced=len(stream.index_entries))
        except _READ_ERRORS as error:
            raise PictureError(
                f"{path} is damaged, truncated or no movie and cannot be read ({_reason(error)})."
            ) from error
        if not self._times:
            raise PictureError(f"{path} has no frames that can be read.")
        self.name = path.stem
        count = len(self._times)
        self.frames = FrameRange(tuple(range(1, count + cut_off + 1)))
        self.missing = FrameRange()
        self.fps = stream.average_rate or stream.guessed_rate
        self._decoded: Iterator[av.VideoFrame] = iter(())
        self._position = count  # index of the frame that the decoder gives next
        first = self.read(1)
        self.height, self.width = first.height, first.width
        self.samples = ()
        timecodes = [
            text
            for holder in (stream, *self._container.streams, self._container)
            for key, text in holder.metadata.items()
            if key.lower() == "timecode"
        ]
        self._start = Timecode.parse(timecodes[0], self.fps) if timecodes and self.fps else None

    def read(self, frame: int) -> Picture:
        if frame not in self.frames:
            raise PictureError(f"{self._path} has no frame {frame}.")
        if frame > len(self._times):
            raise PictureError(f"Frame {frame} of {self._path} is missing: the file is truncated.")
        with self._lock:
            try:
                found = self._frame_at(frame - 1)
            except _READ_ERRORS as error:
                self._position = len(self._times)
                raise PictureError(
                    f"Frame {frame} of {self._path} is damaged ({_reason(error)})."
                ) from error
            if found is None or found.is_corrupt:
                raise PictureError(f"Frame {frame} of {self._path} is damaged.")
            return _picture(found)

    def identity(self, frame: int) -> str:
        if frame not in self.frames:
            return ""
        status = os.stat(self._path)
        return f"{status.st_size}:{status.st_mtime_ns}:{frame}"

    def source(self, frame: int) -> Path:
        return self._path

    def timecode(self, frame: int) -> str | None:
        return None if self._start is None else str(self._start + (frame - 1))

    def seconds(self, frame: int) -> Fraction:
        """When a frame is shown, counted from the first."""
        base = self._stream.time_base
        assert base is not None
        return (self._times[frame - 1] - self._times[0]) * base

    def close(self) -> None:
        with self._lock:
            self._container.close()

    def _list_times(self, announced: int) -> int:
        """List when frames are shown; returns how many are announced but not in the file."""
        times, key_times, packets = set(), set(), 0
        try:
            for packet in self._container.demux(self._stream):
                if packet.pts is None or not packet.size or packet.is_corrupt:
                    continue
                packets += 1
                if packet.is_discard:
                    continue
                times.add(packet.pts)
                if packet.is_keyframe:
                    key_times.add(packet.pts)
        except av.FFmpegError:
            if not times:
                raise
        self._times, self._key_times = sorted(times), sorted(key_times)
        self._stream.thread_type = "AUTO"
        # Of MOV and MP4 the index names every frame beforehand, of others at most some.
        return max(0, announced - packets)

    def _frame_at(self, index: int) -> av.VideoFrame | None:
        """The frame at an index; None where the decoder steps over it."""
        time = self._times[index]
        key = bisect.bisect_right(self._key_times, time) - 1
        nearest_key = self._times.index(self._key_times[key]) if key >= 0 else 0
        if not nearest_key <= self._position <= index:
            self._seek(time)
        frame = self._decode_until(time)
        for earlier in range(key - 1, max(key - 1 - _MAX_EARLIER_STARTS, -1), -1):
            if frame is not None and frame.pts == time:
                break
            # The container's own index was wrong, or the decoder needed an earlier start.
            self._seek(self._key_times[earlier])
            frame = self._decode_until(time)
        return frame if frame is not None and frame.pts == time else None

    def _seek(self, time: int) -> None:
        self._container.seek(time, stream=self._stream, backward=True)
        self._decoded = self._decode()

    def _decode_until(self, time: int) -> av.VideoFrame | None:
        for frame in self._decoded:
            if frame.pts is not None and frame.pts >= time:
                self._position = bisect.bisect_right(self._times, frame.pts)
                return frame
        self._position = len(self._times)
        return None

    def _decode(self) -> Iterator[av.VideoFrame]:
        for packet in self._container.demux(self._stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue  # the frame will be missed by its time


def _picture(frame: av.VideoFrame) -> Picture:
    components = frame.format.components
    deep = max(component.bits for component in components) > 8
    has_alpha = any(component.is_alpha for component in components)
    name = ("rgba64le" if deep else "rgba") if has_alpha else ("rgb48le" if deep else "rgb24")
    if frame.format.is_rgb:
        samples = frame.to_ndarray(format=name)
    else:
        matrix = int(frame.colorspace)
        if matrix == _UNSPECIFIED_MATRIX:
            matrix = int(
                Colorspace.ITU709 if frame.height >= _MIN_HD_HEIGHT_PX else Colorspace.ITU601
            )
        samples = frame.reformat(format=name, src_colorspace=matrix).to_ndarray()
    samples = np.rot90(samples, frame.rotation // 90)
    alpha: NDArray[Any] | None = None
    if has_alpha:
        alpha = np.ascontiguousarray(samples[..., 3])
    return Picture(np.ascontiguousarray(samples[..., :3]), alpha)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")[:120]
