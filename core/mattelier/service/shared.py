"""The queue as a server sees it whose work other machines do.

What can be told as an order (`tasks.Order`) is entered into the ledger, its files put into the
store; all else, such as pointing, is done here as without them.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mattelier.service.ledger import Ledger
from mattelier.service.limits import Limits
from mattelier.service.queue import ENDED, Job, JobQueue, folder_bytes
from mattelier.service.refusal import LATER, Away, Refusal
from mattelier.service.stores import Store
from mattelier.service.tasks import Order, Written

_SWEEP_SECONDS = 5.0


class SharedQueue(JobQueue):
    """A queue whose orders any worker takes that knows the same ledger and store.

    Its methods raise `Away` where one of them does not answer.
    """

    look_seconds = 0.05

    def __init__(self, folder: Path, limits: Limits, ledger: Ledger, store: Store) -> None:
        super().__init__(folder, limits)
        self._ledger = ledger
        self._store = store
        threading.Thread(target=sweep_forever, args=(ledger, store), daemon=True).start()

    def add(self, job: Job, work: Callable[[Job], Any], *, pixels: int) -> None:
        if not isinstance(work, Order):
            super().add(job, work, pixels=pixels)
            return
        if self.stopping.is_set():
            raise Refusal(503, "The server is ending; ask again in a moment.", LATER)
        waiting = self._ledger.load()["waiting"]
        if waiting >= self.limits.queue:
            raise Refusal(503, f"{waiting} pictures wait already; try again later.", LATER)
        size = folder_bytes(job.folder)
        if self._ledger.kept_bytes() + size > self.limits.kept_bytes:
            raise Refusal(
                507, "The server holds as many results as it may; fetch or delete some, or wait."
            )
        job.remote = True
        self._ledger.announce(job.id)
        for path in work.form.files.values():
            self._store.put(job.id, path)
        record = {
            "owner": job.owner,
            "name": work.name,
            "texts": dict(work.form.texts),
            "files": {name: path.name for name, path in work.form.files.items()},
            "pixels": pixels,
            "seconds": self.limits.seconds,
            "progress": 0.0,
            "stage": job.stage,
        }
        self._ledger.enter(job.id, record, size)
        shutil.rmtree(job.folder, ignore_errors=True)

    def find(self, identifier: str, owner: str) -> Job:
        record = self._ledger.read(identifier)
        if record is None or not secrets.compare_digest(record["owner"], owner):
            raise Refusal(404, "There is no such job; results are kept for a while only.")
        job = Job(record["name"], owner, self.folder / secrets.token_urlsafe(), {})
        job.id, job.remote = identifier, True
        _note(job, record)
        if job.ended:
            self._ledger.touch(identifier)
        return job

    def refresh(self, job: Job) -> None:
        if not job.remote or job.ended:
            return
        record = self._ledger.read(job.id)
        if record is None:
            job.problem = Refusal(404, "There is no such job; results are kept for a while only.")
            job.end("failed")
            return
        _note(job, record)
        if job.ended:
            job.when_ended()

    def check_workers(self, job: Job) -> None:
        if job.remote and not self._ledger.load()["workers"]:
            raise Refusal(503, "No worker is there to do it; try again in a moment.", LATER)

    def bring(self, job: Job) -> Any:
        if not job.remote:
            return super().bring(job)
        written: Written = job.value
        job.folder.mkdir(mode=0o700, exist_ok=True)
        try:
            self._store.get(job.id, job.folder / written.path.name)
        except BaseException:
            self.put_away(job)
            raise
        return Written(job.folder / written.path.name, written.media_type, written.report)

    def put_away(self, job: Job) -> None:
        if job.remote:
            shutil.rmtree(job.folder, ignore_errors=True)

    def drop(self, job: Job) -> None:
        if not job.remote:
            super().drop(job)
            return
        shutil.rmtree(job.folder, ignore_errors=True)
        self._ledger.drop(job.id)
        forget(self._ledger, self._store, job.id)

    def load(self) -> dict[str, int]:
        return self._ledger.load()


def _note(job: Job, record: dict[str, Any]) -> None:
    """Write into a job what its record says."""
    job.progress, job.stage = record["progress"], record["stage"]
    if record["state"] == "done":
        told = record["result"]
        job.value = Written(Path(told["file"]), told["media_type"], told["report"])
    if record["state"] == "failed":
        told = record["problem"]
        job.problem = Refusal(told["status"], told["detail"], told["headers"])
    job.state = record["state"]
    if record["state"] in ENDED:
        job.stage = ""


def sweep_forever(ledger: Ledger, store: Store) -> None:
    """Delete what has expired; servers and workers all do, so that one of them is there."""
    pause = threading.Event()
    while not pause.wait(_SWEEP_SECONDS):
        with contextlib.suppress(Away):
            for identifier in ledger.due():
                forget(ledger, store, identifier)


def forget(ledger: Ledger, store: Store, identifier: str) -> None:
    """Delete a job's files and then its record; what fails is done by a later sweep."""
    with contextlib.suppress(Away, OSError):
        ledger.drop(identifier)
        store.delete(identifier)
        ledger.forget(identifier)
