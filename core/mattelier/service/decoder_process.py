"""The process that decodes files for a server: one copy of it, with limits, for each file.

It reads wishes from standard input and writes what it decoded to standard output. Where the system
can, a copy of it (fork) decodes one file and ends, so that no file's decoder sees another's.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

LENGTH = struct.Struct("<I")  # before each message
_ORPHAN_SECONDS = 1.0
_OPEN_FILES = 64


class Wish(msgspec.Struct):
    """What is to be decoded.

    Attributes
    ----------
    function : of `media.decoding.FUNCTIONS`
    pixels : that a picture may have
    """

    function: str
    path: str
    options: dict[str, Any]
    pixels: int


class Reply(msgspec.Struct):
    """What was decoded; the samples of its arrays follow, in order.

    Attributes
    ----------
    arrays : type and shape of each
    picture : a `Picture`'s fields but its samples
    text : what a function gives beside one array
    problem : name of an error's class, and its sentence
    """

    arrays: list[tuple[str, tuple[int, ...]]] = []
    picture: dict[str, Any] | None = None
    text: str = ""
    problem: tuple[str, str] | None = None
    warnings: list[str] = []


def main() -> None:
    """Decode until standard input ends."""
    wishes = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what libraries print is for nobody
        os.dup2(nothing, stream)
    _limit(int(sys.argv[1]))
    _load()
    write_message(replies, b"")  # it is there
    while (message := read_message(wishes)) is not None:
        wish = msgspec.msgpack.decode(message, type=Wish)
        if not hasattr(os, "fork"):
            _answer(wish, replies)
            continue
        child = os.fork()
        if child == 0:
            _watch_parent()
            try:
                _answer(wish, replies)
            finally:
                os._exit(0)
        if os.waitpid(child, 0)[1]:
            os._exit(1)  # half an answer may have been written


def _load() -> None:
    """Import what decodes, once for all copies."""
    from PIL import Image

    from mattelier.media import depth_maps, oiio_io, pillow_io, stills  # noqa: F401

    Image.init()


def _limit(memory_bytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),  # it writes no file
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _watch_parent() -> None:
    """End with the process that asks, whatever the decoder is at."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _answer(wish: Wish, replies: BinaryIO) -> None:
    reply, arrays = _decode(wish)
    write_message(replies, msgspec.msgpack.encode(reply, enc_hook=_plain))
    for array in arrays:
        write_all(replies, array.reshape(-1).view(np.uint8).data)


def _decode(wish: Wish) -> tuple[Reply, Sequence[NDArray[Any]]]:
    from mattelier.media.decoding import FUNCTIONS
    from mattelier.media.size_limits import limited_to
    from mattelier.types.errors import MattelierError
    from mattelier.types.picture import Picture

    try:
        with limited_to(wish.pixels), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            found = FUNCTIONS[wish.function](Path(wish.path), **wish.options)
    except MattelierError as error:
        return Reply(problem=(type(error).__name__, str(error))), ()
    said = [str(one.message) for one in caught if one.category is UserWarning]
    if isinstance(found, Picture):
        arrays = [found.colour] if found.alpha is None else [found.colour, found.alpha]
        facts = {
            "transfer": found.transfer, "icc": found.icc, "exif": found.exif, "grey": found.grey,
            "window": None if found.window is None else asdict(found.window),
            "metadata": dict(found.metadata),
        }  # fmt: skip
        reply = Reply(picture=facts, warnings=said)
    else:
        values, text = found
        arrays, reply = [values], Reply(text=text, warnings=said)
    arrays = [np.ascontiguousarray(array) for array in arrays]
    reply.arrays = [(str(array.dtype), array.shape) for array in arrays]
    return reply, arrays


def _plain(value: Any) -> Any:
    """What headers hold beside plain values: numpy's."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)


def read_message(file: BinaryIO) -> bytes | None:
    """The next message of a stream; None at its end."""
    head = read_all(file, LENGTH.size)
    return None if head is None else read_all(file, LENGTH.unpack(head)[0])


def read_all(file: BinaryIO, count: int) -> bytes | None:
    """So many bytes; None where the stream ends before."""
    data = bytearray(count)
    view, at = memoryview(data), 0
    while at < count:
        read = file.readinto(view[at:])  # type: ignore[attr-defined]
        if not read:
            return None
        at += read
    return bytes(data)


def write_message(file: BinaryIO, message: bytes) -> None:
    """Put a message on a stream."""
    write_all(file, memoryview(LENGTH.pack(len(message)) + message))


def write_all(file: BinaryIO, data: memoryview) -> None:
    """Put all of these bytes on a stream."""
    at = 0
    while at < len(data):
        at += file.write(data[at:])


if __name__ == "__main__":
    main()
