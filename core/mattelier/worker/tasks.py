"""What the worker does for hosts: each task's request, the pictures it takes, and what it gives.

A request for a picture names no files: pixels travel, so that a client can read nothing through
the worker that it could not read itself. Only a shot is named by its files, as absolute paths.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mattelier.requests import (
    CutoutRequest,
    FramesRequest,
    MatteRequest,
    RefineRequest,
    RotoRequest,
    from_json,
    to_json,
)
from mattelier.types.errors import UsageError
from mattelier.types.progress import stage
from mattelier.worker import enhancing
from mattelier.worker.desk import Desk, Outcome, Task
from mattelier.worker.pixels_only import hint, refuse_files, without_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.matting.matte import Report
    from mattelier.shot.result import ShotResult

_MOST_ERRORS = 20  # told of a shot; its manifest has all


def _matte(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    request = _matte_request(options)
    result = desk.cutter(request).matte(pictures["picture"], hint(request.hint, pictures))
    return Outcome(_told(result.report), {"alpha": result.alpha})


def _cutout(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    request = from_json(CutoutRequest, options)
    refuse_files(background=request.background)
    matte = without_files(request.matte)
    if request.crop:
        raise UsageError("A host crops for itself; leave crop out.")
    result = desk.cutter(matte).cutout(
        pictures["picture"], hint(matte.hint, pictures), request, pictures.get("background")
    )
    return Outcome(
        _told(result.report), {"alpha": result.alpha, "foreground": result.picture.colour}
    )


def _refine(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    import time

    from mattelier.matting.edge import refine_edge
    from mattelier.types.colour import View

    request = from_json(RefineRequest, options)
    refuse_files(mask=request.mask)
    start = time.perf_counter()
    alpha = refine_edge(View(pictures["picture"]), pictures["mask"], request)
    return Outcome({"seconds": {"refine": round(time.perf_counter() - start, 4)}}, {"alpha": alpha})


def _roto(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from mattelier.shot import roto

    request = from_json(RotoRequest, options)
    _need_absolute(request.plate, request.output, *(key.mask for key in request.keys))
    return _of_shot(roto.run(request))


def _frames(desk: Desk, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from mattelier.shot import filter_shot

    request = from_json(FramesRequest, options)
    _need_absolute(request.plate, request.output, request.mattes, *_named(to_json(request.options)))
    return _of_shot(filter_shot.run(request))


def _need_absolute(*paths: str | None) -> None:
    for path in paths:
        if path is not None and not os.path.isabs(path):
            raise UsageError(f"The worker needs absolute paths, not {path}.")


def _named(options: Mapping[str, Any]) -> Iterator[str | None]:
    """The files that a request for pictures names; a model may be a file too."""
    for name, value in options.items():
        weights = name == "model" and (os.path.dirname(value) or os.path.isfile(value))
        if isinstance(value, dict):
            yield from _named(value)
        elif weights or name in ("file", "right", "mask", "trimap", "match", "reference"):
            yield value


def _of_shot(result: ShotResult) -> Outcome:
    from mattelier.types.errors import OutputError

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

    from mattelier.shot.qc_report import write_report

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
    from mattelier.log import log_path
    from mattelier.types.errors import MattelierError

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
            "open": desk.tools(),
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
    "upscale": Task(enhancing.upscale, {"picture": (3, 4)}, ("picture",)),
    "bokeh": Task(enhancing.bokeh, {"picture": (3, 4), "mask": (1,), "depth": (1,)}, ("picture",)),
    "denoise": Task(enhancing.denoise, {"picture": (3, 4)}, ("picture",)),
    "enhance": Task(enhancing.enhance, {"picture": (3, 4), "reference": (3, 4)}, ("picture",)),
    "style": Task(
        enhancing.style, {"picture": (3, 4), "reference": (3, 4)}, ("picture", "reference")
    ),
    "roto": Task(_roto, minutes=True),
    "frames": Task(_frames, minutes=True),
    "qc": Task(_qc, minutes=True),
    "status": Task(_status),
}


def warm(desk: Desk) -> None:
    """Open the default model and run it once, so that the first request need not wait for it."""
    import numpy as np

    from mattelier.types.picture import Picture

    grey = np.full((64, 64, 3), 128, np.uint8)
    with stage("warming up", 0, 1):
        desk.cutter(MatteRequest()).cutout(Picture(grey), None, CutoutRequest())


def _matte_request(options: Any) -> MatteRequest:
    return without_files(from_json(MatteRequest, options))


def _told(report: Report) -> dict[str, Any]:
    return asdict(report)


def as_sent(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Samples of an outcome in the depth that the client asked for, contiguous."""
    import numpy as np

    from mattelier.types.colour import from_float, to_float

    if samples.dtype != dtype:
        samples = from_float(to_float(samples), dtype)
    return np.ascontiguousarray(samples)
