"""`mattelier bokeh` and `mattelier depth`: lens blur, and the depth maps it follows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mattelier.commands import filter_command
from mattelier.commands.options import FileOptions, file_options, matte_options, matte_request
from mattelier.requests import BokehRequest, DepthRequest, Point
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.batch.pool import Compute

Command = TypeVar("Command", bound=Callable[..., Any])

_SOURCES = [
    click.option(
        "--right", metavar="FILE", help="Right picture of a stereo pair whose left one is IN."
    ),
    click.option(
        "--depth-model",
        default="auto",
        show_default=True,
        metavar="NAME|FILE|matte",
        help="Depth network; auto: the first that is here, else the matte alone.",
    ),
]


def _depth_sources(command: Command) -> Command:
    for option in reversed(_SOURCES):
        command = option(command)
    return command


def _focus(
    ctx: click.Context, param: click.Parameter, text: str
) -> tuple[Point | None, float | None]:
    if text == "subject":
        return None, None
    try:
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) == 1:
            return None, numbers[0]
        x, y = numbers
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not x,y and not 'subject' and not a distance."
        ) from None
    return Point(x, y), None


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
@click.option(
    "--depth",
    metavar="FILE|PATTERN",
    help="Depth map: EXR of distances (Blender's Z), or 16-bit grey, white is near.",
)
@click.option(
    "--depth-kind",
    type=click.Choice(["auto", "distance", "disparity"]),
    default="auto",
    show_default=True,
    help="What --depth holds: how far things are, or how near.",
)
@_depth_sources
@click.option(
    "--focus",
    default="subject",
    show_default=True,
    metavar="X,Y|subject|DIST",
    callback=_focus,
    help="What is sharp: a pixel, the subject, or a distance in the depth map's units.",
)
@click.option(
    "--aperture", type=float, metavar="F", help="f-number, as of a full-frame camera: 1.4, 2.8 …"
)
@click.option(
    "--radius",
    type=float,
    metavar="PIXELS",
    help="Blur radius of what is most blurred. Default: 1 % of the longer side.",
)
@click.option(
    "--focal-length",
    type=float,
    metavar="MM",
    help="For --aperture, as of a full-frame camera. Default: the picture's own, or 50.",
)
@click.option("--blades", type=int, default=0, metavar="N", help="Of the iris. Default: round.")
@click.option("--rotation", type=float, default=0, metavar="DEGREES", help="Of the iris.")
@click.option(
    "--cats-eye",
    type=click.FloatRange(0, 1),
    default=0,
    metavar="0..1",
    help="How much the lens barrel narrows the iris towards the corners.",
)
@click.option("--highlights", is_flag=True, help="Clipped lights become bright discs.")
@click.option("--foreground-blur", is_flag=True, help="Blur also what is nearer than the focus.")
@click.option(
    "--mattes",
    metavar="PATTERN|MOVIE",
    help="Of a shot: its subject's mattes. Default: the subject is followed, from --box or --point "
    "on the plate's first frame.",
)
@matte_options
def bokeh(
    depth: str | None,
    depth_kind: Any,
    right: str | None,
    depth_model: str,
    focus: tuple[Point | None, float | None],
    aperture: float | None,
    radius: float | None,
    focal_length: float | None,
    blades: int,
    rotation: float,
    cats_eye: float,
    highlights: bool,
    foreground_blur: bool,
    **flags: Any,
) -> int:
    """Blur by depth as a lens with a wide aperture does; the subject stays sharp."""
    source = _depth_request(depth, depth_kind, right, depth_model, flags)
    request = BokehRequest(
        source, focus[0], focus[1], aperture, radius, focal_length, blades, rotation, cats_eye,
        highlights, foreground_blur,
    )  # fmt: skip
    files = [file for file in (depth, right) if file]
    return filter_command.run(request, "bokeh", flags, hint=source.matte.hint, beside=files)


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
@_depth_sources
@click.option("--preview", is_flag=True, help="Colours for the eye: red is near, blue is far.")
@matte_options
def depth(right: str | None, depth_model: str, preview: bool, **flags: Any) -> int:
    """Write a picture's depth map: white is near, black is far."""
    from mattelier.commands import console

    request = _depth_request(None, "auto", right, depth_model, flags)
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
        beside=[right] if right else [],
    )


def _depth_request(
    file: str | None, kind: Any, right: str | None, model: str, flags: dict[str, Any]
) -> DepthRequest:
    for flag, path in (("--depth", file), ("--right", right)):
        given = flags["inputs"]
        if path is None or any(map(filter_command.is_shot, given)):
            continue
        if not os.path.isfile(path):
            raise UsageError(f"{flag} {path}: no such file.")
        if len(given) != 1 or os.path.isdir(given[0]):
            raise UsageError(f"{flag} {path} belongs to one picture; give pictures one by one.")
    matte = matte_request(flags)
    return DepthRequest(file, kind, right, model, matte.device, matte)
