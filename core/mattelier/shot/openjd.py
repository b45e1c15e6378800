"""A shot as an Open Job Description template, which Deadline Cloud and other farms run.

Three steps: track, matte in chunks, look over the whole shot. Chunks are the farm's own (extension
TASK_CHUNKING) where the frames lie close; of every second frame and the like they are given as
texts, because a farm would cut such a range into chunks of one frame.

Specification: https://github.com/OpenJobDescription/openjd-specifications
"""

from __future__ import annotations

from typing import Any

from mattelier.requests import SUBJECT, KeyRequest, RotoRequest
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
    frames, options = FrameRange.parse(request.frames), roto_arguments(request)
    for option in (request.plate, request.output, *options):
        if "{{" in option:
            raise UsageError(f"{option}: a farm would read {{{{ as a parameter; rename it.")
    stepped = ":" in frames.openjd()
    if stepped and len(frames) > chunk * _MOST_CHUNKS:
        raise UsageError(f"A job has at most {_MOST_CHUNKS} chunks; use a larger --chunk.")
    parameter: dict[str, Any] = {"name": "Frames"}
    if stepped:
        parameter |= {"type": "STRING", "range": [str(part) for part in frames.chunks(chunk)]}
    else:
        chunks = {"defaultTaskCount": chunk, "rangeConstraint": "CONTIGUOUS"}
        parameter |= {"type": "CHUNK[INT]", "range": frames.openjd(), "chunks": chunks}
    place = [request.plate, "-o", request.output]
    whole = ["--frames", str(frames), *options]
    part = ["--frames", "{{Task.Param.Frames}}", *options]
    return {
        "specificationVersion": "jobtemplate-2023-09",
        **({} if stepped else {"extensions": ["TASK_CHUNKING"]}),
        "name": "Mattelier roto",
        "steps": [
            _step("Track", ["farm", "track", *place, *whole]),
            {
                **_step("Matte", ["roto", *place, *part], after="Track"),
                "parameterSpace": {"taskParameterDefinitions": [parameter]},
            },
            _step("Finish", ["roto", *place, *whole], after="Matte"),
        ],
    }


def roto_arguments(request: RotoRequest) -> list[str]:
    """What `mattelier roto PLATE -o OUT --frames …` needs besides to make this request."""
    matte, default = request.matte, RotoRequest("", "")
    values = [
        ("--outputs", ",".join(request.outputs), "matte"),
        ("--format", request.format, default.format),
        ("--codec", request.codec, default.codec),
        ("--bits", request.bits, default.bits),
        ("--colorspace", request.colorspace, default.colorspace),
        ("--fps", request.fps, default.fps),
        ("--tune", request.tune, default.tune),
        ("--preroll", request.preroll, default.preroll),
        ("--model", matte.model, default.matte.model),
        ("--device", matte.device, default.matte.device),
        ("--quality", matte.quality, default.matte.quality),
        ("--edge-shift", matte.edge_shift, default.matte.edge_shift),
        ("--feather", matte.feather, default.matte.feather),
    ]
    flags = [
        (not matte.refine, "--no-refine"),
        (not request.resume, "--no-resume"),
        (request.overwrite, "--overwrite"),
    ]
    return [
        *(text for name in request.objects for text in ("--object", name)),
        *(text for key in request.keys for text in _key(key)),
        *(t for flag, value, usual in values if value != usual for t in (flag, str(value))),
        *(flag for given, flag in flags if given),
    ]


def _key(key: KeyRequest) -> list[str]:
    frame = f"{key.frame}=" if key.object == SUBJECT else f"{key.object}:{key.frame}="
    said = []
    if key.mask is not None:
        said += ["--key", f"{frame}{key.mask}"]
    if key.box is not None:
        box = key.box
        said += ["--box", f"{frame}{box.x},{box.y},{box.width},{box.height}"]
    for point in key.points:
        said += ["--point", f"{frame}{point.x},{point.y},{'+' if point.positive else '-'}"]
    return said


def _step(name: str, arguments: list[str], after: str = "") -> dict[str, Any]:
    run = {"command": "mattelier", "args": arguments}
    return {
        "name": name,
        **({"dependencies": [{"dependsOn": after}]} if after else {}),
        "script": {"actions": {"onRun": run}},
    }
