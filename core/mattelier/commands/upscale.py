"""`mattelier upscale`: pictures with more pixels."""

from __future__ import annotations

from typing import Any

from mattelier.commands.task_command import task_command
from mattelier.types.errors import UsageError


def _check(flags: dict[str, Any]) -> None:
    if flags["scale"] is not None and flags["size"] is not None:
        raise UsageError("--scale and --to exclude each other; leave one out.")


upscale = task_command(
    "upscale",
    about="""Enlarge pictures: sharper than resampling, with depth, profile and alpha kept.""",
    notes="""\b
Examples:
  mattelier upscale photo.jpg --scale 4 -o large.png
  mattelier upscale scans -o large --to x2160
  mattelier upscale old.jpg --denoise 0.7            clears noise and JPEG blocks as well
  mattelier upscale old.jpg --denoise 1 --grain 0.8  cleared, with a surface like the photo's
  mattelier upscale plate.exr --scale 2 -o plate-4k.exr
  mattelier upscale art.png --model 4x-UltraSharp.pth --scale 4
  mattelier upscale "shot.####.exr" -o "big.####.exr" --frames 1001-1100
  mattelier upscale clip.mp4 -o big.mov""",
    check=_check,
)
