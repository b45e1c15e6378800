"""`mattelier erase`: things taken out."""

from __future__ import annotations

from mattelier.commands.task_command import task_command

erase = task_command(
    "erase",
    about="""Take things out, and fill where they were; all else stays as it is, bit by bit.""",
    notes="""\b
Examples:
  mattelier erase photo.jpg --mask wire.png -o clean.png      white in the mask is erased
  mattelier matte photo.jpg --object 2 -o two.png             something to erase …
  mattelier erase photo.jpg --mask two.png --grow 12 -o without.png
  mattelier erase photos --mask masks -o clean                (masks of the same names)

A network does this best; LaMa's ONNX file, for one, is brought with `mattelier models import`.
Without one the colours around are continued, which suits small things on plain ground.""",
)
