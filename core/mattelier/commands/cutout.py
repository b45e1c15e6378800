"""`mattelier cutout`: subjects cut out."""

from __future__ import annotations

import os
from typing import Any

from mattelier.commands.options import confidence_option, request_options
from mattelier.commands.task_command import task_command
from mattelier.requests import CutoutRequest
from mattelier.types.errors import MattelierError, UsageError

_SUBJECT_BOX = ("reverse", "crop", "padding", "match_light")


def _check(flags: dict[str, Any]) -> None:
    if flags["padding"] and not flags["crop"]:
        raise UsageError("--padding works together with --crop.")
    background = flags["background"]
    if background is None and flags["match_light"]:
        raise UsageError("--match-light works together with --background.")
    check_background(background)


def check_background(background: str | None) -> None:
    """Refuse a `--background` that nothing can be made of.

    Raises
    ------
    UsageError
    """
    if background in (None, "blur") or os.path.isfile(background):
        return
    from mattelier.types.colour import parse_colour

    try:
        parse_colour(background)
    except (MattelierError, ValueError):
        raise UsageError(
            f"--background {background} is neither a colour nor 'blur' nor a picture's file."
        ) from None


cutout = task_command(
    "cutout",
    about="""Cut the subject out: the picture with alpha and clean edge colour.""",
    notes="""\b
Examples:
  mattelier cutout photo.jpg -o subject.png
  mattelier cutout photos -o cutouts --format webp
  mattelier cutout group.jpg --box 120,80,400,900 --crop --padding 20
  mattelier cutout group.jpg --point 300,420 --point 700,400,-
  mattelier cutout photos -o cutouts --hint masks   (masks holds files of the same names)
  mattelier cutout street.jpg --reverse              (the street, with a hole)
  mattelier cutout portrait.jpg --background "#ff8800" -o orange.jpg
  mattelier cutout - < photo.jpg > subject.png

A folder is searched recursively and its structure kept; hidden files and earlier results are
passed over. Pictures whose results would share a name get their suffix into it.""",
    options=[
        request_options(CutoutRequest, omit=_SUBJECT_BOX),
        confidence_option,
        request_options(CutoutRequest, only=_SUBJECT_BOX),
    ],
    check=_check,
)
