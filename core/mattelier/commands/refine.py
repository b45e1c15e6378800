"""`mattelier refine`: a rough mask's edge solved again."""

from __future__ import annotations

from mattelier.commands.task_command import task_command

refine = task_command(
    "refine",
    about="""Solve a rough mask's edge again, as hair, fur or a clean line; writes the alpha.""",
    notes="""\b
Examples:
  mattelier refine photo.jpg --mask rough.png -o matte.png
  mattelier refine photos --mask masks -o mattes --width 30   (files of the same names)""",
)
