"""`mattelier upscale`: pictures with more pixels."""

from __future__ import annotations

import re
from typing import Any, get_args

import click

from mattelier.commands import filter_command
from mattelier.commands.options import parse_tile
from mattelier.requests import Device, Size, UpscaleRequest
from mattelier.types.errors import UsageError


def _size(ctx: click.Context, param: click.Parameter, text: str | None) -> Size | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d*)[x×X](\d*)", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not WxH, such as 3840x2160, 3840x or x2160.")
    try:
        return Size(*(int(side) if side else None for side in match.groups()))
    except UsageError as error:
        raise click.BadParameter(str(error)) from None


@click.command(
    epilog="""\b
Examples:
  mattelier upscale photo.jpg --scale 4 -o large.png
  mattelier upscale scans -o large --to x2160
  mattelier upscale old.jpg --denoise 0.7            clears noise and JPEG blocks as well
  mattelier upscale plate.exr --scale 2 -o plate-4k.exr
  mattelier upscale art.png --model 4x-UltraSharp.pth --scale 4
  mattelier upscale "shot.####.exr" -o "big.####.exr" --frames 1001-1100
  mattelier upscale clip.mp4 -o big.mov

"""
    + filter_command.OF_SHOTS
)
@filter_command.effect_options
@click.option(
    "--scale",
    type=click.FloatRange(1, 16, min_open=True),
    metavar="2|3|4|8|N.N",
    help="How many times larger each side becomes; 2 unless --to is given.",
)
@click.option(
    "--to",
    "size",
    metavar="WxH",
    callback=_size,
    help="The result's size in pixels; 3840x or x2160 keeps the picture's shape.",
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="default stays faithful; upscale-photo-x4 clears noise and compression as well; or a "
    "published network's .pth, .safetensors or ncnn file.",
)
@click.option(
    "--denoise",
    type=click.FloatRange(0, 1),
    metavar="0..1",
    help="How much noise and compression is cleared, by upscale-photo-x4 if no model is named.",
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
def upscale(
    scale: float | None,
    size: Size | None,
    model: str,
    denoise: float | None,
    tile: int,
    device: Device,
    **flags: Any,
) -> int:
    """Enlarge pictures: sharper than resampling, with depth, profile and alpha kept."""
    if scale is not None and size is not None:
        raise UsageError("--scale and --to exclude each other; leave one out.")
    request = UpscaleRequest(scale or 2, size, model, denoise, tile, device)
    return filter_command.run(request, "upscale", flags)
