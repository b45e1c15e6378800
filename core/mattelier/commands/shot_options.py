"""Flags that all commands have which make files of a shot's frames."""

from __future__ import annotations

from typing import get_args

import click

from mattelier.requests import MovieCodec

frames = click.option("--frames", default="", metavar="RANGE", help="Such as 1001-1100x2,1150.")
codec = click.option(
    "--codec",
    type=click.Choice(get_args(MovieCodec)),
    default="auto",
    help="Of movies: .mov prores or png, .mkv ffv1 or png, .mp4 h264.",
)
bits = click.option("--bits", type=click.Choice(["8", "16"]), help="Of PNG and TIFF files.")
colorspace = click.option(
    "--colorspace",
    metavar="NAME",
    help="What the plate is in, by the OCIO config: ACEScg, sRGB, lin_rec709 (EXR's default) …",
)
fps = click.option(
    "--fps", type=click.FloatRange(min=0), default=0, help="Default: as the plate says."
)
resume = click.option("--resume/--no-resume", default=True, help="Keep frames that are done (on).")
