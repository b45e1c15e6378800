"""`mattelier denoise`: pictures without their noise."""

from __future__ import annotations

from mattelier.commands.options import request_options
from mattelier.commands.task_command import task_command
from mattelier.requests import DenoiseRequest

_NOISE = ("strength", "grain")

denoise = task_command(
    "denoise",
    about="""Remove noise and JPEG blocks; depth, profile, EXIF and alpha stay.""",
    notes="""\b
Examples:
  mattelier denoise night.jpg -o clean.png
  mattelier denoise scans -o clean --grain 0.3       keeps some of the grain
  mattelier denoise plate.exr --strength 0.2
  mattelier denoise photo.jpg --model scunet_color_real_psnr.pth
  mattelier denoise night.mov -o clean.mov""",
    options=[
        request_options(DenoiseRequest, only=_NOISE),
        request_options(DenoiseRequest, omit=_NOISE),
    ],
)
