"""`mattelier denoise`: pictures without their noise."""

from __future__ import annotations

from typing import Any, get_args

import click

from mattelier.commands import filter_command
from mattelier.commands.options import parse_tile
from mattelier.requests import DenoiseRequest, Device


def _strength(ctx: click.Context, param: click.Parameter, text: str) -> float | None:
    if text == "auto":
        return None
    try:
        strength = float(text)
    except ValueError:
        strength = -1
    if not 0 <= strength <= 1:
        raise click.BadParameter(f"{text!r} is neither auto nor a number from 0 to 1.")
    return strength


@click.command(
    epilog="""\b
Examples:
  mattelier denoise night.jpg -o clean.png
  mattelier denoise scans -o clean --grain 0.3       keeps some of the grain
  mattelier denoise plate.exr --strength 0.2
  mattelier denoise photo.jpg --model scunet_color_real_psnr.pth
  mattelier denoise night.mov -o clean.mov

"""
    + filter_command.OF_SHOTS
)
@filter_command.effect_options
@click.option(
    "--strength",
    default="auto",
    show_default=True,
    metavar="auto|0..1",
    callback=_strength,
    help="How strong the noise is: auto sees it by itself; 0.2 is a fast film's, 1 the strongest.",
)
@click.option(
    "--grain",
    type=click.FloatRange(0, 1),
    default=0,
    show_default=True,
    metavar="0..1",
    help="The share of what was removed that is left in, against a polished look.",
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="A model, or a published network's .pth or .safetensors file (SCUNet, NAFNet, DRUNet …).",
)
@click.option(
    "--tile",
    default="auto",
    show_default=True,
    metavar="auto|PIXELS",
    callback=parse_tile,
    help="What the network sees at once; smaller takes less memory.",
)
@click.option("--device", type=click.Choice(get_args(Device)), default="auto", show_default=True)
def denoise(
    strength: float | None,
    grain: float,
    model: str,
    tile: int,
    device: Device,
    **flags: Any,
) -> int:
    """Remove noise and JPEG blocks; depth, profile, EXIF and alpha stay."""
    request = DenoiseRequest(strength, model, grain, tile, device)
    return filter_command.run(request, "denoise", flags)
