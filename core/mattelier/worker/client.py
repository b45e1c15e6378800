"""A host's side of the worker: connect, start one when none runs, ask, and read the answer.

Standard library only and Python ≥ 3.9: GIMP and Blender carry a copy of this file beside their
plug-in. Imports are few and light: GIMP starts a new process for every call.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from . import protocol

if TYPE_CHECKING:
    import subprocess

# What a host sets for its own bundled Python and libraries, and what would break the engine's.
_HOST_PREFIXES = (
    "PYTHON", "GI_", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_", "GDK_PIXBUF_", "GTK_PATH",
    "GEGL_PATH", "BABL_PATH", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV",
)  # fmt: skip
_RETRY_SECONDS = 0.02
_GREETING_SECONDS = 20


class WorkerError(Exception):
    """Something went wrong; `str(error)` is one sentence for the user, in English.

    Parameters
    ----------
    template : str
        The sentence, with {names} for what it tells of.
    log : str
        The worker's log file, or "" when it has nothing to add.
    **arguments : object
        What stands for the names.

    Attributes
    ----------
    key, arguments : str, dict
        Template and arguments, as `protocol` describes them, for hosts that translate.
    log : str
    """

    def __init__(self, template: str, /, log: str = "", **arguments: object) -> None:
        self.arguments: dict[str, Any] = {name: str(value) for name, value in arguments.items()}
        super().__init__(template.format(**self.arguments) if arguments else template)
        self.key, self.log = template, log

    @classmethod
    def received(cls, message: Mapping[str, Any]) -> WorkerError:
        """The error in a worker's message."""
        error = cls(str(message["error"]), str(message.get("log", "")))
        error.key = str(message.get("key", error.key))
        error.arguments = dict(message.get("arguments", {}))
        return error


class Unavailable(WorkerError):  # noqa: N818 - it is one by its base
    """No worker runs, and none could be started."""


class Ended(WorkerError):  # noqa: N818 - likewise
    """The worker was there, and is gone in the middle of the work."""


class Engine(NamedTuple):
    """How to start a worker.

    Attributes
    ----------
    command : tuple of str
        Program and arguments, up to "worker"; empty when this host may only connect.
    idle : int
        Seconds without work after which the worker ends.
    """

    command: tuple[str, ...] = ()
    idle: int = 900


class Pixels(NamedTuple):
    """One picture on its way: rows in strips, as `protocol` describes them.

    Attributes
    ----------
    channels : 1 (matte, mask), 3 (RGB) or 4 (RGB and straight alpha)
    depth : "u8", "u16" or "f32"
        Integers span 0…full scale, floats are not bounded.
    strips : iterable of bytes
        Whole rows; how many each holds is free when sent, `protocol.STRIP_ROWS` in an answer.
    transfer : "display" or "linear"
    grey : bool
        The three colour channels are equal, and are to stay so.
    """

    width: int
    height: int
    channels: int
    depth: str
    strips: Iterable[bytes]
    transfer: str = "display"
    grey: bool = False


class Answer(NamedTuple):
    """`report` says which model ran where and how long; `pictures` hold lists of strips."""

    report: dict[str, Any]
    pictures: dict[str, Pixels]


class Worker:
    """One connection; requests go one after the other. Closing it cancels what runs."""

    def __init__(self, connection: socket.socket, hello: dict[str, Any]) -> None:
        self._connection = connection
        self._closing = threading.Lock()
        self.engine = str(hello.get("engine", ""))
        self.pid = int(hello.get("pid", 0))
        self.log = str(hello.get("log", ""))

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def leave(self) -> None:
        """End a request that another thread waits for, at once; that thread closes."""
        with self._closing, contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave; a request that still runs is dropped, the worker and its models stay warm."""
        # One thread after the other: what a second one shuts down may by then be the next
        # connection, to which the system gave the number of the one that was closed.
        with self._closing:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
            self._connection.close()

    def run(
        self,
        task: str,
        options: dict[str, Any],
        pictures: dict[str, Pixels] | None = None,
        *,
        depth: str = "u8",
        progress: Callable[[float, str], None] | None = None,
    ) -> Answer:
        """One request.

        Parameters
        ----------
        task : str
            "matte", "cutout", "refine", "status" …
        options : dict
            The task's request as plain JSON values; what is left out keeps its default.
        pictures : dict
            Pictures by the names that the task gives them.
        depth : "u8", "u16" or "f32"
            Of the pictures in the answer.
        progress : callable, optional
            Gets 0…1 and the stage's name, while the worker computes.

        Raises
        ------
        WorkerError
            The request was refused or failed, or the worker died; one sentence.
        """
        try:
            return self._run(task, options, pictures or {}, depth, progress)
        except (EOFError, OSError, protocol.ProtocolError) as error:
            self.close()
            raise Ended(
                "The Mattelier worker ended in the middle of the work; please try again.", self.log
            ) from error

    def _run(
        self,
        task: str,
        options: dict[str, Any],
        pictures: dict[str, Pixels],
        depth: str,
        progress: Callable[[float, str], None] | None,
    ) -> Answer:
        announced = [
            {
                "name": name,
                "width": picture.width,
                "height": picture.height,
                "channels": picture.channels,
                "depth": picture.depth,
                "transfer": picture.transfer,
                "grey": picture.grey,
            }
            for name, picture in pictures.items()
        ]
        request = {"task": task, "options": options, "pictures": announced, "depth": depth}
        try:
            protocol.send(self._connection, request)
            for picture in pictures.values():
                for strip in picture.strips:
                    self._connection.sendall(strip)
        except OSError:  # refused while it was sent: the reason may lie there to be read
            return self._answer(progress)
        return self._answer(progress)

    def _answer(self, progress: Callable[[float, str], None] | None) -> Answer:
        while True:
            message = protocol.receive(self._connection)
            if "error" in message:
                raise WorkerError.received(message)
            if "report" in message:
                break
            if progress is not None and "progress" in message:
                progress(float(message["progress"]), str(message.get("stage", "")))
        pictures = {}
        for entry in message.get("pictures", ()):
            width, height, channels = entry["width"], entry["height"], entry["channels"]
            row = width * channels * protocol.SAMPLE_BYTES[entry["depth"]]
            pictures[entry["name"]] = Pixels(
                width,
                height,
                channels,
                entry["depth"],
                [
                    protocol.receive_bytes(
                        self._connection, row * min(protocol.STRIP_ROWS, height - y)
                    )
                    for y in range(0, height, protocol.STRIP_ROWS)
                ],
                entry.get("transfer", "display"),
            )
        return Answer(message["report"], pictures)


def connect(engine: Engine, host: str, *, timeout: float = 60) -> Worker:
    """A connection to the worker; starts one when none listens.

    Parameters
    ----------
    engine : Engine
    host : str
        Who asks, for the log: "GIMP 3.0.4".
    timeout : float
        Seconds that a started worker may take until it listens.

    Raises
    ------
    Unavailable
        None runs, and none could be started.
    WorkerError
        The one that runs does not fit this host.
    """
    worker = _greet_worker(host)
    if worker is not None:
        return worker
    if not engine.command:
        raise Unavailable(
            "No Mattelier worker is running: start one with `mattelier worker` in a terminal."
        )
    reasons = [protocol.distrust(folder) for folder in protocol.folders()]
    if all(reasons) and reasons[0] is not None:
        raise Unavailable(reasons[0].template, folder=reasons[0].folder, reason=reasons[0].reason)
    started = _start_worker(engine)
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        worker = _greet_worker(host)
        if worker is not None:
            return worker
        # One that finds another listening ends with 0: that one will answer.
        if started.poll():
            raise Unavailable(
                "The Mattelier engine ended as it started (exit code {code}); `mattelier doctor` "
                "finds the cause.",
                str(output_path()),
                code=started.returncode,
            )
        time.sleep(_RETRY_SECONDS)
    raise Unavailable(
        "The Mattelier engine did not answer within {seconds} seconds.",
        str(output_path()),
        seconds=round(timeout),
    )


def output_path() -> Path:
    """Where a started worker's own output goes: what it says before its log is open."""
    folders = protocol.folders()
    usable = [folder for folder in folders if not protocol.distrust(folder)]
    return (usable or folders)[0] / "worker-output.txt"


def _greet_worker(host: str) -> Worker | None:
    """A greeted connection to a listening worker, or None."""
    for folder in protocol.folders():
        if protocol.distrust(folder):
            continue
        try:
            connection, token = _open_connection(protocol.address(folder))
        except (OSError, ValueError, KeyError):
            continue
        try:
            connection.settimeout(_GREETING_SECONDS)
            protocol.send(
                connection, {"protocol": protocol.VERSION, "client": host, "token": token}
            )
            hello = protocol.receive(connection)
            connection.settimeout(None)
        except (EOFError, OSError, protocol.ProtocolError):
            connection.close()
            continue
        if hello.get("protocol") != protocol.VERSION or "error" in hello:
            connection.close()
            if hello.get("error"):
                raise WorkerError.received(hello)
            raise WorkerError(
                "The Mattelier worker that runs is of another version; run `mattelier worker "
                "--stop` and try again."
            )
        return Worker(connection, hello)
    return None


def _open_connection(path: Path) -> tuple[socket.socket, str]:
    if sys.platform == "win32":
        endpoint = json.loads(path.read_text("utf-8"))
        return socket.create_connection(("127.0.0.1", int(endpoint["port"]))), str(
            endpoint["token"]
        )
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
        if not protocol.is_own(connection):
            raise OSError(f"{path} is another user's")
    except OSError:
        connection.close()
        raise
    return connection, ""


def _start_worker(engine: Engine) -> subprocess.Popen[bytes]:
    import subprocess  # slow to import, and a worker runs already nearly always

    output = output_path()
    command = [*engine.command, "--idle", str(engine.idle)]
    try:
        protocol.make_folder(output.parent)
        # Not the host's own output: a child that outlives the host would hold its pipes open.
        sink = protocol.open_own(output, "wb")
    except OSError as error:
        raise Unavailable(
            "The folder {folder} cannot be used ({reason}); make it writable, or set "
            "MATTELIER_RUNTIME to another folder.",
            folder=output.parent,
            reason=error.strerror or error,
        ) from error
    try:
        with sink:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                cwd=Path.home(),
                env=clean_environment(os.environ),
                **_detach_options(),
            )
    except OSError as error:
        raise Unavailable(
            "The Mattelier engine cannot be started ({program}: {reason}); install it again, then "
            "`mattelier install gimp` (or blender).",
            program=command[0],
            reason=error.strerror or error,
        ) from error


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what the host set for its own Python and libraries."""
    return {
        name: value for name, value in environment.items() if not name.startswith(_HOST_PREFIXES)
    }


def _detach_options() -> dict[str, Any]:
    """Popen arguments of a process that outlives the host and shows no window."""
    if sys.platform == "win32":
        import subprocess

        flags: Sequence[int] = (
            subprocess.CREATE_NEW_PROCESS_GROUP,
            subprocess.CREATE_NO_WINDOW,
        )
        return {"creationflags": sum(flags)}
    return {"start_new_session": True}
