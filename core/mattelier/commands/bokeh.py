"""`mattelier bokeh` and `mattelier depth`: lens blur, and the depth maps it follows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.commands import filter_command
from mattelier.commands.options import (
    FileOptions,
    file_options,
    request_from_flags,
    request_options,
)
from mattelier.requests import BokehRequest, DepthRequest, FramesRequest
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.batch.pool import Compute

# The flags of the subject's matte come last; its device is that of the depth network as well.
_SUBJECT_OF_BOKEH = ("depth.device", "depth.matte")
_DEPTH_SOURCES = ("right", "model")


@click.command(
    epilog="""\b
Examples:
  mattelier bokeh portrait.jpg -o portrait.png
  mattelier bokeh street.jpg --aperture 1.4 --blades 7 --highlights
  mattelier bokeh render.exr --depth render.exr --focus 2.5 --aperture 0.8 --foreground-blur
  mattelier bokeh photo.jpg --depth depth.png --focus 640,380 --radius 30
  mattelier bokeh left.png --right right.png --focus 300,200
  mattelier bokeh "plate.####.exr" --depth "z.####.exr" --mattes "matte.####.exr" -o out

Without --depth and --right a depth network is used if there is one, or the subject's matte: the
subject in focus, the ground falling off from where it stands, the rest far. The blur of a shot
follows depth maps and mattes that are numbered as its frames; the focus is pulled smoothly.

"""
    + filter_command.OF_SHOTS
)
@filter_command.effect_options
@request_options(BokehRequest, omit=_SUBJECT_OF_BOKEH)
@request_options(FramesRequest, only=("mattes",))
@request_options(BokehRequest, only=("depth.matte",))
def bokeh(**flags: Any) -> int:
    """Blur by depth as a lens with a wide aperture does; the subject stays sharp."""
    _check_depth_files(flags)
    request = request_from_flags(BokehRequest, flags)
    depth = request.depth
    files = [file for file in (depth.file, depth.right) if file]
    return filter_command.run(request, "bokeh", flags, hint=depth.matte.hint, beside=files)


@click.command(
    epilog="""\b
Examples:
  mattelier depth photo.jpg -o depth.png          16-bit grey, white is near
  mattelier depth photo.jpg -o depth.exr          float
  mattelier depth photo.jpg -o depth.png --preview
  mattelier depth left.png --right right.png -o depth.png
  mattelier depth photos -o depths --depth-model matte"""
)
@file_options("png", "tiff", "exr")
@request_options(DepthRequest, only=_DEPTH_SOURCES)
@click.option("--preview", is_flag=True, help="Colours for the eye: red is near, blue is far.")
@request_options(DepthRequest, only=("matte",))
def depth(preview: bool, **flags: Any) -> int:
    """Write a picture's depth map: white is near, black is far."""
    from mattelier.commands import console

    _check_depth_files(flags)
    request = request_from_flags(DepthRequest, flags)
    output = flags["output"] or ""
    if preview and (flags["format"] == "exr" or output.lower().endswith(".exr")):
        raise UsageError("A preview is for the eye, and written as .png or .tif, not as .exr.")

    def open_compute() -> Compute:
        from mattelier.commands.task_run import open_task, record
        from mattelier.media.depth_maps import write_depth

        find = open_task(request)

        def compute(picture: Any, hint: Any) -> Any:
            result: Any = find(picture, hint=hint)

            def save(path: Path) -> None:
                write_depth(path, result.depth, preview=preview)

            return save, record(result.report)

        return compute

    return console.run(
        "depth",
        FileOptions.of(flags),
        request.matte.hint,
        open_compute,
        beside=[request.right] if request.right else [],
    )


def _check_depth_files(flags: Mapping[str, Any]) -> None:
    given = flags["inputs"]
    for flag, path in (("--depth", flags.get("depth")), ("--right", flags["right"])):
        if path is None or any(map(filter_command.is_shot, given)):
            continue
        if not os.path.isfile(path):
            raise UsageError(f"{flag} {path}: no such file.")
        if len(given) != 1 or os.path.isdir(given[0]):
            raise UsageError(f"{flag} {path} belongs to one picture; give pictures one by one.")
