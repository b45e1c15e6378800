"""What the worker does for hosts: each task's request, the pictures it takes, and what it gives.

A request for a picture names no files: pixels travel, so that a client can read nothing through
the worker that it could not read itself. Only a shot is named by its files, as absolute paths.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from mattelier.errors import UsageError
from mattelier.progress import stage
from mattelier.request import (
    CutoutRequest,
    HintRequest,
    MatteRequest,
    RefineRequest,
    RotoRequest,
    from_json,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.picture import Picture
    from mattelier.tasks.cutout import Cutter
    from mattelier.tasks.hint import Hint
    from mattelier.tasks.matte import Report

_MOST_ERRORS = 20  # told of a shot; its manifest has all
_MOST_MODELS = 3  # kept open at once; the one used longest ago makes room


@dataclass(frozen=True)
class Outcome:
    """A task's answer: plain JSON, and pictures as float32 0…1 or in their picture's dtype."""

    report: dict[str, Any]
    pictures: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One thing that can be asked for.

    Attributes
    ----------
    run : callable of (Desk, options, pictures)
    channels : mapping
        The pictures it takes, by name, with the numbers of channels each may have.
    required : tuple
        Those without which it cannot start.
    minutes : bool
        It may take that long: such tasks wait for each other, and never keep a click waiting.
    """

    run: Callable[[Desk, Any, Mapping[str, Any]], Outcome]
    channels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    minutes: bool = False


class Desk:
    """What all clients share: the opened models, and the list of what is being done.

    Attributes
    ----------
    jobs : list of str
        Names of the tasks at work or waiting.
    """

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self._open: dict[tuple[str, str], Cutter] = {}
        self._lock = threading.Lock()

    def cutter(self, request: MatteRequest) -> Cutter:
        """An opened model, warm when it was used before."""
        from mattelier.catalogue import Store
        from mattelier.tasks.cutout import Cutter

        store = Store()
        key = (store.card(request.model).name, request.device)
        with self._lock:
            cutter = self._open.pop(key, None) or Cutter(request, store=store)
            self._open[key] = cutter
            while len(self._open) > _MOST_MODELS:
                del self._open[next(iter(self._open))]
        return cutter.asked(request)

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        """Name the block's task among the jobs."""
        with self._lock:
            self.jobs.append(name)
        try:
            yield
        finally:
            with self._lock:
                self.jobs.remove(name)

    def opened(self) -> list[str]:
        """Which open model runs where."""
        with self._lock:
            return [
                f"{cutter.card.name} on {cutter.engine.device}" for cutter in self._open.values()
            ]


def _matte(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    request = _matte_request(options)
    hint = _hint(request.hint, pictures)
    result = desk.cutter(request).matte(pictures["picture"], hint)
    return Outcome(_told(result.report), {"alpha": result.alpha})


def _cutout(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    request = from_json(CutoutRequest, options)
    _refuse_files(background=request.background)
    matte = _without_files(request.matte)
    if request.crop:
        raise UsageError("A host crops for itself; leave crop out.")
    result = desk.cutter(matte).cutout(
        pictures["picture"], _hint(matte.hint, pictures), request, pictures.get("background")
    )
    return Outcome(
        _told(result.report), {"alpha": result.alpha, "foreground": result.picture.colour}
    )


def _refine(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    import time

    from mattelier.colour import View
    from mattelier.tasks.edge import refine_edge

    request = from_json(RefineRequest, options)
    _refuse_files(mask=request.mask)
    start = time.perf_counter()
    alpha = refine_edge(View(pictures["picture"]), pictures["mask"], request)
    return Outcome({"seconds": {"refine": round(time.perf_counter() - start, 4)}}, {"alpha": alpha})


def _roto(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from mattelier.errors import OutputError
    from mattelier.jobs import roto

    request = from_json(RotoRequest, options)
    for path in (request.plate, request.output, *(key.mask for key in request.keys)):
        if path is not None and not os.path.isabs(path):
            raise UsageError(f"The worker needs absolute paths, not {path}.")
    result = roto.run(request)
    if result.problems:
        raise OutputError(" ".join(result.problems))
    failures = [f"{frame.frame}: {frame.error}" for frame in result.results if frame.error]
    return Outcome(
        {
            "written": str(result.written),
            "kept": str(result.kept),
            "failed": str(result.failed),
            "errors": failures[:_MOST_ERRORS],
            "outputs": result.outputs,
            "manifest": str(result.manifest),
        }
    )


def _qc(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from pathlib import Path

    from mattelier.qc_command import write_report

    if not isinstance(options, dict) or options.keys() != {"manifest"}:
        raise UsageError("A report needs a shot's manifest, and nothing else.")
    manifest = Path(str(options["manifest"]))
    if not manifest.is_absolute() or not manifest.is_file():
        raise UsageError(f"There is no manifest {manifest}.")
    findings, report = write_report(manifest, manifest.with_name("qc.html"))
    return Outcome({"report": str(report), "look_at": str(findings.look_at)})


def _status(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from mattelier.catalogue import Store
    from mattelier.engines.choose import installed, no_gpu
    from mattelier.errors import MattelierError
    from mattelier.log import log_path

    if options:
        raise UsageError("The status takes no options.")
    store, models = Store(), []
    for name in store.names():
        try:
            card = store.card(name)
            models.append({"name": name, "title": card.title, "state": store.state(card)[0]})
        except MattelierError:
            models.append({"name": name, "title": name, "state": "damaged"})
    gpu = "mps" if sys.platform == "darwin" else "cuda"
    return Outcome(
        {
            "version": installed("mattelier") or "",
            "pid": os.getpid(),
            "python": sys.version.split()[0],
            "models": models,
            "devices": {"cpu": "ready", gpu: no_gpu(gpu) or "there"},
            "open": desk.opened(),
            "jobs": [job for job in desk.jobs if job != "status"],
            "log": str(log_path()),
        }
    )


TASKS = {
    "matte": Task(_matte, {"picture": (3, 4), "mask": (1,), "trimap": (1,)}, ("picture",)),
    "cutout": Task(
        _cutout,
        {"picture": (3, 4), "mask": (1,), "trimap": (1,), "background": (3, 4)},
        ("picture",),
    ),
    "refine": Task(_refine, {"picture": (3, 4), "mask": (1,)}, ("picture", "mask")),
    "roto": Task(_roto, minutes=True),
    "qc": Task(_qc, minutes=True),
    "status": Task(_status),
}


def warm(desk: Desk) -> None:
    """Open the default model and run it once, so that the first request need not wait for it."""
    import numpy as np

    from mattelier.picture import Picture

    grey = np.full((64, 64, 3), 128, np.uint8)
    with stage("warming up", 0, 1):
        desk.cutter(MatteRequest()).cutout(Picture(grey), None, CutoutRequest())


def _matte_request(options: Any) -> MatteRequest:
    return _without_files(from_json(MatteRequest, options))


def _without_files(request: MatteRequest) -> MatteRequest:
    _refuse_files(mask=request.hint.mask, trimap=request.hint.trimap)
    return request


def _refuse_files(**paths: str | None) -> None:
    for name, path in paths.items():
        if path is not None:
            raise UsageError(f"The worker reads no files; send the {name} as pixels.")


def _hint(request: HintRequest, pictures: Mapping[str, Any]) -> Hint | None:
    from mattelier.tasks.hint import make_hint

    picture: Picture = pictures["picture"]
    return make_hint(
        picture.height,
        picture.width,
        mask=pictures.get("mask"),
        trimap=pictures.get("trimap"),
        box=request.box,
        points=request.points,
    )


def _told(report: Report) -> dict[str, Any]:
    return asdict(report)


def as_sent(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Samples of an outcome in the depth that the client asked for, contiguous."""
    import numpy as np

    from mattelier.colour import from_float, to_float

    if samples.dtype != dtype:
        samples = from_float(to_float(samples), dtype)
    return np.ascontiguousarray(samples)
