"""`mattelier upscale`: pictures with more pixels."""

from __future__ import annotations

from typing import Any

import click

from mattelier.commands import filter_command
from mattelier.commands.options import request_from_flags, request_options
from mattelier.requests import UpscaleRequest
from mattelier.types.errors import UsageError


@click.command(
    epilog="""\b
Examples:
  mattelier upscale photo.jpg --scale 4 -o large.png
  mattelier upscale scans -o large --to x2160
  mattelier upscale old.jpg --denoise 0.7            clears noise and JPEG blocks as well
  mattelier upscale plate.exr --scale 2 -o plate-4k.exr
  mattelier upscale art.png --model 4x-UltraSharp.pth --scale 4
  mattelier upscale "shot.####.exr" -o "big.####.exr" --frames 1001-1100
  mattelier upscale clip.mp4 -o big.mov

"""
    + filter_command.OF_SHOTS
)
@filter_command.effect_options
@request_options(UpscaleRequest)
def upscale(**flags: Any) -> int:
    """Enlarge pictures: sharper than resampling, with depth, profile and alpha kept."""
    if flags["scale"] is not None and flags["size"] is not None:
        raise UsageError("--scale and --to exclude each other; leave one out.")
    request = request_from_flags(UpscaleRequest, flags)
    return filter_command.run(request, "upscale", flags)
