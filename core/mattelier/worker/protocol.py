"""How hosts and the worker talk: framing, limits, and where the worker listens.

Standard library only and Python ≥ 3.9: GIMP and Blender carry a copy of this file beside their
plug-in. A message is a 4-byte big-endian length and that many bytes of UTF-8 JSON, always an
object. Pictures follow the message that announces them as raw rows: top row first, no padding,
little-endian samples, channels interleaved, colour straight.

The client greets with {"protocol": VERSION, "client": …, "token": …} and is greeted back, then
asks: {"task": …, "options": {…}, "pictures": [{"name", "width", "height", "channels", "depth",
"transfer", "grey"} …], "depth": …} and the rows. It hears {"progress": 0…1, "stage": …} any number
of times, then {"report": {…}, "pictures": […]} and rows, or {"error": …, "kind": …, "log": …}, and
may ask again. Closing cancels.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

VERSION = 1
MAX_MESSAGE = 1 << 20
STRIP_ROWS = 256
SAMPLE_BYTES = {"u8": 1, "u16": 2, "f32": 4}
_MAX_PATH_BYTES = 100  # of a Unix socket; macOS has room for 104 bytes, Linux for 108
_LENGTH_FORMAT = struct.Struct(">I")


class ProtocolError(Exception):
    """The other side sent what is no message of this protocol."""


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message."""
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MAX_MESSAGE:
        raise ProtocolError(f"A message of {len(body)} bytes is too long.")
    connection.sendall(_LENGTH_FORMAT.pack(len(body)) + body)


def receive(connection: socket.socket) -> dict[str, Any]:
    """Wait for one message.

    Raises
    ------
    EOFError
        The other side closed.
    ProtocolError
        What came is too long, or no JSON object.
    """
    (length,) = _LENGTH_FORMAT.unpack(receive_bytes(connection, _LENGTH_FORMAT.size))
    if length > MAX_MESSAGE:
        raise ProtocolError(f"A message of {length} bytes is too long.")
    try:
        message = json.loads(receive_bytes(connection, length))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"A message is not JSON ({error}).") from None
    if not isinstance(message, dict):
        raise ProtocolError("A message is not a JSON object.")
    return message


def receive_bytes(connection: socket.socket, count: int) -> bytes:
    """Wait for exactly `count` bytes; EOFError when the other side closes before."""
    block = bytearray(count)
    receive_into(connection, memoryview(block))
    return bytes(block)


def receive_into(connection: socket.socket, block: memoryview) -> None:
    """Fill a writable block of bytes; EOFError when the other side closes before."""
    done = 0
    while done < len(block):
        count = connection.recv_into(block[done:], min(len(block) - done, 1 << 20))
        if not count:
            raise EOFError
        done += count


def folders() -> list[Path]:
    """Where the worker may listen, the best first.

    The user's runtime folder, and one in the home folder: a sandboxed host (flatpak) sees the
    home folder only, and there XDG_CACHE_HOME is another than outside, so it does not count.
    MATTELIER_RUNTIME replaces both.
    """
    if moved := os.environ.get("MATTELIER_RUNTIME"):
        return [Path(moved)]
    if sys.platform == "win32":
        return [Path(os.environ.get("LOCALAPPDATA") or Path.home()) / "mattelier"]
    if sys.platform == "darwin":
        return [Path.home() / "Library" / "Caches" / "mattelier"]
    home = Path.home() / ".cache" / "mattelier"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [Path(runtime) / "mattelier", home] if runtime else [home]


def address(folder: Path) -> Path:
    """The file in `folder` that leads to the worker: a Unix socket; on Windows port and token."""
    path = folder / f"worker-{VERSION}.{'json' if sys.platform == 'win32' else 'sock'}"
    if sys.platform != "win32" and len(os.fsencode(path)) > _MAX_PATH_BYTES:
        raise OSError(f"{path} is too long for a socket; set MATTELIER_RUNTIME to a short folder")
    return path
