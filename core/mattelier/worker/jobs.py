"""What the worker does for hosts: the registry's tasks, a shot, its report, its splines and its
Cryptomatte, the models, and the status.

A request for a picture names no files: pixels travel, so that a client can read nothing through
the worker that it could not read itself. Only a shot is named by its files, as absolute paths.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mattelier.requests import (
    CutoutRequest,
    FramesRequest,
    HintRequest,
    RotoRequest,
    from_json,
    to_json,
)
from mattelier.tasks.registry import TASKS, TaskInput, TaskSpec, field_value, run
from mattelier.types.errors import UsageError
from mattelier.types.progress import stage
from mattelier.worker.correcting import correct
from mattelier.worker.cryptomatte import cryptomatte
from mattelier.worker.models import models
from mattelier.worker.pointing import Kept, point
from mattelier.worker.splines import outline, splines

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.engines.model_cache import ModelCache
    from mattelier.shot.result import ShotResult
    from mattelier.types.depth_map import DepthMap
    from mattelier.types.result import Result

MAX_ERRORS = 20  # reported of a shot; its manifest has all

_CHANNELS = {"mask": (1,), "depth": (1,), "picture": (3, 4)}


@dataclass(frozen=True)
class Outcome:
    """A job's answer: plain JSON, and pictures as float32 0…1 or in their picture's dtype."""

    report: dict[str, Any]
    pictures: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One thing that can be asked for.

    Attributes
    ----------
    run : callable of (ModelCache, options, pictures), and what the connection keeps
    channels : mapping
        The pictures it takes, by name, with the numbers of channels each may have.
    required : tuple
        Those without which it cannot start.
    long : bool
        It may take minutes: such jobs wait for each other, and never keep a click waiting.
    keeps : bool
        It keeps something for the connection's next request.
    """

    run: Callable[..., Outcome]
    channels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    long: bool = False
    keeps: bool = False


def jobs(names_at_work: Callable[[], list[str]]) -> dict[str, Job]:
    """All jobs by name; `names_at_work` gives those at work or waiting, for the status."""
    return {
        **{name: _task_job(spec) for name, spec in TASKS.items()},
        "point": Job(_point, {"picture": (3, 4), "mask": (1,)}, keeps=True),
        "correct": Job(_correct, keeps=True),
        "roto": Job(_roto, long=True),
        "frames": Job(_frames, long=True),
        "qc": Job(_qc, long=True),
        "splines": Job(_splines, long=True),
        "outline": Job(_outline, {"mask": (1,)}, ("mask",)),
        "cryptomatte": Job(_cryptomatte, long=True),
        "models": Job(_models, long=True),
        "status": Job(partial(_status, names_at_work)),
    }


def warm(models: ModelCache) -> None:
    """Open the default model and run it once, so that the first request need not wait for it."""
    import numpy as np

    from mattelier.types.picture import Picture

    grey = np.full((64, 64, 3), 128, np.uint8)
    with stage("warming up", 0, 1):
        run(CutoutRequest(), Picture(grey), models)


def to_wire_samples(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Samples of an outcome in the depth that the client asked for, contiguous."""
    import numpy as np

    from mattelier.types.colour import from_float, to_float

    if samples.dtype != dtype:
        samples = from_float(to_float(samples), dtype)
    return np.ascontiguousarray(samples)


def _task_job(spec: TaskSpec) -> Job:
    return Job(
        partial(_run_task, spec),
        {
            "picture": (3, 4),
            **{one.name: _CHANNELS[one.kind] for one in spec.inputs if one.travels},
        },
        ("picture", *(one.name for one in spec.inputs if one.required)),
    )


def _run_task(
    spec: TaskSpec, models: ModelCache, options: Any, pictures: Mapping[str, Any]
) -> Outcome:
    from mattelier.matting.hint import make_hint

    request: object = from_json(spec.request, options)
    _refuse_files(spec, request, models)
    if isinstance(request, CutoutRequest) and request.crop:
        raise UsageError("A host crops for itself; leave crop out.")
    picture = pictures["picture"]
    inputs = {
        one.name: _to_input(one, pictures[one.name])
        for one in spec.inputs
        if one.name in pictures and not spec.is_hint(one)
    }
    if spec.hint is not None:
        hint: HintRequest = field_value(request, spec.hint)
        inputs["hint"] = make_hint(
            picture.height,
            picture.width,
            mask=pictures.get("mask"),
            trimap=pictures.get("trimap"),
            box=hint.box,
            points=hint.points,
            mask_as=hint.mask_as,
        )
    return _task_outcome(spec, run(request, picture, models, **inputs))


def _to_input(one: TaskInput, samples: Any) -> Any:
    return _to_depth(samples) if one.kind == "depth" else samples


def _to_depth(samples: NDArray[np.float32]) -> DepthMap:
    import numpy as np

    from mattelier.types.depth_map import DepthMap

    if not np.ptp(samples):
        raise UsageError("The depth is the same everywhere, so it says nothing; choose another.")
    return DepthMap(np.maximum(samples, 0), False, "sent")


def _task_outcome(spec: TaskSpec, result: Result) -> Outcome:
    import numpy as np

    report = result.report.values()
    if spec.result == "cutout":
        assert result.picture is not None
        assert result.alpha is not None
        return Outcome(report, {"alpha": result.alpha, "foreground": result.picture.colour})
    if spec.result == "matte":
        assert result.alpha is not None
        return Outcome(report, {"alpha": result.alpha})
    if spec.result == "depth":
        assert result.depth is not None
        return Outcome(report, {"depth": result.depth.relative()})
    if spec.result == "objects":
        assert result.objects is not None
        masks = {f"object-{n}": one.mask for n, one in enumerate(result.objects, 1)}
        return Outcome(report, masks)
    assert result.picture is not None
    samples = result.picture.colour
    if result.picture.alpha is not None:
        samples = np.concatenate([samples, result.picture.alpha[..., None]], axis=2)
    return Outcome(report, {"picture": samples})


def _point(models: ModelCache, options: Any, pictures: Mapping[str, Any], kept: Kept) -> Outcome:
    return Outcome(*point(models, options, pictures, kept))


def _correct(models: ModelCache, options: Any, pictures: Mapping[str, Any], kept: Kept) -> Outcome:
    report, alpha, kept.matte = correct(options, kept.matte)
    return Outcome(report, {"alpha": alpha})


def _models(cache: ModelCache, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    return Outcome(models(cache.store, options))


def _splines(models: ModelCache, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    return Outcome(splines(options))


def _outline(models: ModelCache, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    return Outcome(outline(options, pictures["mask"]))


def _cryptomatte(models: ModelCache, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    return Outcome(cryptomatte(options))


def _refuse_files(spec: TaskSpec, request: object, models: ModelCache) -> None:
    """Refuse a request that names a file, or a model that is no card's name."""
    for one in spec.inputs:
        if field_value(request, one.field) is not None:
            remedy = f"send the {one.name} as pixels" if one.travels else f"leave {one.name} out"
            raise UsageError("The worker reads no files; {remedy}.", remedy=remedy)
    for name, value in _leaves(to_json(request)):
        if name.endswith("model") and value not in ("default", "auto", "matte"):
            models.store.card(value)


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values of a request's fields, those of its parts included."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield name, value


def _roto(models: ModelCache, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from mattelier.shot import roto

    request = from_json(RotoRequest, options)
    masks = (key.mask for key in request.keys)
    _require_absolute(request.plate, request.output, request.track_folder, *masks)
    return _shot_outcome(roto.run(request, models=models))


def _frames(models: ModelCache, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from mattelier.shot import filter_shot

    request = from_json(FramesRequest, options)
    files = _request_files(request)
    _require_absolute(request.plate, request.output, request.mattes, *files)
    return _shot_outcome(filter_shot.run(request, models=models))


def _require_absolute(*paths: str | None) -> None:
    for path in paths:
        if path is not None and not os.path.isabs(path):
            raise UsageError("The worker needs absolute paths, not {path}.", path=path)


def _request_files(request: FramesRequest) -> Iterator[str | None]:
    """The files that the task's request names; a model may be a file too."""
    for one in TASKS[request.task].inputs:
        yield field_value(request.options, one.field)
    for name, value in _leaves(to_json(request.options)):
        weights = name == "model" and (os.path.dirname(value) or os.path.isfile(value))
        if weights:
            yield value


def _shot_outcome(result: ShotResult) -> Outcome:
    from mattelier.types.errors import OutputError

    if result.problems:
        problems = " ".join(result.problems)
        raise OutputError(problems)
    failures = [f"{frame.frame}: {frame.error}" for frame in result.results if frame.error]
    return Outcome(
        {
            "written": str(result.written),
            "kept": str(result.kept),
            "failed": str(result.failed),
            "errors": failures[:MAX_ERRORS],
            "outputs": result.outputs,
            "manifest": str(result.manifest),
        }
    )


def _qc(models: ModelCache, options: Any, pictures: Mapping[str, Any]) -> Outcome:
    from pathlib import Path

    from mattelier.shot.qc_report import write_report

    if not isinstance(options, dict) or options.keys() != {"manifest"}:
        raise UsageError("A report needs a shot's manifest, and nothing else.")
    manifest = Path(str(options["manifest"]))
    if not manifest.is_absolute() or not manifest.is_file():
        raise UsageError("There is no manifest {manifest}.", manifest=manifest)
    findings, report = write_report(manifest, manifest.with_name("qc.html"))
    flags = {
        name: {reason: str(frames) for reason, frames in reasons.items()}
        for name, reasons in findings.flags.items()
    }
    next_keys = {name: findings.next_key(name) for name in findings.curves}
    return Outcome(
        {
            "report": str(report),
            "look_at": str(findings.look_at),
            "flags": flags,
            "next_key": {name: frame for name, frame in next_keys.items() if frame is not None},
        }
    )


def _status(
    names_at_work: Callable[[], list[str]],
    models: ModelCache,
    options: Any,
    pictures: Mapping[str, Any],
) -> Outcome:
    from mattelier.engines.devices import no_gpu
    from mattelier.log import log_path
    from mattelier.types.errors import MattelierError
    from mattelier.types.packages import installed

    if options:
        raise UsageError("The status takes no options.")
    store, cards = models.store, []
    for name in store.names():
        try:
            card = store.card(name)
            if card.cloud is not None:  # hosts send nothing away
                continue
            cards.append({"name": name, "title": card.title, "state": store.state(card)[0]})
        except MattelierError:
            cards.append({"name": name, "title": name, "state": "damaged"})
    gpu = "mps" if sys.platform == "darwin" else "cuda"
    return Outcome(
        {
            "version": installed("mattelier") or "",
            "pid": os.getpid(),
            "python": sys.version.split()[0],
            "models": cards,
            "devices": {"cpu": "ready", gpu: no_gpu(gpu) or "there"},
            "open": models.names(),
            "jobs": [job for job in names_at_work() if job != "status"],
            "log": str(log_path()),
        }
    )
