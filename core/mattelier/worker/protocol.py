"""How hosts and the worker talk: framing, limits, and where the worker listens.

Standard library only and Python ≥ 3.9: GIMP and Blender carry a copy of this file beside their
plug-in. A message is a 4-byte big-endian length and that many bytes of UTF-8 JSON, always an
object. Pictures follow the message that announces them as raw rows: top row first, no padding,
little-endian samples, channels interleaved, colour straight.

The client greets with {"protocol": VERSION, "client": …, "token": …} and is greeted back, then
asks: {"task": …, "options": {…}, "pictures": [{"name", "width", "height", "channels", "depth",
"transfer", "grey"} …], "depth": …} and the rows. It hears {"progress": 0…1, "stage": …} any number
of times, then {"report": {…}, "pictures": […]} and rows, or {"error": …, "key": …, "arguments":
{…}, "kind": …, "log": …}, and may ask again. Closing cancels.

"error" is an English sentence; "key" is its template, the same whatever it tells of, and
"arguments" what stands for the {names} in it: text, or the same two of a further sentence. A
report's "note" is made of its "notes" in the same way. A stage is its own key, where
the message brings none.

Pointing at a picture keeps it between requests. {"task": "point", "options": {"stage": "glance",
"matte": {"hint": {"points": [{"x", "y", "positive"} …], "box": …}}, "strokes": [{"kind": "sure",
"not" or "hair", "points": [{"x", "y"} …], "radius"} …]}} brings "picture" the first time, as it is
shown (8 megapixels at most), and "mask" where the matte begins with one; each answer is "alpha" at
that size. All gestures that hold are named each time, in pixels of the picture shown. "glance"
answers at once; "settle" takes its time, and is what "apply" then refines on a "picture" of any
size, sent with it; "foreground": true gives colours, too. The picture goes with the connection.
"correct" does the same with a shot's matte: {"plate", "frame", "matte", "strokes"} name files, and
the answer is the matte as the strokes want it; "output" names the file that keeps it.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import IO, Any, NamedTuple

VERSION = 1
MAX_MESSAGE = 1 << 20
STRIP_ROWS = 256
SAMPLE_BYTES = {"u8": 1, "u16": 2, "f32": 4}
_MAX_PATH_BYTES = 100  # of a Unix socket; macOS has room for 104 bytes, Linux for 108
_OWN_NAME = "mattelier"
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1  # of macOS, which Python does not name
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
        return [Path(os.environ.get("LOCALAPPDATA") or Path.home()) / _OWN_NAME]
    if sys.platform == "darwin":
        return [Path.home() / "Library" / "Caches" / _OWN_NAME]
    home = Path.home() / ".cache" / _OWN_NAME
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [Path(runtime) / _OWN_NAME, home] if runtime else [home]


class Distrust(NamedTuple):
    """Why a folder is not used: one sentence, with {folder} and {reason} in it."""

    template: str
    folder: Path
    reason: str = ""

    def __str__(self) -> str:
        return self.template.format(folder=self.folder, reason=self.reason)


def distrust(folder: Path) -> Distrust | None:
    """Why nobody should listen or ask in this folder; None where all is well.

    It has to be this user's own and closed to others, who could else put a socket of their own
    there, and be sent pictures. One that is not there yet is well.
    """
    if sys.platform == "win32":  # below LOCALAPPDATA, which Windows closes
        return None
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Distrust(
            "The worker's folder {folder} cannot be used: {reason}.", folder, str(error.strerror)
        )
    if status.st_uid != os.geteuid():
        return Distrust(
            "The worker's folder {folder} belongs to another user; set MATTELIER_RUNTIME to a "
            "folder of your own.",
            folder,
        )
    if status.st_mode & 0o022:
        return Distrust(
            "The worker's folder {folder} is open to other users; close it with: "
            "chmod go-w '{folder}'",
            folder,
        )
    return None


def make_folder(folder: Path) -> None:
    """Make a folder to listen in; one of ours that others may write to is closed.

    Raises
    ------
    OSError
        It cannot be made, or is not to be trusted.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Everyday work makes the cache folder too, as open as the user's umask has it.
    if folder.name == _OWN_NAME and sys.platform != "win32":
        status = folder.stat()
        if status.st_uid == os.geteuid() and status.st_mode & 0o022:
            folder.chmod(status.st_mode & ~0o022)
    if reason := distrust(folder):
        raise OSError(str(reason))


def open_own(path: Path, mode: str) -> IO[bytes]:
    """Open a file in the worker's folder for writing, readable by this user alone, never a link.

    `mode` is "wb" or "a+b".
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)

    if path.is_symlink():
        path.unlink()
    return open(path, mode, opener=opener)


def is_own(connection: socket.socket) -> bool:
    """Whether a process of this user is at the other end; True where the system does not say."""
    if sys.platform == "linux":
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return bool(struct.unpack("3i", credentials)[1] == os.geteuid())
    if sys.platform == "darwin":
        credentials = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)
        return bool(struct.unpack_from("2I", credentials)[1] == os.geteuid())
    return True


def address(folder: Path) -> Path:
    """The file in `folder` that leads to the worker: a Unix socket; on Windows port and token."""
    path = folder / f"worker-{VERSION}.{'json' if sys.platform == 'win32' else 'sock'}"
    if sys.platform != "win32" and len(os.fsencode(path)) > _MAX_PATH_BYTES:
        raise OSError(f"{path} is too long for a socket; set MATTELIER_RUNTIME to a short folder")
    return path
