"""A shot on many machines with Dask distributed: one task a chunk, on disks that all of them see.

The first task tunes, and tracks the first chunk. From there tracking goes on chunk by chunk, from
every key that all objects have at once, and a chunk that is tracked is matted while others are. All
of it lies in the work folder. What a lost worker had is given to another one: a frame's files do
not depend on who makes them, and are whole or not there. The last task goes over the whole shot,
makes what is still missing, puts movies together and writes the manifest; its word is what became
of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from mattelier.requests import RotoRequest, from_json, to_json
from mattelier.shot import roto
from mattelier.shot.plan import prepare
from mattelier.shot.result import ShotResult
from mattelier.shot.shot_run import VERSION
from mattelier.types.errors import EngineError, MattelierError
from mattelier.types.frame_range import FrameRange
from mattelier.types.packages import installed
from mattelier.types.progress import Callback, Cancelled, heard_by, remark, stage, tell

_RETRIES = 2  # of a task that raised; those of a lost worker are given out again besides
_PAUSE = 0.2  # seconds between looks at what is done
_FINISHING = 60  # seconds that interrupted workers have to finish the files they write


def for_farm(request: RotoRequest) -> RotoRequest:
    """The request with absolute paths, checked, so that any machine can make a part of it.

    Raises
    ------
    UsageError, PictureError, OutputError
        It does not fit its plate or the disk.
    """
    request = replace(
        request,
        plate=os.path.abspath(request.plate),
        output=os.path.abspath(request.output),
        track_folder=request.track_folder and os.path.abspath(request.track_folder),
        keys=tuple(
            replace(key, mask=os.path.abspath(key.mask)) if key.mask else key
            for key in request.keys
        ),
    )
    shot = prepare(request)
    try:
        shot.refuse_foreign_files()
    finally:
        shot.plate.close()
    return replace(request, frames=str(shot.requested))


def submit(
    request: RotoRequest, *, scheduler: str = "", local: int = 0, chunk: int = 20, gpus: int = 0
) -> ShotResult:
    """Make a shot on Dask workers, and wait for it.

    Tells its progress; a listener that raises `Cancelled` interrupts it on all machines.

    Parameters
    ----------
    request : RotoRequest
        As `for_farm` gives it.
    scheduler : str
        Address of a running one, such as `tcp://farm:8786`.
    local : int
        Instead start so many worker processes on this machine.
    chunk : int
        Frames of one task.
    gpus : int
        Where > 0, a task takes one of its worker's resource GPU; local workers offer so many.

    Raises
    ------
    EngineError
        Dask is not installed, or the scheduler cannot be reached or went away.
    MattelierError
        Nothing was written: the request does not fit, or the model cannot be used.
    """
    with _client(scheduler, local, gpus) as client:
        _check_workers(client, gpus)
        return _Submission(client, request, {"GPU": 1} if gpus else {}).run(chunk)


def between_keys(request: RotoRequest, frames: FrameRange, least: int = 1) -> list[FrameRange]:
    """The frames, parted at those on which every object has a key: each part is tracked alone.

    Parts have at least so many frames, but for the last one: a key may stand on every frame.
    """
    names = {*request.objects, *(key.object for key in request.keys)}
    of_all = [
        frame
        for frame in {key.frame for key in request.keys}
        if {key.object for key in request.keys if key.frame == frame} == names
    ]
    ends = [*sorted(of_all), max(frames.frames, default=0)]
    parts, left = [], frames
    for end in ends:
        part = FrameRange(tuple(frame for frame in left if frame <= end))
        if part and (len(part) >= least or end == ends[-1]):
            parts.append(part)
            left = left - part
    return parts


class _Submission:
    def __init__(self, client: Any, request: RotoRequest, resources: dict[str, float]) -> None:
        from distributed import Event

        self._client, self._request, self._resources = client, request, resources
        self._name = f"mattelier-{secrets.token_hex(4)}"
        self._stop = Event(f"{self._name}-stop", client=client)

    def run(self, size: int) -> ShotResult:
        frames = FrameRange.parse(self._request.frames)
        written: set[int] = set()
        tracks = self._track(frames, size)
        chunks = frames.chunks(size)
        parts = [
            self._task(
                _make_part,
                replace(self._request, frames=str(chunk)),
                after=[task for part, task in tracks if part & chunk],
            )
            for chunk in chunks
        ]
        with stage("tracking and matting", 0, 0.95):
            results = self._results([*(task for _, task in tracks), *parts])
        for error in results[: len(tracks)]:
            if isinstance(error, MattelierError):
                raise error
        for chunk, chunk_result in zip(chunks, results[len(tracks) :], strict=True):
            if isinstance(chunk_result, MattelierError):
                remark(f"Frames {chunk} were left to the last task: {chunk_result}")
            else:
                written.update(chunk_result.written)
        with stage("looking over the shot", 0.95, 1):
            result: ShotResult | MattelierError
            (result,) = self._results([self._task(_make, self._request)])
        if isinstance(result, MattelierError):
            raise result
        result.results = [
            replace(ended, kept=ended.kept and ended.frame not in written)
            for ended in result.results
        ]
        return result

    def _track(self, frames: FrameRange, size: int) -> list[tuple[FrameRange, Any]]:
        """Tasks that track `frames`, with the frames that each of them leaves tracked.

        Between two keys tracking goes from frame to frame, so its chunks wait for one another.
        """
        tasks: list[tuple[FrameRange, Any]] = []
        for stretch in between_keys(self._request, frames, size):
            for number, chunk in enumerate(stretch.chunks(size)):
                # The very first one tunes.
                after = [tasks[-1 if number else 0][1]] if tasks else []
                part = replace(self._request, frames=str(chunk))
                # What is tracked keeps other workers busy.
                tasks.append((chunk, self._task(_track, part, after=after, priority=1)))
        return tasks

    def _task(
        self,
        work: Callable[..., Any],
        request: RotoRequest,
        after: Sequence[Any] = (),
        priority: int = 0,
    ) -> Any:
        """A task on the request, begun when others are done."""
        return self._client.submit(
            work,
            to_json(request),
            VERSION,
            f"{self._name}-stop",
            after=list(after),
            key=f"{self._name}-{work.__name__}-{request.frames}",
            pure=False,
            retries=_RETRIES,
            resources=self._resources,
            priority=priority,
        )

    def _results(self, futures: list[Any]) -> list[Any]:
        """What each task gave, or a `MattelierError`."""
        try:
            while not all(future.done() for future in futures):
                tell(sum(future.done() for future in futures) / len(futures))
                time.sleep(_PAUSE)
        except Cancelled:
            self._interrupt(futures)
            raise
        return [_outcome(future) for future in futures]

    def _interrupt(self, futures: list[Any]) -> None:
        """Have no new task begun, and wait for the files being written."""
        self._stop.set()
        until = time.monotonic() + _FINISHING
        while not all(future.done() for future in futures) and time.monotonic() < until:
            time.sleep(_PAUSE)
        self._client.cancel(futures)


def _outcome(future: Any) -> Any:
    """What a task gave, or why it gave nothing as a `MattelierError`."""
    from distributed import KilledWorker

    try:
        result, notes = future.result()
    except (MattelierError, Cancelled) as error:
        if isinstance(error, Cancelled):
            raise
        return error
    except KilledWorker:
        return EngineError("Several workers died of it; look at their logs and memory.")
    except ModuleNotFoundError as error:
        return EngineError(f"A worker lacks {error.name}; install the same Mattelier everywhere.")
    except Exception as error:  # Dask has many ways to say that the scheduler is gone
        return EngineError(
            f"Dask gave up ({type(error).__name__}: {error}); see that the scheduler runs and "
            "submit again, as what is done is kept."
        )
    for note in notes:
        remark(note)
    return result


def _make(
    values: Any, version: str, stop: str, after: Sequence[Any], *, part: bool = False
) -> tuple[ShotResult, list[str]]:
    """On a worker: make all that the request asks for."""
    _same(version)
    with heard_by(_listener(stop)) as notes:
        result = roto.run(from_json(RotoRequest, values), job=stop, part=part)
    return result, notes


def _make_part(
    values: Any, version: str, stop: str, after: Sequence[Any]
) -> tuple[ShotResult, list[str]]:
    """On a worker: make the frames alone."""
    return _make(values, version, stop, after, part=True)


def _track(values: Any, version: str, stop: str, after: Sequence[Any]) -> tuple[None, list[str]]:
    """On a worker: tune and track what the request asks for."""
    _same(version)
    with heard_by(_listener(stop)) as notes:
        roto.track(from_json(RotoRequest, values), job=stop)
    return None, notes


def _same(version: str) -> None:
    if version != VERSION:
        raise EngineError(
            f"A worker has Mattelier {VERSION}, and the shot was submitted by {version}; "
            "install the same on all machines."
        )


def _listener(stop: str) -> Callback:
    """Raises `Cancelled` soon after the submitter asked for it."""
    from distributed import Event

    event, asked_at = Event(stop), [time.monotonic()]

    def listen(fraction: float, stage: str) -> None:
        if time.monotonic() - asked_at[0] > 1:
            asked_at[0] = time.monotonic()
            if event.is_set():
                raise Cancelled

    return listen


@contextlib.contextmanager
def _client(scheduler: str, local: int, gpus: int) -> Iterator[Any]:
    if installed("distributed") is None:
        raise EngineError("Farming needs Dask; install it with: pip install 'mattelier[farm]'")
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as held:
        if local:
            address = held.enter_context(
                LocalCluster(
                    n_workers=local,
                    threads_per_worker=max(1, gpus),
                    memory_limit=0,  # a frame needs what it needs; Dask would kill its worker
                    dashboard_address=None,
                    resources={"GPU": gpus} if gpus else {},
                )
            )
        else:
            address = scheduler
        try:
            client = held.enter_context(Client(address, timeout="10s"))
        except (OSError, ValueError, TimeoutError) as error:
            raise EngineError(
                f"No Dask scheduler answers at {scheduler}; start one with: dask scheduler"
            ) from error
        yield client


def _check_workers(client: Any, gpus: int) -> None:
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    if not workers:
        remark("No worker had joined the scheduler when the shot was submitted.")
    elif gpus and not any(worker.get("resources", {}).get("GPU") for worker in workers):
        raise EngineError(
            "No worker of this scheduler offers a GPU; start them with: "
            "dask worker ADDRESS --resources GPU=1"
        )
