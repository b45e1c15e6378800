"""Work in turn: so many pictures at once, so many waiting, each with a progress and an end.

What is left behind by a piece of work lies in a folder of its own, which goes with it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from mattelier.media.decoding import decoded_by
from mattelier.media.size_limits import limited_to
from mattelier.service.decoders import Decoders
from mattelier.service.limits import Limits
from mattelier.service.refusal import LATER, Refusal, refusal
from mattelier.types.progress import Cancelled, heard_by

State = Literal["waiting", "running", "done", "failed", "cancelled"]

ENDED: frozenset[State] = frozenset(("done", "failed", "cancelled"))
_SWEEP_SECONDS = 1.0
_ID_BYTES = 24  # as hard to guess as a key


class Job:
    """One piece of work, from waiting to its result; changed by the queue alone.

    Attributes
    ----------
    id : nobody can guess it
    owner : digest of the key it was asked for with; "" without keys
    folder : its own; holds what was sent and the result
    names : the files sent → what the client calls them
    progress, stage : 0…1, and what is being done
    value : what `work` gave
    remarks : sentences on how it was done
    problem : why it failed
    remote : whether another machine does it
    when_ended : called, in any thread, when it is done, has failed or was cancelled
    """

    def __init__(self, name: str, owner: str, folder: Path, names: dict[Path, str]) -> None:
        self.id = folder.name
        self.name = name
        self.owner = owner
        self.folder = folder
        self.names = names
        self.state: State = "waiting"
        self.progress = 0.0
        self.stage = "waiting for other work"
        self.value: Any = None
        self.remarks: list[str] = []
        self.problem: Refusal | None = None
        self.pixels = 0
        self.remote = False
        self.work: Callable[[Job], Any] | None = None
        self.when_ended: Callable[[], object] = lambda: None
        self.unwanted = threading.Event()
        self.last_use = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ENDED

    def end(self, state: State) -> None:
        """Nothing more will be done."""
        self.state, self.stage = state, ""
        self.last_use = time.monotonic()
        self.when_ended()


class JobQueue:
    """Threads that do one job after the other, and the folder that all of it lies in.

    Parameters
    ----------
    folder : Path
        This server's own; closed to other users.

    Attributes
    ----------
    warm : nothing is begun before it is set: while modules are imported in one thread, others find
        them half made
    decoders : what reads the files that were sent
    sweepers : called now and then, to forget what has expired
    look_seconds : between two looks at a job that a client waits for
    """

    look_seconds = 0.2

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self.stopping = threading.Event()
        self.warm = threading.Event()
        self.sweepers: list[Callable[[], None]] = []
        self.decoders = Decoders(limits.pixels)
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._jobs: dict[str, Job] = {}
        self._running = 0
        for number in range(limits.parallel):
            threading.Thread(target=self._serve, name=f"work-{number}", daemon=True).start()
        threading.Thread(target=self._sweep, name="sweep", daemon=True).start()

    def new_folder(self) -> Path:
        """An empty folder whose name nobody can guess.

        Raises
        ------
        Refusal
            Too much is kept already.
        """
        if folder_bytes(self.folder) > self.limits.kept_bytes:
            raise Refusal(
                507, "The server holds as many results as it may; fetch or delete some, or wait."
            )
        path = self.folder / secrets.token_urlsafe(_ID_BYTES)
        path.mkdir(mode=0o700)
        return path

    def add(self, job: Job, work: Callable[[Job], Any], *, pixels: int) -> None:
        """Let a job wait for its turn.

        Parameters
        ----------
        work : gives the job's value; runs in a thread, is heard and can be cancelled as tasks are
        pixels : that it may read and make

        Raises
        ------
        Refusal
            Too many wait, or the server ends.
        """
        job.work, job.pixels = work, pixels
        with self._changed:
            if self.stopping.is_set():
                raise Refusal(503, "The server is ending; ask again in a moment.", LATER)
            if len(self._waiting) >= self.limits.queue:
                raise Refusal(
                    503, f"{len(self._waiting)} pictures wait already; try again later.", LATER
                )
            self._waiting.append(job)
            self._jobs[job.id] = job
            self._changed.notify()

    def find(self, identifier: str, owner: str) -> Job:
        """The job of that id; unknown, expired and other clients' ones are the same to a client.

        Raises
        ------
        Refusal
            404.
        """
        with self._changed:
            job = self._jobs.get(identifier)
        if job is None or not secrets.compare_digest(job.owner, owner):
            raise Refusal(404, "There is no such job; results are kept for a while only.")
        job.last_use = time.monotonic()
        return job

    def drop(self, job: Job) -> None:
        """Cancel a job, if it is not done, and forget it with its files."""
        job.unwanted.set()
        with self._changed:
            self._jobs.pop(job.id, None)
            if job in self._waiting:
                self._waiting.remove(job)
                job.end("cancelled")
        if job.ended:
            shutil.rmtree(job.folder, ignore_errors=True)

    def refresh(self, job: Job) -> None:
        """Bring a job that was found up to date; here it always is."""

    def check_workers(self, job: Job) -> None:
        """Refuse where nobody is there to do the work; here somebody always is."""

    def bring(self, job: Job) -> Any:
        """The value of a job that is done, its files on this machine."""
        return job.value

    def put_away(self, job: Job) -> None:
        """A value that was brought is not needed any more; here its job keeps it."""

    def load(self) -> dict[str, int]:
        """How many pictures wait and are in work."""
        with self._changed:
            return {"waiting": len(self._waiting), "running": self._running}

    def stop(self) -> None:
        """Take nothing more; what waits is refused, what runs may end."""
        with self._changed:
            self.stopping.set()
            while self._waiting:
                job = self._waiting.popleft()
                job.problem = Refusal(503, "The server ended before this was begun.", LATER)
                job.end("failed")
            self._changed.notify_all()

    def _serve(self) -> None:
        self.warm.wait()
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                job = self._waiting.popleft()
                self._running += 1
                job.state, job.stage = "running", "starting"
            try:
                run_job(job, self.limits.seconds, self.decoders)
            finally:
                with self._changed:
                    self._running -= 1
                if job.unwanted.is_set():
                    shutil.rmtree(job.folder, ignore_errors=True)

    def _sweep(self) -> None:
        """Forget what was not asked for during too long a time."""
        while True:
            time.sleep(_SWEEP_SECONDS)
            oldest = time.monotonic() - self.limits.keep_seconds
            with self._changed:
                old = [one for one in self._jobs.values() if one.ended and one.last_use < oldest]
            for job in old:
                self.drop(job)
            for sweep in self.sweepers:
                sweep()


def run_job(job: Job, seconds: float, decoders: Decoders) -> None:
    """Do a job's work in this thread; it ends done, failed or cancelled.

    Parameters
    ----------
    seconds : that it may take; it ends at its next step after
    decoders : what reads its files
    """
    end = time.monotonic() + seconds

    def listen(fraction: float, stage: str) -> None:
        if job.unwanted.is_set() or time.monotonic() > end:
            raise Cancelled
        job.progress, job.stage = round(min(max(fraction, 0), 1), 3), stage

    assert job.work is not None
    try:
        with (
            limited_to(job.pixels),
            decoded_by(decoders.decode),
            heard_by(listen) as remarks,
        ):
            job.value = job.work(job)
        job.remarks = list(remarks)
        job.progress = 1.0
        job.end("done")
    except Cancelled:
        if not job.unwanted.is_set():
            job.problem = Refusal(504, f"It took more than the {seconds:g} seconds allowed here.")
        job.end("cancelled" if job.problem is None else "failed")
    except BaseException as error:
        job.problem = refusal(error, job.names)
        if job.problem.status_code == 500:
            _log().exception("%s failed", job.name)
        job.end("failed")
    finally:
        job.work = None


@contextlib.contextmanager
def kept_on_success(folder: Path) -> Iterator[None]:
    """Remove a folder where the block fails."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def folder_bytes(folder: Path) -> int:
    """The size of all files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):  # unlike Path.rglob it bears what goes meanwhile
        for name in names:
            with contextlib.suppress(OSError):
                total += os.path.getsize(os.path.join(place, name))
    return total


def _log() -> Any:
    from mattelier.log import logger

    return logger()
