"""`mattelier key`: subjects before a green or blue screen."""

from __future__ import annotations

from mattelier.commands.task_command import task_command

key = task_command(
    "key",
    about="""Key a green or blue screen: the subject with alpha, without the screen's light.""",
    notes="""\b
Examples:
  mattelier key plate.exr -o keyed.exr
  mattelier key "sh010.####.exr" -o "keyed.####.exr" --frames 1001-1100
  mattelier key clip.mov -o keyed.mov --screen green
  mattelier key plate.png --screen "#2f8f4e" --garbage rig.png --holdout tie.png
  mattelier key "sh010.####.exr" -o out --garbage "garbage.####.png" --clip-black 0.05

The screen may be lit unevenly: what it would look like behind the subject is estimated from what
is seen of it, or given with --clean-plate. White of a garbage matte is left out, white of a
hold-out (core) matte kept. A shot's EXR files are premultiplied; pictures are straight.""",
)
