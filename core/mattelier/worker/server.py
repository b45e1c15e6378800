"""The worker: a long-lived local process with warm models, for all hosts of this user.

One thread per client. It listens before anything heavy is imported, so that a host can send its
picture while the engine is still waking. Whoever closes the connection cancels what it asked for.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mattelier.types.errors import EngineError, MattelierError, UsageError
from mattelier.types.file_lock import try_lock
from mattelier.types.progress import Cancelled, heard_by
from mattelier.types.sentence import Sentence
from mattelier.worker import protocol
from mattelier.worker.jobs import Job, Outcome, jobs, to_wire_samples, warm
from mattelier.worker.pointing import Kept

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.engines.model_cache import ModelCache

_MAX_CLIENTS = 64
_MAX_PARALLEL_JOBS = 2  # requests that compute; more would only share the same cores
_ROOM_SECONDS = 0.2  # that a client which is let go of takes to be gone
_GREETING_SECONDS = 10
_STALLED_SECONDS = 120  # a client that neither sends what it announced nor reads is given up
_LISTEN_SECONDS = 0.5  # how long an idle or stopped worker may take to notice
_WATCH_SECONDS = 0.05
_PROGRESS_SECONDS = 0.05  # between two progress messages: a host redraws at each
_MAX_PIXELS = 300e6  # of one picture, as for files


class Server:
    """Listens until it is idle for too long, or is stopped.

    Parameters
    ----------
    idle : float
        Seconds without work after which it ends.
    """

    def __init__(self, idle: float) -> None:
        self.idle = idle
        self._jobs = jobs(lambda: list(self._at_work))
        self._at_work: list[str] = []
        self._cache: ModelCache | None = None
        self._warmed = threading.Event()
        self.stopping = threading.Event()
        self._token = secrets.token_hex(16) if sys.platform == "win32" else ""
        self._slots = {False: threading.Semaphore(_MAX_PARALLEL_JOBS), True: threading.Semaphore(1)}
        self._clients = threading.Semaphore(_MAX_CLIENTS)
        self._idle: dict[socket.socket, None] = {}  # clients that ask nothing now, longest first
        self._changed = threading.Lock()
        self._working = 0
        self._last = time.monotonic()

    def serve(self) -> bool:
        """Serve until the end; False, at once, when another worker listens already."""
        with contextlib.ExitStack() as stack:
            listeners = []
            for folder in protocol.folders():
                try:
                    listeners.append(stack.enter_context(_listen(folder, self._token)))
                except _OtherWorker:
                    return False
                except OSError as error:
                    _log().warning("cannot listen in %s: %s", folder, error)
            if not listeners:
                folder = protocol.folders()[0]
                distrust = protocol.distrust(folder)
                raise EngineError(
                    distrust.template
                    if distrust
                    else "The worker cannot listen in {folder}; make it writable, or set "
                    "MATTELIER_RUNTIME to another folder.",
                    folder=folder,
                    reason=distrust.reason if distrust else "",
                )
            _log().info("worker listens, ends after %g s without work", self.idle)
            threading.Thread(target=self._warm, daemon=True).start()
            while not self.stopping.is_set() and not self._idle_too_long():
                for ready in select.select(listeners, [], [], _LISTEN_SECONDS)[0]:
                    self._accept(ready)
        _log().info("worker ends")
        return True

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection = listener.accept()[0]
        except OSError as error:  # the client left at once, or no more files can be opened
            _log().warning("a client could not connect: %s", error)
            self._drop_longest_idle()
            self.stopping.wait(_ROOM_SECONDS)
            return
        try:
            threading.Thread(target=self._attend, args=(connection,), daemon=True).start()
        except RuntimeError:
            _log().exception("no more threads can be started")
            connection.close()

    def _drop_longest_idle(self) -> None:
        """Make room for another client: let go of the one that asked nothing for the longest."""
        with self._changed:
            connection = next(iter(self._idle), None)
            if connection is not None:
                del self._idle[connection]
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _claim_seat(self) -> bool:
        """Whether there is room for one more client, if need be after an idle one has left."""
        for _ in range(_MAX_CLIENTS):
            if self._clients.acquire(blocking=False):
                return True
            self._drop_longest_idle()
            if self._clients.acquire(timeout=_ROOM_SECONDS):
                return True
            if not self._idle:
                break
        return False

    def _idle_too_long(self) -> bool:
        with self._changed:
            return not self._working and time.monotonic() - self._last > self.idle

    def _warm(self) -> None:
        with self._work():
            try:
                # Before any module whose first line is `from numpy.typing import ...`: a thread
                # that begins there and one that begins at numpy itself find it half made.
                import numpy  # noqa: F401

                warm(self._models)
            except Exception:  # the first request will say what is wrong
                _log().exception("warming up failed")
            finally:
                self._warmed.set()

    @contextlib.contextmanager
    def _work(self) -> Iterator[None]:
        with self._changed:
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._last = time.monotonic()

    @property
    def _models(self) -> ModelCache:
        """The networks that all clients share; heavy to import, so made when first needed."""
        from mattelier.engines.model_cache import ModelCache

        with self._changed:
            if self._cache is None:
                self._cache = ModelCache()
            return self._cache

    @contextlib.contextmanager
    def _track_job(self, name: str) -> Iterator[None]:
        """Name the block's job among those at work or waiting."""
        with self._changed:
            self._at_work.append(name)
        try:
            yield
        finally:
            with self._changed:
                self._at_work.remove(name)

    def _attend(self, connection: socket.socket) -> None:
        """One client from greeting to leaving; whatever it sends, the worker goes on."""
        with connection:
            if not protocol.is_own(connection):
                return
            if not self._claim_seat():
                _refuse(
                    connection,
                    Sentence("The worker is busy with {count} others.", count=_MAX_CLIENTS),
                    "Busy",
                )
                _drain(connection)
                return
            try:
                if self._greet(connection):
                    kept = Kept()
                    while not self.stopping.is_set():
                        self._request(connection, self._receive_request(connection), kept)
            except (EOFError, OSError):
                pass  # it left
            except protocol.ProtocolError as error:
                _refuse(connection, Sentence(str(error)), "ProtocolError")
                _drain(connection)
            except Exception:
                _log().exception("a client's connection failed")
            finally:
                self._clients.release()

    def _greet(self, connection: socket.socket) -> bool:
        connection.settimeout(_GREETING_SECONDS)
        hello = protocol.receive(connection)
        connection.settimeout(None)
        token = str(hello.get("token", "")).encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(token, self._token.encode()):
            raise protocol.ProtocolError("The token is not this worker's.")
        from mattelier import __version__
        from mattelier.log import log_path

        greeting = {
            "protocol": protocol.VERSION,
            "engine": __version__,
            "pid": os.getpid(),
            "log": str(log_path()),
        }
        if hello.get("protocol") != protocol.VERSION:
            sentence = Sentence(
                "This plug-in and the Mattelier engine {version} are of different versions; "
                "run `mattelier install gimp` (or blender) again and restart the program.",
                version=__version__,
            )
            greeting |= {"error": sentence, **sentence.to_wire()}
        protocol.send(connection, greeting)
        return "error" not in greeting

    def _receive_request(self, connection: socket.socket) -> dict[str, Any]:
        with self._changed:
            self._idle[connection] = None
        try:
            return protocol.receive(connection)
        finally:
            with self._changed:
                self._idle.pop(connection, None)

    def _request(self, connection: socket.socket, request: dict[str, Any], kept: Kept) -> None:
        with self._work():
            if request.get("task") == "stop":
                self.stopping.set()
                protocol.send(connection, {"report": {}})
                return
            try:
                dtype, announced = _check_request(request, self._jobs)
            except UsageError as error:
                _refuse(connection, error.sentence, "UsageError")
                _drain(connection)
                raise EOFError from None  # what follows on the wire cannot be told apart
            connection.settimeout(_STALLED_SECONDS)
            pictures = _receive_pictures(connection, announced)
            outcome = self._run_job(connection, request, pictures, kept)
            del pictures
            if outcome is not None:
                _send_outcome(connection, outcome, dtype)
            connection.settimeout(None)

    def _run_job(
        self,
        connection: socket.socket,
        request: dict[str, Any],
        pictures: Mapping[str, Any],
        kept: Kept,
    ) -> Outcome | None:
        """The outcome, or None when the reason why there is none was sent.

        Raises
        ------
        EOFError
            The client left; nothing is owed to it.
        """
        name = request["task"]
        with self._track_job(name), _watch_client(connection) as client_left:
            last_time, last_stage = 0.0, ""

            def listen(fraction: float, stage: str) -> None:
                nonlocal last_time, last_stage
                if client_left.is_set():
                    raise Cancelled
                now = time.monotonic()
                if now - last_time >= _PROGRESS_SECONDS or stage != last_stage:
                    last_time, last_stage = now, stage
                    message = {"progress": round(min(max(fraction, 0), 1), 3), "stage": stage}
                    if isinstance(stage, Sentence) and stage.arguments:
                        message |= stage.to_wire()
                    protocol.send(connection, message)

            try:
                # It would only share the cores with what it needs, and import beside it.
                while not self._warmed.wait(_WATCH_SECONDS):
                    listen(0, Sentence("warming up"))
                slots = self._slots[self._jobs[name].long]
                while not slots.acquire(timeout=_WATCH_SECONDS):
                    listen(0, Sentence("waiting for other work"))
                try:
                    job = self._jobs[name]
                    inputs = (request.get("options", {}), pictures, *([kept] if job.keeps else []))
                    with heard_by(listen) as remarks:
                        outcome = job.run(self._models, *inputs)
                finally:
                    slots.release()
            except (Cancelled, OSError):
                _log().info("%s was cancelled", name)
                raise EOFError from None
            except MattelierError as error:
                _log().info("%s: %s", name, error)
                _refuse(connection, error.sentence, type(error).__name__)
                return None
            except MemoryError:
                _log().exception("%s ran out of memory", name)
                _refuse(
                    connection,
                    Sentence(
                        "There is not enough memory for this picture; close other programs, or "
                        "work on a smaller one."
                    ),
                    "MemoryError",
                )
                return None
            except Exception as error:
                _log().exception("%s failed", name)
                sentence = Sentence(
                    "Something unexpected went wrong in the engine: {kind}.",
                    kind=type(error).__name__,
                )
                _refuse(connection, sentence, "Unexpected")
                return None
        if notes := list(filter(None, [outcome.report.get("note"), *remarks])):
            outcome.report["note"] = " ".join(notes)
            outcome.report["notes"] = [Sentence(one).to_wire() for one in notes]
        return outcome


class _OtherWorker(Exception):  # noqa: N818 - good news
    """Another worker listens there."""


@contextlib.contextmanager
def _listen(folder: Path, token: str) -> Iterator[socket.socket]:
    """A listening socket in `folder`, which no other worker has while the block runs.

    A lock on a file beside it tells a living worker from a socket that a dead one left.
    """
    protocol.make_folder(folder)
    path = protocol.address(folder)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with protocol.open_own(path.with_suffix(".lock"), "a+b") as lock:
        if not try_lock(lock):
            raise _OtherWorker
        if sys.platform == "win32":
            listener = socket.create_server(("127.0.0.1", 0))
            endpoint = {"port": listener.getsockname()[1], "token": token}
            with protocol.open_own(part, "wb") as file:
                file.write(json.dumps(endpoint).encode())
        else:
            listener = socket.socket(socket.AF_UNIX)
            before = os.umask(0o177)  # 0600 from the first moment
            try:
                listener.bind(str(part))
            finally:
                os.umask(before)
            listener.listen(16)
        with listener:
            os.replace(part, path)  # by hand: a socket cannot be bound to a file that is there
            try:
                yield listener
            finally:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def _watch_client(connection: socket.socket) -> Iterator[threading.Event]:
    """Sets the event when the client leaves while the block runs."""
    client_left, finished = threading.Event(), threading.Event()

    def watch() -> None:
        while not finished.is_set():
            try:
                if not select.select([connection], [], [], _WATCH_SECONDS)[0]:
                    continue
                if connection.recv(1, socket.MSG_PEEK):
                    finished.wait()  # the next request, sent early: nobody who asks again has left
            except (OSError, ValueError):
                pass
            client_left.set()
            return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield client_left
    finally:
        finished.set()
        thread.join()


def _check_request(
    request: dict[str, Any], jobs: Mapping[str, Job]
) -> tuple[np.dtype[Any], dict[str, dict[str, Any]]]:
    """The depth of the answer and the announced pictures, all within what the task takes."""
    name, announced = request.get("task"), request.get("pictures", [])
    job = jobs.get(name) if isinstance(name, str) else None
    if job is None:
        raise UsageError("There is no task {name}.", name=repr(name))
    if not isinstance(announced, list) or not all(isinstance(a, dict) for a in announced):
        raise UsageError("The pictures are a list of objects.")
    by_name = {str(picture.get("name")): picture for picture in announced}
    if len(by_name) != len(announced) or by_name.keys() - job.channels.keys():
        raise UsageError(
            "{name} takes the pictures {channels}.",
            name=name,
            channels=", ".join(job.channels) or "(none)",
        )
    for required in job.required:
        if required not in by_name:
            raise UsageError(
                "{name} needs the picture {required}.", name=name, required=repr(required)
            )
    for title, picture in by_name.items():
        width, height = picture.get("width"), picture.get("height")
        if not (type(width) is type(height) is int and width > 0 and height > 0):
            raise UsageError("The size of {title} is not two positive numbers.", title=repr(title))
        if width * height > _MAX_PIXELS:
            raise UsageError(
                "{title} has {width} megapixels; the most is {most}.",
                title=repr(title),
                width=f"{width * height / 1e6:.0f}",
                most=f"{_MAX_PIXELS / 1e6:.0f}",
            )
        channels = picture.get("channels")
        if type(channels) is not int or channels not in job.channels[title]:
            raise UsageError(
                "{title} cannot have {channels} channels.",
                title=repr(title),
                channels=repr(channels),
            )
        _dtype(picture.get("depth"))
        if picture.get("transfer", "display") not in ("display", "linear"):
            raise UsageError("{title} is neither 'display' nor 'linear'.", title=repr(title))
    return _dtype(request.get("depth", "u8")), by_name


def _dtype(depth: object) -> np.dtype[Any]:
    import numpy as np

    if not isinstance(depth, str) or depth not in protocol.SAMPLE_BYTES:
        raise UsageError("A depth is u8, u16 or f32, not {depth}.", depth=repr(depth))
    return np.dtype({"u8": "u1", "u16": "<u2", "f32": "<f4"}[depth])


def _receive_pictures(
    connection: socket.socket, announced: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """The pictures as tasks take them: a `Picture`, or (H, W) float32 0…1 for one channel."""
    import numpy as np

    from mattelier.types.colour import bound_samples, to_float
    from mattelier.types.picture import Picture

    pictures: dict[str, Any] = {}
    for name, entry in announced.items():
        shape = (entry["height"], entry["width"], entry["channels"])
        samples = np.empty(shape, _dtype(entry["depth"]))
        protocol.receive_into(connection, _bytes(samples))
        if samples.dtype == np.float32:  # hosts hold what artists gave them
            bound_samples(samples)
        if entry["channels"] == 1:
            pictures[name] = to_float(samples[..., 0])
            continue
        alpha = np.ascontiguousarray(samples[..., 3]) if entry["channels"] == 4 else None
        if alpha is not None and alpha.dtype == np.float32:
            np.clip(alpha, 0, 1, out=alpha)
        colour = np.ascontiguousarray(samples[..., :3])
        pictures[name] = Picture(
            colour,
            alpha,
            transfer=entry.get("transfer", "display"),
            grey=entry.get("grey") is True,
        )
    return pictures


def _send_outcome(connection: socket.socket, outcome: Outcome, dtype: np.dtype[Any]) -> None:
    depth = {"u": f"u{8 * dtype.itemsize}", "f": "f32"}[dtype.kind]
    sent = {name: to_wire_samples(samples, dtype) for name, samples in outcome.pictures.items()}
    entries = [
        {
            "name": name,
            "width": samples.shape[1],
            "height": samples.shape[0],
            "channels": 1 if samples.ndim == 2 else samples.shape[2],
            "depth": depth,
        }
        for name, samples in sent.items()
    ]
    protocol.send(connection, {"report": outcome.report, "pictures": entries})
    for samples in sent.values():
        connection.sendall(_bytes(samples))


def _bytes(samples: NDArray[Any]) -> memoryview:
    """A contiguous array as the bytes it is made of, not copied."""
    return samples.reshape(-1).view("u1").data


def _refuse(connection: socket.socket, sentence: Sentence, error_type: str) -> None:
    from mattelier.log import log_path

    log = str(log_path()) if error_type in ("Unexpected", "MemoryError") else ""
    with contextlib.suppress(OSError):
        message = {"error": sentence, **sentence.to_wire(), "kind": error_type, "log": log}
        protocol.send(connection, message)


def _drain(connection: socket.socket) -> None:
    """Let the client read why it was refused: closing on what it still sends would lose that."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1)
        while connection.recv(1 << 20):
            pass


def _log() -> Any:
    from mattelier.log import logger

    return logger()
