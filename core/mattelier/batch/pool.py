"""Run many pictures: reading, computing and writing overlap, memory is bounded, the end is true.

Each worker thread takes one picture from file to file, so one reads or writes while another
computes (decoders, encoders and engines release Python's lock). A gate counted in megapixels
keeps several large pictures from being worked on at once.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mattelier.requests import HintRequest
from mattelier.types.errors import MattelierError, OutputError
from mattelier.types.progress import heard_by

if TYPE_CHECKING:
    from mattelier.matting.hint import Hint
    from mattelier.types.picture import Picture

MEGAPIXELS_AT_ONCE = 64.0

Save = Callable[[Path], object]
"""Writes a result to a path; gives a list of what it made, where that is not the path alone."""

Seal = Callable[[Path, Path, Mapping[str, Any]], None]
"""Signs a finished file: its path, its source, the report."""

Compute = Callable[["Picture", "Hint | None"], tuple[Save, Mapping[str, Any]]]
"""One picture's work: what writes the result to a path, and the report of what happened."""


@dataclass(frozen=True)
class Job:
    """One picture to work on; `name` is what people call it, `problem` keeps it from starting.

    `confidence` is a second file that its save writes, beside `output`.
    """

    name: str
    source: Path
    output: Path
    hint: HintRequest = field(default_factory=HintRequest)
    problem: MattelierError | None = None
    confidence: Path | None = None


@dataclass(frozen=True)
class Result:
    """What became of a job; `error` is None when its output was written."""

    job: Job
    error: str | None = None
    exit_code: int = 0
    seconds: float = 0.0
    report: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Stopped(Exception):  # noqa: N818 - not an error, a wish
    """The user stopped the run before this picture's result was being written."""


class Gate:
    """Lets work in as long as the weights inside add up to at most `limit`, or it is alone."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._inside = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def admit(self, weight: float) -> Iterator[None]:
        weight = min(weight, self._limit)
        with self._changed:
            self._changed.wait_for(lambda: self._inside + weight <= self._limit)
            self._inside += weight
        try:
            yield
        finally:
            with self._changed:
                self._inside -= weight
                self._changed.notify_all()


def default_workers() -> int:
    """As many pictures in flight as the process may use cores, between 2 and 8."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(8, max(2, cores))


def run(
    jobs: Sequence[Job],
    open_compute: Callable[[], Compute],
    *,
    workers: int,
    overwrite: bool = True,
    seal: Seal | None = None,
    done: Callable[[Result], None] = lambda result: None,
    progress: Callable[[float, str], None] = lambda fraction, stage: None,
    interrupted: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Work on all jobs and return their results in the order of the jobs.

    Parameters
    ----------
    open_compute : callable
        Loads the model; called once, beside the first reads, and not at all if no job can start.
    progress : callable
        Called by the thread that does a picture: how far it is, 0…1, and what is being done.
    done, interrupted : callables
        Called in the calling thread: with each result in order; when Ctrl-C was pressed. Then
        files being written are finished, and jobs that are not as far end as interrupted.

    Notes
    -----
    A job's failure is its result; no exception of a job leaves this function.
    """
    stop = threading.Event()
    gate = Gate(MEGAPIXELS_AT_ONCE)
    results = []
    ready = sum(job.problem is None for job in jobs)
    with (
        stop_on_signals(stop),
        ThreadPoolExecutor(1, "engine") as opener,
        ThreadPoolExecutor(min(workers, max(1, ready)), "picture") as pool,
    ):
        compute = opener.submit(open_compute) if ready else Future()
        futures = [
            pool.submit(_work, job, compute, gate, stop, overwrite, seal, progress) for job in jobs
        ]
        announced = False
        try:
            for future in futures:
                while not wait([future], timeout=0.2).done:  # lets Ctrl-C through
                    if stop.is_set() and not announced:
                        announced = True
                        interrupted()
                results.append(future.result())
                done(results[-1])
        except BaseException:
            stop.set()
            raise
    return results


def _work(
    job: Job,
    compute: Future[Compute],
    gate: Gate,
    stop: threading.Event,
    overwrite: bool,
    seal: Seal | None,
    progress: Callable[[float, str], None],
) -> Result:
    started = time.perf_counter()
    size: dict[str, Any] = {}
    saving = False

    def raise_if_stopped() -> None:
        if stop.is_set() and not saving:
            raise Stopped

    def listen(fraction: float, stage: str) -> None:
        raise_if_stopped()
        progress(fraction, stage)

    with heard_by(listen) as notes:
        try:
            if job.problem is not None:
                raise job.problem
            raise_if_stopped()
            if compute.done():
                compute.result()  # a model that cannot be opened is known before more files are
            from mattelier.matting.hint import load_hint
            from mattelier.media import stills

            picture = stills.read(job.source)
            size = {"width": picture.width, "height": picture.height}
            hint = load_hint(job.hint, picture)
            work = compute.result()
            raise_if_stopped()
            with gate.admit(picture.width * picture.height / 1e6):
                raise_if_stopped()
                save, report = work(picture, hint)
                del picture
                raise_if_stopped()
                saving = True
                for path in (job.output, job.confidence):
                    if path is not None and not overwrite and os.path.lexists(path):
                        raise OutputError(f"{path} exists already; add --overwrite to replace it.")
                job.output.parent.mkdir(parents=True, exist_ok=True)
                told = save(job.output)
                del save
                made = told if isinstance(told, list) else [job.output]
                if seal is not None:
                    _seal(seal, made, job.source, report)
            result = Result(job, report={**size, **report})
        except Exception as error:
            sentence, exit_code = explain(error, job)
            result = Result(job, sentence, exit_code, report=size)
    return replace(result, seconds=time.perf_counter() - started, notes=tuple(notes))


def _seal(seal: Seal, made: Sequence[Path], source: Path, report: Mapping[str, Any]) -> None:
    """Sign all files of a result; where one cannot be, none stays."""
    try:
        for path in made:
            seal(path, source, report)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def explain(error: Exception, job: Job) -> tuple[str, int]:
    """The sentence for people and the exit code; what is unexpected goes to the log in full."""
    if isinstance(error, MattelierError):
        return str(error), error.exit_code
    if isinstance(error, Stopped):
        return f"{job.name}: not done, the run was interrupted.", 130
    from mattelier.log import log_unexpected

    if isinstance(error, MemoryError):
        log_unexpected(error)
        return (
            f"{job.name}: not enough memory; close other programs, or use --jobs 1.",
            3,
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{job.output} was not written, because the disk is full.", 3
    if isinstance(error, OSError) and error.strerror:
        return f"{job.name}: {error.filename or job.output}: {error.strerror}.", 3
    return f"{job.name}: unexpected {type(error).__name__}; see {log_unexpected(error)}.", 3


_listening: list[threading.Event] = []  # of the blocks of `stop_on_signals` that are open


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and a polite kill set `stop` instead of raising somewhere in the middle.

    A block in another one hears for both, even when it has nothing left to stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def hear(*_: object) -> None:
        for one in _listening:
            one.set()

    before = {
        number: signal.signal(number, hear)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    _listening.append(stop)
    try:
        yield
    finally:
        _listening.remove(stop)
        for number, handler in before.items():
            signal.signal(number, handler)
