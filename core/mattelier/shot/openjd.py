"""A shot as an Open Job Description template, which Deadline Cloud and other farms run.

Three steps: track, matte in chunks, look over the whole shot, which puts movies together. What
lies behind a key that all objects have at once is tracked by tasks of their own, in a step between,
because the first step tunes. Chunks are the farm's own (extension TASK_CHUNKING) where the frames
lie close; of every second frame and the like they are given as texts, because a farm would cut such
a range into chunks of one frame.

Specification: https://github.com/OpenJobDescription/openjd-specifications
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mattelier.requests import RotoRequest, to_json
from mattelier.shot.farm import between_keys
from mattelier.types.errors import UsageError
from mattelier.types.frame_range import FrameRange

_MOST_CHUNKS = 1024  # values that a parameter may list
_FRAMES = "{{Task.Param.Frames}}"


def template(request: RotoRequest, chunk: int) -> dict[str, Any]:
    """The job, as values to be written as JSON, which is YAML too.

    Parameters
    ----------
    request : RotoRequest
        As `farm.for_farm` gives it.
    chunk : int
        Frames of one task.

    Raises
    ------
    UsageError
        It cannot be said in a template.
    """
    frames = FrameRange.parse(request.frames)
    for text in _texts(to_json(request)):
        if "{{" in text:
            raise UsageError(f"{text}: a farm would read {{{{ as a parameter; rename it.")
    stepped = ":" in frames.openjd()
    if stepped and len(frames) > chunk * _MOST_CHUNKS:
        raise UsageError(f"A job has at most {_MOST_CHUNKS} chunks; use a larger --chunk.")
    chunks: dict[str, Any]
    if stepped:
        chunks = _listed(frames.chunks(chunk))
    else:
        tasks = {"defaultTaskCount": chunk, "rangeConstraint": "CONTIGUOUS"}
        chunks = {"type": "CHUNK[INT]", "range": frames.openjd(), "chunks": tasks}
    tracked = [_step("Track", request, ["farm", "track"])]
    first, *others = between_keys(request, frames, max(chunk, -(-len(frames) // _MOST_CHUNKS)))
    if others:
        track_part = ["farm", "track", "--frames"]
        tracked = [
            _step("Track", request, [*track_part, str(first)]),
            _step("TrackOn", request, [*track_part, _FRAMES], _listed(others), after="Track"),
        ]
    return {
        "specificationVersion": "jobtemplate-2023-09",
        **({} if stepped else {"extensions": ["TASK_CHUNKING"]}),
        "name": "Mattelier roto",
        "steps": [
            *tracked,
            _step(
                "Matte", request, ["farm", "part", "--frames", _FRAMES], chunks,
                after=tracked[-1]["name"],
            ),
            _step("Finish", request, ["roto"], after="Matte"),
        ],
    }  # fmt: skip


def _listed(parts: Sequence[FrameRange]) -> dict[str, Any]:
    """A parameter whose values are frame ranges."""
    return {"type": "STRING", "range": [str(part) for part in parts]}


def _step(
    name: str,
    request: RotoRequest,
    command: Sequence[str],
    frames: Mapping[str, Any] | None = None,
    after: str = "",
) -> dict[str, Any]:
    """A step that runs a command on the request, which lies in a file of the template's own.

    With `frames`, a parameter, it runs for each of its values.
    """
    file = {
        "name": "Request",
        "type": "TEXT",
        "filename": "request.json",
        "data": json.dumps(to_json(request), indent=1),
    }
    arguments = [*command, "--openjd", "--request", "{{Task.File.Request}}"]
    run = {"command": "mattelier", "args": arguments}
    parameters = [{"name": "Frames", **frames}] if frames else []
    return {
        "name": name,
        **({"dependencies": [{"dependsOn": after}]} if after else {}),
        "script": {"embeddedFiles": [file], "actions": {"onRun": run}},
        **({"parameterSpace": {"taskParameterDefinitions": parameters}} if parameters else {}),
    }


def _texts(value: Any) -> Iterator[str]:
    """All texts among plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
