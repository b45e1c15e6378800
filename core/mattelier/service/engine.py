"""The engine as the service uses it: a picture's file in, a result's file and its report out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mattelier.api import task_function
from mattelier.api_arguments import models
from mattelier.api_result import Result
from mattelier.requests.flat import flat_fields
from mattelier.service.queue import Job
from mattelier.tasks.registry import TaskSpec

_ANY_MODEL = ("auto", "default", "matte", "none")  # words that a request may say instead of a name
UNSURE = 0.95  # confidence below which a person should look, as docs/measurements.md finds


def model_names() -> Collection[str]:
    """What a client may name as a model."""
    return {*_ANY_MODEL, *models().store.names()}


def run_task(spec: TaskSpec, picture: Path, options: Mapping[str, Any], device: str) -> Result:
    """One picture done.

    Raises
    ------
    MattelierError
        One sentence that says what is wrong; it may hold paths.
    """
    if any(leaf.name == "device" for leaf in flat_fields(spec.request)):
        options = {**options, "device": device}
    return task_function(spec.name)(picture, **options)


def save(result: Result, picture: Path, path: Path) -> None:
    """Write a result: its objects as one Cryptomatte, all else as its suffix says."""
    if result.objects is None:
        result.save(path)
        return
    from mattelier.media.object_files import write_objects
    from mattelier.media.stills import read

    write_objects(path, result.objects, read(picture))


def report(job: Job, result: Result) -> dict[str, Any]:
    """What a client is told of how its picture was done, as plain values."""
    values = {key: value for key, value in result.report.values().items() if value != ""}
    notes = [values.pop("note", ""), *job.remarks]
    coverage, confidence = result.report.coverage, result.report.confidence
    if coverage == 0:
        notes.append("No subject was found.")
    elif confidence is not None and confidence < UNSURE:
        notes.append("The network was not sure of the subject; please look.")
    if note := " ".join(filter(None, notes)):
        values["note"] = note
    return values


def as_header(values: Mapping[str, Any]) -> str:
    """A report as a header's value: JSON in ASCII."""
    return json.dumps(values, separators=(",", ":"), default=str)
