"""`mattelier denoise`: pictures without their noise."""

from __future__ import annotations

from typing import Any

import click

from mattelier.commands import filter_command
from mattelier.commands.options import request_from_flags, request_options
from mattelier.requests import DenoiseRequest

_NOISE = ("strength", "grain")


@click.command(
    epilog="""\b
Examples:
  mattelier denoise night.jpg -o clean.png
  mattelier denoise scans -o clean --grain 0.3       keeps some of the grain
  mattelier denoise plate.exr --strength 0.2
  mattelier denoise photo.jpg --model scunet_color_real_psnr.pth
  mattelier denoise night.mov -o clean.mov

"""
    + filter_command.OF_SHOTS
)
@filter_command.effect_options
@request_options(DenoiseRequest, only=_NOISE)
@request_options(DenoiseRequest, omit=_NOISE)
def denoise(**flags: Any) -> int:
    """Remove noise and JPEG blocks; depth, profile, EXIF and alpha stay."""
    request = request_from_flags(DenoiseRequest, flags)
    return filter_command.run(request, "denoise", flags)
