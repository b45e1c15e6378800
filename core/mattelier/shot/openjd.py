"""A shot as an Open Job Description template, which Deadline Cloud and other farms run.

Three steps: track, matte in chunks, look over the whole shot, which puts movies together. Chunks
are the farm's own (extension TASK_CHUNKING) where the frames lie close; of every second frame and
the like they are given as texts, because a farm would cut such a range into chunks of one frame.

Specification: https://github.com/OpenJobDescription/openjd-specifications
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mattelier.requests import RotoRequest, to_json
from mattelier.types.errors import UsageError
from mattelier.types.frame_range import FrameRange

_MOST_CHUNKS = 1024  # values that a parameter may list


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
    parameter: dict[str, Any] = {"name": "Frames"}
    if stepped:
        parameter |= {"type": "STRING", "range": [str(part) for part in frames.chunks(chunk)]}
    else:
        chunks = {"defaultTaskCount": chunk, "rangeConstraint": "CONTIGUOUS"}
        parameter |= {"type": "CHUNK[INT]", "range": frames.openjd(), "chunks": chunks}
    return {
        "specificationVersion": "jobtemplate-2023-09",
        **({} if stepped else {"extensions": ["TASK_CHUNKING"]}),
        "name": "Mattelier roto",
        "steps": [
            _step("Track", request, ["farm", "track"]),
            {
                **_step("Matte", request, ["farm", "part"], "{{Task.Param.Frames}}", after="Track"),
                "parameterSpace": {"taskParameterDefinitions": [parameter]},
            },
            _step("Finish", request, ["roto"], after="Matte"),
        ],
    }


def _step(
    name: str, request: RotoRequest, command: list[str], frames: str = "", after: str = ""
) -> dict[str, Any]:
    """A step that runs a command on the request, which lies in a file of the template's own."""
    file = {
        "name": "Request",
        "type": "TEXT",
        "filename": "request.json",
        "data": json.dumps(to_json(request), indent=1),
    }
    only = ["--frames", frames] if frames else []
    arguments = [*command, "--openjd", "--request", "{{Task.File.Request}}", *only]
    run = {"command": "mattelier", "args": arguments}
    return {
        "name": name,
        **({"dependencies": [{"dependsOn": after}]} if after else {}),
        "script": {"embeddedFiles": [file], "actions": {"onRun": run}},
    }


def _texts(value: Any) -> Iterator[str]:
    """All texts among plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
