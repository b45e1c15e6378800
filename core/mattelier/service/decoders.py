"""Files from strangers are decoded by processes of their own: one that crashes ends one request.

Each piece of work asks the process that is free; a process ends when a decoder crashed in it
or hangs, or its work is not wanted any more, and the next is started.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from mattelier.media.size_limits import MAX_PIXELS, max_result_pixels
from mattelier.service.decoder_process import LENGTH, Reply, Wish, write_message
from mattelier.types import errors
from mattelier.types.picture import Picture, Window
from mattelier.types.progress import tell

_LOOK_SECONDS = 0.1
_BYTES_PER_PIXEL = (
    64  # what decoding takes at most: four floats, twice, and what the libraries need
)
_OWN_BYTES = 1 << 30  # a process with its libraries
_MAX_FACTS_BYTES = 1 << 28  # profile, EXIF and header entries
_MAX_CHANNELS = 4
_SAMPLES = ("uint8", "uint16", "float32")
_PIPE_BYTES = 1 << 20
_ERRORS = {
    kind.__name__: kind for kind in (errors.PictureError, errors.PictureTooLarge, errors.UsageError)
}
_F_SETPIPE_SZ = 1031  # of Linux; not in every Python's fcntl


class Decoders:
    """Processes that decode, as many as there is work at once.

    Parameters
    ----------
    pixels : that no picture has more of
    """

    def __init__(self, pixels: int = MAX_PIXELS) -> None:
        self._memory = _OWN_BYTES + pixels * _BYTES_PER_PIXEL
        self._idle: list[_Decoder] = []
        self._changed = threading.Lock()

    def warm(self) -> None:
        """Start one, so that the first client need not wait for it."""
        with self._taken():
            pass

    def decode(self, function: str, path: Path, options: dict[str, Any]) -> Any:
        """What the function gives, as `media.decoding.Decode` says.

        Raises
        ------
        MattelierError
            What the function raises; `PictureError` where it ended its process.
        Cancelled
            Nobody wants it any more, or it took too long.
        """
        wish = Wish(function, str(path), options, max_result_pixels(MAX_PIXELS))
        with self._taken() as decoder:
            reply, arrays = decoder.ask(wish)
        if reply.problem is not None:
            kind, said = reply.problem
            raise _ERRORS.get(kind, errors.PictureError)("{said}", said=said)
        for said in reply.warnings:
            warnings.warn(said, stacklevel=2)
        if reply.picture is None:
            return arrays[0], reply.text
        return _picture(reply.picture, arrays)

    @contextlib.contextmanager
    def _taken(self) -> Iterator[_Decoder]:
        with self._changed:
            decoder = self._idle.pop() if self._idle else None
        if decoder is None or not decoder.lives:
            decoder = _Decoder(self._memory)
        try:
            yield decoder
        except BaseException:
            decoder.end()
            raise
        with self._changed:
            self._idle.append(decoder)


class _Decoder:
    """One process."""

    def __init__(self, memory_bytes: int) -> None:
        isolated = ["-I"] if sys.flags.isolated else []
        self._process = subprocess.Popen(
            [sys.executable, *isolated, "-m", "mattelier.service.decoder_process",
             str(memory_bytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._wishes: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._replies: BinaryIO = self._process.stdout  # type: ignore[assignment]
        if sys.platform == "linux":
            import fcntl

            with contextlib.suppress(OSError):  # a user has so much of it
                fcntl.fcntl(self._replies, _F_SETPIPE_SZ, _PIPE_BYTES)
        try:
            self._message()
        except EOFError:
            self.end()
            raise errors.EngineError(
                "Pictures cannot be read at the moment: the process for it does not start."
            ) from None

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._process.kill()
        self._wishes.close()
        self._replies.close()
        self._process.wait()

    def ask(self, wish: Wish) -> tuple[Reply, list[NDArray[Any]]]:
        """Have a file decoded.

        Raises
        ------
        PictureError
            The process ended, or answers nonsense.
        """
        try:
            write_message(self._wishes, msgspec.msgpack.encode(wish))
            reply = msgspec.msgpack.decode(self._message(), type=Reply)
            arrays = [self._array(*one, wish.pixels) for one in reply.arrays]
            if reply.problem is None and not 1 <= len(arrays) <= 2:
                raise ValueError
        except (EOFError, ValueError, OSError, msgspec.MsgspecError):
            raise errors.PictureError(
                "{path} ended the program that reads it: it is damaged, or made to do so.",
                path=wish.path,
            ) from None
        return reply, arrays

    def _message(self) -> bytes:
        length = LENGTH.unpack(self._bytes(LENGTH.size))[0]
        if length > _MAX_FACTS_BYTES:
            raise ValueError
        return self._bytes(length)

    def _bytes(self, count: int) -> bytes:
        data = bytearray(count)
        self._fill(memoryview(data))
        return bytes(data)

    def _array(self, sample: str, shape: tuple[int, ...], pixels: int) -> NDArray[Any]:
        if sample not in _SAMPLES or len(shape) not in (2, 3) or min(shape) < 1:
            raise ValueError
        if prod(shape[:2]) > pixels or prod(shape[2:]) > _MAX_CHANNELS:
            raise ValueError
        array = np.empty(shape, sample)
        self._fill(array.reshape(-1).view(np.uint8).data)
        return array

    def _fill(self, view: memoryview) -> None:
        """Read on until it is full; the work may be cancelled meanwhile."""
        at = 0
        while at < len(view):
            if os.name != "nt":  # which cannot wait for pipes
                while not select.select([self._replies], [], [], _LOOK_SECONDS)[0]:
                    tell(0)
            read = self._replies.readinto(view[at:])  # type: ignore[attr-defined]
            if not read:
                raise EOFError
            at += read


def _picture(facts: dict[str, Any], arrays: list[NDArray[Any]]) -> Picture:
    window = facts.pop("window")
    metadata = {name: _tuples(value) for name, value in facts.pop("metadata").items()}
    return Picture(
        arrays[0],
        alpha=arrays[1] if len(arrays) > 1 else None,
        window=None if window is None else Window(**window),
        metadata=metadata,
        **facts,
    )


def _tuples(value: Any) -> Any:
    """A header's value as it was before it travelled."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
