"""`mattelier enhance`: pictures under better light, or with another picture's look."""

from __future__ import annotations

import os
from typing import Any

import click

from mattelier.commands import filter_command
from mattelier.requests import EnhanceRequest
from mattelier.types.errors import UsageError


@click.command(
    epilog="""\b
Examples:
  mattelier enhance photo.jpg --auto -o better.png
  mattelier enhance photos -o better --white-balance 1 --tone 0.5
  mattelier enhance portrait.jpg --contrast 0.3 --saturation 0.2 --sharpen 0.3
  mattelier enhance shot.jpg --match poster.jpg --match-strength 0.7
  mattelier enhance cutout.png --match background.jpg -o fitting.png
  mattelier enhance "shot.####.exr" --white-balance 1 -o "balanced.####.exr"

What is not asked for stays as it is; strengths that are left out are 0. A shot is measured once,
on its first, middle and last frame.

"""
    + filter_command.OF_SHOTS
)
@filter_command.effect_options
@click.option(
    "--auto",
    is_flag=True,
    help="White balance 0.5, tone 0.6, contrast 0.2, saturation 0.1, sharpen 0.2, where not given.",
)
@click.option(
    "--white-balance",
    type=click.FloatRange(0, 1),
    metavar="0..1",
    help="How much of the light's colour cast is taken away.",
)
@click.option(
    "--tone",
    type=click.FloatRange(0, 1),
    metavar="0..1",
    help="How far exposure, deep shadows and haze are mended.",
)
@click.option(
    "--contrast",
    type=click.FloatRange(-1, 1),
    metavar="-1..1",
    help="Of what lies side by side, without halos; below 0 it is softened.",
)
@click.option(
    "--saturation",
    type=click.FloatRange(-1, 1),
    metavar="-1..1",
    help="More colour, most where it is dull; -1 leaves greys.",
)
@click.option(
    "--sharpen", type=click.FloatRange(0, 1), metavar="0..1", help="Edges, but not the noise."
)
@click.option("--match", metavar="FILE", help="Take on the look of this picture.")
@click.option(
    "--match-strength",
    type=click.FloatRange(0, 1),
    metavar="0..1",
    help="How far, with --match. Default: 1.",
)
def enhance(auto: bool, match: str | None, match_strength: float | None, **flags: Any) -> int:
    """Mend white balance, tone and contrast, or match another picture's look."""
    if match_strength is not None and match is None:
        raise UsageError("--match-strength works together with --match.")
    if match is not None and not os.path.isfile(match):
        raise UsageError(f"--match {match}: no such file.")
    strengths = {name: flags.pop(name) for name in _AUTO}
    if not (auto or match or any(value is not None for value in strengths.values())):
        raise UsageError(
            "Nothing is asked for; add --auto, --match FILE, or a strength such as --tone 0.5."
        )
    for name, value in strengths.items():
        if value is None:
            strengths[name] = _AUTO[name] if auto else 0.0
    request = EnhanceRequest(
        **strengths,
        match=match,
        match_strength=1.0 if match_strength is None else match_strength,
    )
    return filter_command.run(request, "enhance", flags, beside=[match] if match else [])


_AUTO = {"white_balance": 0.5, "tone": 0.6, "contrast": 0.2, "saturation": 0.1, "sharpen": 0.2}
