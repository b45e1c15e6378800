"""`mattelier enhance`: pictures under better light, or with another picture's look."""

from __future__ import annotations

import os
from typing import Any

import click

from mattelier.commands.options import request_options
from mattelier.commands.task_command import task_command
from mattelier.requests import EnhanceRequest
from mattelier.requests.flat import flat_fields
from mattelier.types.errors import UsageError

_AUTO = {
    leaf.name: leaf.field.auto
    for leaf in flat_fields(EnhanceRequest)
    if leaf.field.auto is not None
}

_OF_MATCH = {
    leaf.name: float(leaf.default)
    for leaf in flat_fields(EnhanceRequest)
    if leaf.name.startswith("match_")
}


def _check(flags: dict[str, Any]) -> None:
    auto, match = flags.pop("auto"), flags["match"]
    for name in _OF_MATCH:
        if flags[name] is not None and match is None:
            raise UsageError(f"--{name.replace('_', '-')} works together with --match.")
    if match is not None and not os.path.isfile(match):
        raise UsageError(f"--match {match}: no such file.")
    auto = auto or not (match or any(flags[name] is not None for name in _AUTO))
    for name, strength in _AUTO.items():
        if flags[name] is None:
            flags[name] = strength if auto else 0.0
    for name, strength in _OF_MATCH.items():
        if flags[name] is None:
            flags[name] = strength


enhance = task_command(
    "enhance",
    about="""Mend white balance, tone and contrast, or match another picture's look.""",
    notes="""\b
Examples:
  mattelier enhance photo.jpg -o better.png
  mattelier enhance photos -o better --white-balance 1 --tone 0.5
  mattelier enhance portrait.jpg --contrast 0.3 --saturation 0.2 --sharpen 0.3
  mattelier enhance shot.jpg --match poster.jpg --match-strength 0.7
  mattelier enhance cutout.png --match background.jpg -o fitting.png
  mattelier enhance "ship.####.exr" --match plate.exr --match-grain 1 -o "fits.####.exr"
  mattelier enhance "shot.####.exr" --white-balance 1 -o "balanced.####.exr"

Alone it does what --auto does. Else what is not asked for stays as it is: strengths that are left
out are 0. A shot is measured once,
on its first, middle and last frame.""",
    options=[
        click.option(
            "--auto",
            is_flag=True,
            help=", ".join(
                f"{name.replace('_', ' ')} {value}" for name, value in _AUTO.items()
            ).capitalize()
            + ", where not given.",
        ),
        request_options(EnhanceRequest),
    ],
    check=_check,
)
