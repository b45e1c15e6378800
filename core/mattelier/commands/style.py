"""`mattelier style`: pictures painted as another one is."""

from __future__ import annotations

import os
from typing import Any

import click

from mattelier.commands import filter_command
from mattelier.commands.options import request_from_flags, request_options
from mattelier.requests import StyleRequest
from mattelier.types.errors import UsageError


@click.command(
    epilog="""\b
Examples:
  mattelier style photo.jpg --reference painting.jpg -o painted.png
  mattelier style photos --reference painting.jpg -o painted --strength 0.6
  mattelier style photo.jpg --reference painting.jpg --model weights/decoder.pth

No style network comes with Mattelier, as none is known whose licence allows it. The command says
where the published one (AdaIN) is, and how it is brought in; it needs PyTorch.

Strokes are as large, in pixels, as in the reference at a height of 512: for larger ones paint a
smaller copy, and enlarge it with `mattelier upscale`.

"""
    + filter_command.OF_SHOTS
)
@filter_command.effect_options
@request_options(StyleRequest)
def style(reference: str, **flags: Any) -> int:
    """Paint pictures in the style of a reference; depth, profile, EXIF and alpha stay."""
    if not os.path.isfile(reference):
        raise UsageError(f"--reference {reference}: no such file.")
    request = request_from_flags(StyleRequest, {**flags, "reference": reference})
    return filter_command.run(request, "style", flags, beside=[reference])
