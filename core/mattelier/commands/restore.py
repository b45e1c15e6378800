"""`mattelier restore`: pictures mended by networks that were brought in."""

from __future__ import annotations

from mattelier.commands.task_command import task_command

restore = task_command(
    "restore",
    about="""Mend pictures by a network you bring: blur, JPEG, haze, rain, dark.""",
    notes="""\b
Examples:
  mattelier restore shaken.jpg --model NAFNet-GoPro-width64.pth -o sharp.png
  mattelier restore hazy.jpg --model MIX-L-indoor.pth --strength 0.7
  mattelier models import NAFNet-REDS-width64.pth --name deblur
  mattelier restore shots --model deblur -o sharp

Networks are read with the package spandrel: `pip install 'mattelier[spandrel]'`.""",
)
