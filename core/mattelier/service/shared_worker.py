"""A worker: takes orders from the ledger, does them as a server does its own, and says how it went.

Nothing of a job lies here alone: killed at any moment, it leaves the job to another worker. A job
that ends its workers is given up after three of them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dramatiq

from mattelier.log import log_unexpected
from mattelier.service import rembg
from mattelier.service.decoders import Decoders
from mattelier.service.form import Form
from mattelier.service.ledger import ACTOR, QUEUE, Ledger
from mattelier.service.queue import Job, run_job
from mattelier.service.refusal import Away, Refusal, refusal
from mattelier.service.shared import sweep_forever
from mattelier.service.stores import Store
from mattelier.service.tasks import Work, Written, task_work
from mattelier.tasks.registry import TASKS

_MOST_BEGUN = 3  # workers that a job may end
_TELL_SECONDS = 0.25
_GREET_SECONDS = 5.0
_PATIENCE_SECONDS = 600.0  # in which a result waits for a ledger or a store that is away
_GRACE_MS = 30_000  # that a picture in work may still take when the worker is told to end


class SharedWorker:
    """Does orders, so many at once.

    Parameters
    ----------
    folder : its own, closed to other users
    device : what computes: "auto", "cpu", "cuda" or "mps"
    say : hears a sentence when the ledger goes away, and when it is there again
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        store: Store,
        *,
        parallel: int,
        device: str = "auto",
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._store = store
        self._device = device
        self._decoders = Decoders()
        self._say = say
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        logging.getLogger("dramatiq").addHandler(logging.NullHandler())
        logging.getLogger("dramatiq").propagate = False
        dramatiq.actor(self.do, actor_name=ACTOR, queue_name=QUEUE, broker=ledger.broker)
        self._worker = dramatiq.Worker(ledger.broker, worker_threads=parallel, worker_timeout=500)
        self._worker.queue_prefetch = parallel  # what waits is for whoever is free first

    def run(self, stopping: threading.Event, alive: Path | None = None) -> None:
        """Work until told to stop; what is in work is finished first, for half a minute.

        Parameters
        ----------
        alive : a file that is touched every few seconds
        """
        threading.Thread(
            target=sweep_forever, args=(self._ledger, self._store), daemon=True
        ).start()
        self._worker.start()
        answers = True
        while True:
            try:
                self._ledger.greet(self._name)
            except Away as error:
                if answers:
                    self._say(f"{error.detail[:-1]}: this worker tries on.")
                answers = False
            else:
                if not answers:
                    self._say("The queue of jobs answers again.")
                answers = True
            if alive is not None:
                alive.touch()
            if stopping.wait(_GREET_SECONDS):
                break
        with contextlib.suppress(Away):
            self._ledger.leave(self._name)
        self._worker.stop(timeout=_GRACE_MS)

    def do(self, identifier: str) -> None:
        """Do one job.

        Raises
        ------
        Away
            Ledger or store do not answer; Dramatiq gives the job to a worker again, later.
        """
        begun = self._ledger.begin(identifier)
        if not begun:
            return
        if begun > _MOST_BEGUN:
            problem = Refusal(500, f"It ended {_MOST_BEGUN} workers that tried it.")
            self._ledger.change(identifier, state="failed", problem=_told(problem))
            return
        folder = self._folder / secrets.token_urlsafe()
        folder.mkdir(mode=0o700)
        try:
            self._do(identifier, folder)
        except Away:
            self._ledger.wait_again(identifier)
            raise
        except Exception as error:
            log_unexpected(error)
            self._ledger.change(identifier, state="failed", problem=_told(refusal(error, {})))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _do(self, identifier: str, folder: Path) -> None:
        record = self._ledger.read(identifier)
        if record is None:
            return
        files = {name: folder / file for name, file in record["files"].items()}
        for path in files.values():
            self._store.get(identifier, path)
        form = Form(record["texts"], files)
        job = Job(record["name"], record["owner"], folder, form.names)
        job.pixels = record["pixels"]
        try:
            job.work = _work(record["name"], form, self._device)
        except Refusal as error:
            job.problem = error
        else:
            with self._telling(identifier, job):
                run_job(job, record["seconds"], self._decoders)
        if job.unwanted.is_set():
            return
        _patiently(lambda: self._hand_in(identifier, job))

    def _hand_in(self, identifier: str, job: Job) -> None:
        if job.problem is not None:
            self._ledger.change(identifier, state="failed", problem=_told(job.problem))
            return
        written: Written = job.value
        # A name of its own: another worker may do the same job, when this one seemed dead.
        path = written.path.with_name(f"result-{secrets.token_hex(8)}{written.path.suffix}")
        written.path.replace(path)
        job.value = written = Written(path, written.media_type, written.report)
        self._store.put(identifier, path)
        self._ledger.grow(identifier, path.stat().st_size)
        result = {
            "file": path.name, "media_type": written.media_type, "report": written.report,
        }  # fmt: skip
        if self._ledger.change(identifier, state="done", progress=1.0, result=result):
            return
        if self._ledger.read(identifier) is None:
            self._ledger.drop(identifier)  # once more, with what was put there after it was dropped

    @contextlib.contextmanager
    def _telling(self, identifier: str, job: Job) -> Iterator[None]:
        """While the block runs, the ledger hears how far the job is, and the job whether to end."""
        over = threading.Event()

        def tell() -> None:
            while not over.wait(_TELL_SECONDS):
                with contextlib.suppress(Away):
                    told = {"progress": job.progress, "stage": job.stage}
                    if not job.ended and not self._ledger.change(identifier, **told):
                        job.unwanted.set()

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()


def _work(name: str, form: Form, device: str) -> Work:
    if name == rembg.NAME:
        return rembg.remove_work(form, device)
    return task_work(TASKS[name], form, device)


def _told(problem: Refusal) -> dict[str, object]:
    return {
        "status": problem.status_code,
        "detail": problem.detail,
        "headers": dict(problem.headers or {}),
    }


def _patiently(done: Callable[[], None]) -> None:
    """Try again for a while where ledger or store are away: the work would have to be done anew."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            done()
        except Away:
            if time.monotonic() > end:
                raise
            time.sleep(1)
        else:
            return
