"""`mattelier live`: the frames of a camera or another program cut out as they come.

Other programs speak raw frames, as FFmpeg's rawvideo: no header, so their size is said.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import numpy as np

from mattelier.commands.cutout import check_background
from mattelier.commands.options import request_from_flags, request_options, switch
from mattelier.requests import CutoutRequest
from mattelier.types.errors import MattelierError, PictureError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]  # (H, W, 3) RGB

_MAX_SIDE_PX = 8192
_MIN_SIDE_PX = 64
_VIRTUAL_FPS = 30  # what a virtual camera tells of itself; frames go there as they come


@click.command(
    epilog="""\b
Examples:
  ffmpeg -i talk.mp4 -f rawvideo -pix_fmt rgb24 - \\
    | mattelier live - --size 1280x720 --background blur \\
    | ffplay -f rawvideo -pixel_format rgb24 -video_size 1280x720 -
  mattelier live 0 --background beach.jpg --virtual-camera

A pipe's frames are all done, in their order; a camera's are left out while one is being done.
Without --background the results are RGBA (rawvideo's rgba, straight). Ctrl-C ends it.""",
)
@click.argument("source", metavar="IN")
@click.option(
    "--size", metavar="WxH", help="Of the frames of -, and what a camera is asked for, in pixels."
)
@request_options(CutoutRequest, only=("background", "foreground"))
@request_options(CutoutRequest, only=("matte.model", "matte.device"))
@switch("virtual-camera", "Feed a virtual camera (pyvirtualcam, OBS) instead of standard output.")
def live(source: str, size: str | None, virtual_camera: bool, **flags: Any) -> int:
    """Cut out the frames of IN as they come: - for raw RGB frames of another program, or a camera.

    IN is a camera's number or device, or -. The results go to standard output as raw frames.
    """
    check_background(flags["background"])
    request = request_from_flags(CutoutRequest, flags)
    asked = None if size is None else _parse_size(size)
    if source == "-" and asked is None:
        raise UsageError("Raw frames have no header; say their --size, such as 1280x720.")
    if virtual_camera and request.background is None:
        raise UsageError("A virtual camera knows no transparency; give a --background.")
    if not virtual_camera and sys.stdout.isatty():
        raise UsageError("Raw frames are nothing to read; send them on with | or >.")

    from mattelier.catalogue import LIVE_DEFAULT
    from mattelier.engines.model_cache import ModelCache
    from mattelier.matting.cutout import open_backdrop
    from mattelier.shot.live import Behind, Live

    behind: Behind = None
    if request.background == "blur":
        behind = "blur"
    elif request.background is not None:
        behind = open_backdrop(request.background)
    # Small frames at a glance: a network that looks once is three times as fast.
    name = request.matte.model if request.matte.model != "default" else LIVE_DEFAULT
    model = ModelCache().open(name, "matte", request.matte.device)
    if model.note:
        click.echo(f"mattelier: {model.note}", err=True)
    stream = Live(model, behind, foreground=request.foreground)
    frames = _Pipe(sys.stdin.buffer, *asked) if source == "-" and asked else _Camera(source, asked)
    done, start = 0, time.monotonic()
    try:
        with frames, _sink(virtual_camera) as write:
            for result in stream.run(frames):
                write(result)
                done += 1
    except KeyboardInterrupt:
        pass  # that is how a camera's stream ends
    seconds = time.monotonic() - start
    if done:
        click.echo(_summary(done, seconds, stream.empty, frames.left_out), err=True)
    if frames.broken:
        raise PictureError(frames.broken)
    return 0


def _summary(done: int, seconds: float, empty: int, left_out: int) -> str:
    parts = [f"{done} frames, {done / max(seconds, 1e-3):.1f} a second"]
    if left_out:
        parts.append(f"{left_out} left out because they came faster")
    if empty:
        parts.append(f"nothing was found in {empty}")
    return f"Live: {'; '.join(parts)}."


def _parse_size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"--size {text} is not WIDTHxHEIGHT, such as 1280x720.") from None
    if not all(_MIN_SIDE_PX <= side <= _MAX_SIDE_PX for side in (width, height)):
        raise UsageError(f"--size has sides of {_MIN_SIDE_PX} to {_MAX_SIDE_PX} pixels ({text}).")
    return width, height


class _Pipe:
    """All frames of a stream of raw ones, in their order."""

    left_out = 0

    def __init__(self, file: BinaryIO, width: int, height: int) -> None:
        self._file, self._shape = file, (height, width, 3)
        self.broken = ""

    def __enter__(self) -> _Pipe:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        count = int(np.prod(self._shape))
        number = 0
        while data := self._file.read(count):
            number += 1
            if len(data) < count:
                self.broken = (
                    f"Frame {number} is cut off, {len(data)} of {count} bytes; --size may be wrong."
                )
                return
            yield np.frombuffer(data, np.uint8).reshape(self._shape)
        if not number:
            self.broken = "No frame came on standard input."


class _Camera:
    """A camera's latest frames, read in a thread of its own so that none has waited."""

    def __init__(self, name: str, size: tuple[int, int] | None) -> None:
        self._name, self._size = name, size
        self._latest: Frame | None = None
        self._came = threading.Condition()
        self._stop = False
        self.left_out, self.broken = 0, ""

    def __enter__(self) -> _Camera:
        import cv2

        # Its own lines about what is not there; ours is the sentence below.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._device = cv2.VideoCapture(int(self._name) if self._name.isdigit() else self._name)
        if not self._device.isOpened():
            raise PictureError(
                f"There is no camera {self._name} that can be opened; - reads another program's "
                "raw frames."
            )
        if self._size is not None:
            self._device.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            self._device.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop = True
        self._thread.join()
        self._device.release()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._came:
                self._came.wait_for(lambda: self._latest is not None or self.broken)
                if self._latest is None:
                    return
                frame, self._latest = self._latest, None
            yield frame

    def _read(self) -> None:
        while not self._stop:
            whole, frame = self._device.read()
            with self._came:
                if whole:
                    self.left_out += self._latest is not None
                    self._latest = np.ascontiguousarray(frame[..., ::-1])
                else:
                    self.broken = f"The camera {self._name} gives no more frames."
                self._came.notify()
            if not whole:
                return


@contextmanager
def _sink(virtual_camera: bool) -> Iterator[Callable[[Frame], None]]:
    """What takes the results."""
    if not virtual_camera:
        yield lambda frame: _write(sys.stdout.buffer, frame)
        return
    try:
        import pyvirtualcam  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise MattelierError(
            "A virtual camera needs the package pyvirtualcam; install it with pip."
        ) from None
    device: Any = None

    def send(frame: Frame) -> None:
        nonlocal device
        if device is None:
            height, width = frame.shape[:2]
            try:
                device = pyvirtualcam.Camera(width, height, _VIRTUAL_FPS)
            except RuntimeError as error:
                raise MattelierError(f"There is no virtual camera ({error}).") from error
        device.send(frame)

    try:
        yield send
    finally:
        if device is not None:
            device.close()


def _write(file: BinaryIO, frame: Frame) -> None:
    file.write(np.ascontiguousarray(frame).data)
    file.flush()
