"""A server that listens until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mattelier.log import log_unexpected
from mattelier.service.app import make_app
from mattelier.service.guard import Access
from mattelier.service.limits import Limits
from mattelier.service.memory import keep_memory
from mattelier.service.queue import JobQueue
from mattelier.types.errors import EngineError, UsageError
from mattelier.types.file_lock import try_lock

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PREFIX = "mattelier-serve-"  # of the folder for what is sent
_GRACE_SECONDS = 30  # that a picture in work may still take when the server is told to end
_HEAD_SECONDS = 20.0  # from connecting to the end of a request's headers
_KEEP_ALIVE_SECONDS = 15
_UNREAD_SECONDS = 20.0  # in which a client reads nothing of what waits for it


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises
    ------
    EngineError
        Another program listens there, or the address is not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(f"{host} is no address of this machine ({error.strerror}).") from None
    try:
        if os.name != "nt":  # there it would let two servers listen at once
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise EngineError(
                f"Port {port} of {host} is in use already, perhaps by another server; choose "
                "another with --port."
            ) from None
        raise EngineError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from None
    return listener


def serve(
    listener: socket.socket,
    access: Access,
    limits: Limits,
    *,
    device: str = "auto",
    make_queue: Callable[[Path, Limits], JobQueue] = JobQueue,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM; what is in work is finished first, what waits is refused.

    Parameters
    ----------
    make_queue : gives the queue, of a folder that is this server's own

    Raises
    ------
    EngineError
        There is no place for what is sent.
    """
    keep_memory()
    with own_folder() as folder:
        queue = make_queue(folder, limits)
        threading.Thread(target=_warm, args=(queue,), daemon=True).start()
        config = uvicorn.Config(
            make_app(queue, access, device),
            http=_Protocol,
            ws="none",
            access_log=False,  # it would hold the ids of jobs
            log_level="critical",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            limit_concurrency=limits.connections,
            lifespan="off",
        )
        _Server(config, queue, ready).run(sockets=[listener])


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """A folder for what is sent, closed to others; what killed servers left is deleted first.

    A lock on a file beside it tells a living server's from a dead one's.
    """
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{_PREFIX}*.lock"):
        with contextlib.suppress(OSError), left.open("r+b") as left_lock:
            if not left.is_symlink() and try_lock(left_lock):  # only its owner may open it
                shutil.rmtree(left.with_suffix(""), ignore_errors=True)
                left.unlink()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        path = folder.with_suffix(".lock")
        lock = path.open("xb")
    except OSError as error:
        raise EngineError(
            f"There is no place for what is sent: {error.strerror} ({place})."
        ) from None
    with lock:
        try_lock(lock)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Refuses new work from the moment it is told to end."""

    def __init__(self, config: uvicorn.Config, queue: JobQueue, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._queue = queue
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Not in the signal's own frame: it may have come while the queue's lock is held.
        threading.Thread(target=self._queue.stop, daemon=True).start()
        # Not uvicorn's own, which ends the process by the signal when all is done.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


class _Protocol(H11Protocol):
    """HTTP/1.1, with an end to waiting for requests that do not come and answers nobody reads."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            return
        self._head.cancel()

    def on_response_complete(self) -> None:
        self._head.cancel()
        self._head = self.loop.call_later(_HEAD_SECONDS + _KEEP_ALIVE_SECONDS, self._give_up)
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._unread = self.loop.call_later(_UNREAD_SECONDS, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread.cancel()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            return
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


def _warm(queue: JobQueue) -> None:
    """Open the default network, so that the first client need not wait for it."""
    from mattelier.api_arguments import models
    from mattelier.worker.jobs import warm

    try:
        queue.decoders.warm()
        warm(models())
    except Exception as error:  # the first request will say what is wrong
        log_unexpected(error)
    finally:
        queue.warm.set()


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches that address."""
    return host in LOOPBACK or host.startswith("127.")
