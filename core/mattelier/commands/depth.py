"""`mattelier depth`: depth maps."""

from __future__ import annotations

import os
from typing import Any

import click

from mattelier.commands.options import request_options
from mattelier.commands.task_command import is_shot, task_command
from mattelier.requests import DepthRequest
from mattelier.types.errors import UsageError

_SOURCES = ("right", "model")


def check_depth_files(flags: dict[str, Any]) -> None:
    """Refuse a depth map or a right picture that is missing, or that is one for several pictures.

    Raises
    ------
    UsageError
    """
    inputs = flags["inputs"]
    for flag, path in (("--depth", flags.get("depth")), ("--right", flags["right"])):
        if path is None or any(map(is_shot, inputs)):
            continue
        if not os.path.isfile(path):
            raise UsageError(f"{flag} {path}: no such file.")
        if len(inputs) != 1 or os.path.isdir(inputs[0]):
            raise UsageError(f"{flag} {path} belongs to one picture; give pictures one by one.")


def _check(flags: dict[str, Any]) -> None:
    check_depth_files(flags)
    output = flags["output"] or ""
    if flags["preview"] and any(map(is_shot, flags["inputs"])):
        raise UsageError("--preview is for pictures; the maps of a shot are data.")
    if flags["preview"] and (flags["format"] == "exr" or output.lower().endswith(".exr")):
        raise UsageError("A preview is for the eye, and written as .png or .tif, not as .exr.")


depth = task_command(
    "depth",
    about="""Write a picture's depth map: white is near, black is far.""",
    notes="""\b
Examples:
  mattelier depth photo.jpg -o depth.png          16-bit grey, white is near
  mattelier depth photo.jpg -o depth.exr          float
  mattelier depth photo.jpg -o depth.png --preview
  mattelier depth left.png --right right.png -o depth.png
  mattelier depth photos -o depths --depth-model matte
  mattelier depth "plate.####.exr" -o "depth.####.exr"   steady over the shot

A shot's depth is from a network: 0 is the farthest and 1 the nearest that there is in it.""",
    options=[
        request_options(DepthRequest, only=_SOURCES),
        click.option(
            "--preview", is_flag=True, help="Colours for the eye: red is near, blue is far."
        ),
        request_options(DepthRequest, only=("matte",)),
    ],
    check=_check,
)
