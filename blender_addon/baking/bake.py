# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking: the engine works through jobs, while Blender goes on or waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ..data.failure import Failure
from ..data.frames import parse_frames
from ..engine.connection import connect
from ..engine.preferences import engine_choice
from .job import Job

_FRAME_STAGE = "frame "  # how the engine tells which frame it works on: "frame 1007"


class _Cancelled(Exception):  # noqa: N818 - not an error: somebody changed their mind
    pass


class Bake:
    """Some jobs, one after the other; its attributes may be read while it runs.

    Attributes
    ----------
    fraction : float
        0…1 of all jobs.
    stage : str
        What is being done, for people.
    index : int
        Of the job at work.
    frames : int
        Those that the engine has begun.
    failed : list of str
        Why single frames could not be baked.
    error, log : str
        Why it ended early, "" when it did not; and the file that says more.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = [job for job in jobs if job.numbers]
        self.total = sum(len(job.numbers) for job in self.jobs)
        self.fraction = 0.0
        self.stage = "starting the engine"
        self.index = -1
        self.frames = 0
        self.error = self.log = self.note = ""
        self.failed: list[str] = []
        self._engine = engine_choice()  # Blender's data is not for threads
        self._stages: set[tuple[int, str]] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: Callable[[], None] | None = None

    @property
    def begun(self) -> Sequence[Job]:
        """The jobs that the engine has taken on."""
        return self.jobs[: self.index + 1]

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    def start(self) -> None:
        """Work beside Blender."""
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop soon; frames that are finished stay."""
        self._stop.set()

    def run(self, listener: Callable[[], None] | None = None) -> None:
        """Work now; `listener` is called whenever something has changed."""
        from ..mattelier_worker.client import WorkerError

        self._listener = listener
        done = 0
        try:
            if not self.jobs:
                return
            with connect(self._engine) as worker:
                for index, job in enumerate(self.jobs):
                    self.index = index
                    try:
                        report = worker.run(
                            job.task, job.request, progress=self._progress(done, len(job.numbers))
                        ).report
                    except BaseException:
                        job.note_made()
                        raise
                    self.note = str(report.get("note") or self.note)
                    self.failed += map(str, report.get("errors", ()))
                    job.finish(parse_frames(str(report.get("failed", ""))))
                    done += len(job.numbers)
        except _Cancelled:
            pass
        except (Failure, WorkerError) as error:
            self.error, self.log = str(error), getattr(error, "log", "")
        except OSError as error:
            self.error = f"{error.filename or 'The cache'}: {error.strerror or error}."
        if self.failed and not self.error:
            count = len(self.failed)
            self.error = f"{count} frame{'s'[: count > 1]} could not be baked: {self.failed[0]}"
        if not self.error and not self.cancelled:
            self.fraction = 1.0

    def _progress(self, before: int, count: int) -> Callable[[float, str], None]:
        def progress(fraction: float, stage: str) -> None:
            if self.cancelled:
                raise _Cancelled
            self.fraction = (before + count * fraction) / self.total
            self.stage = stage
            if stage.startswith(_FRAME_STAGE):
                self._stages.add((before, stage))
                self.frames = len(self._stages)
            if self._listener is not None:
                self._listener()

        return progress


current: Bake | None = None  # the one that the window waits for
