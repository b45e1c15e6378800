"""`mattelier style`: pictures painted as another one is."""

from __future__ import annotations

import os
from typing import Any

from mattelier.commands.task_command import task_command
from mattelier.types.errors import UsageError


def _check(flags: dict[str, Any]) -> None:
    if not os.path.isfile(flags["reference"]):
        raise UsageError(f"--reference {flags['reference']}: no such file.")


style = task_command(
    "style",
    about="""Paint pictures in the style of a reference; depth, profile, EXIF and alpha stay.""",
    notes="""\b
Examples:
  mattelier style photo.jpg --reference painting.jpg -o painted.png
  mattelier style photos --reference painting.jpg -o painted --strength 0.6
  mattelier style photo.jpg --reference painting.jpg --model weights/decoder.pth
  mattelier style photo.jpg --reference painting.jpg --model vgg19-dcbb9e9d.pth

No style network comes with Mattelier, as none is known whose licence allows it. The command says
where the published ones are, and how they are brought in; they need PyTorch.

AdaIN paints in one pass. Its strokes are as large, in pixels, as in the reference at a height of
512: for larger ones paint a smaller copy, and enlarge it with `mattelier upscale`.

By VGG-19's features the picture is optimised until its style is the reference's (Gatys et al.
2016): minutes on a processor, and closer to the reference. Strokes are as large beside the picture
as they are beside the reference; --paint-size says how finely it is painted, and finer detail
comes from the picture.""",
    check=_check,
)
