"""`mattelier style`: pictures painted as another one is."""

from __future__ import annotations

import os
from typing import Any, get_args

import click

from mattelier.commands import filter_command
from mattelier.requests import Device, StyleRequest
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
@click.option("--reference", required=True, metavar="FILE", help="The picture with the style.")
@click.option(
    "--strength",
    type=click.FloatRange(0, 1),
    default=1,
    show_default=True,
    metavar="0..1",
    help="How much of the style is taken on.",
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="A model that was brought in (default: the first), or AdaIN's decoder file with "
    "vgg_normalised.pth beside it.",
)
@click.option("--device", type=click.Choice(get_args(Device)), default="auto", show_default=True)
def style(reference: str, strength: float, model: str, device: Device, **flags: Any) -> int:
    """Paint pictures in the style of a reference; depth, profile, EXIF and alpha stay."""
    if not os.path.isfile(reference):
        raise UsageError(f"--reference {reference}: no such file.")
    request = StyleRequest(reference, strength, model, device)
    return filter_command.run(request, "style", flags, beside=[reference])
