"""`mattelier roto`: mattes of every frame of a shot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

import click

from mattelier.commands import shot_options
from mattelier.commands.key_frame_options import box_keys, mask_keys, point_keys, sequence_keys
from mattelier.requests import (
    Device,
    FrameFormat,
    KeyRequest,
    MatteRequest,
    Quality,
    RotoRequest,
    ShotOutput,
)

if TYPE_CHECKING:
    from mattelier.shot.plan import Shot


def _outputs(ctx: click.Context, param: click.Parameter, text: str) -> tuple[ShotOutput, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = get_args(ShotOutput)
    for name in names:
        if name not in known:
            raise click.BadParameter(f"{name!r} is none of {', '.join(known)}.")
    return cast("tuple[ShotOutput, ...]", tuple(names))


@click.command(
    epilog="""\b
Examples:
  mattelier roto plate.####.exr -o mattes/hero.####.exr --key 1001=mask.png
  mattelier roto plate.####.exr -o out --frames 1001-1100 --outputs matte,premult \\
      --keys "masks/hero.####.png" --colorspace ACEScg
  mattelier roto clip.mov -o hero.mov --outputs foreground --point 1=640,360
  mattelier roto plates -o out --key woman:1001=w.png --key dog:1010=d.png

\b
Frames of a movie are numbered from 1. Exit codes: 0 all is written, 2 wrong usage,
3 some frames failed (named as a frame range), 130 interrupted. The same command again
makes what is missing or was made with other settings; the rest stays."""
)
@click.argument("plate")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    help="name.####.exr or name.mov for one output; else a folder.",
)
@shot_options.frames
@click.option(
    "--key",
    "masks",
    multiple=True,
    callback=mask_keys,
    metavar="[NAME:]FRAME=MASK",
    help="An artist's mask of a frame: that frame's matte. Repeatable.",
)
@click.option(
    "--keys",
    "sequences",
    multiple=True,
    callback=sequence_keys,
    metavar="[NAME:]PATTERN",
    help="A sequence or folder of masks, numbered as the plate.",
)
@click.option(
    "--box",
    "boxes",
    multiple=True,
    callback=box_keys,
    metavar="[NAME:]FRAME=X,Y,W,H",
    help="A rectangle that holds the whole subject on a frame.",
)
@click.option(
    "--point",
    "points",
    multiple=True,
    callback=point_keys,
    metavar="[NAME:]FRAME=X,Y[,+|-]",
    help="A click on the subject (+) or on what is not it (-) on a frame.",
)
@click.option("--object", "objects", multiple=True, metavar="NAME", help="Name an object.")
@click.option(
    "--outputs",
    default="matte",
    show_default=True,
    callback=_outputs,
    metavar="LIST",
    help="Of matte, foreground (straight), premult and preview, with commas.",
)
@click.option(
    "--format",
    type=click.Choice(get_args(FrameFormat)),
    default="auto",
    help="Of results in a folder. Default: EXR and TIFF stay what they are, else PNG.",
)
@shot_options.codec
@shot_options.bits
@shot_options.colorspace
@shot_options.fps
@click.option(
    "--tune",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="First fine-tune the network on the key frames, once a shot.",
)
@click.option("--model", default="default", show_default=True, metavar="NAME")
@click.option("--device", type=click.Choice(get_args(Device)), default="auto", show_default=True)
@click.option(
    "--quality", type=click.Choice(get_args(Quality)), default="balanced", show_default=True
)
@click.option(
    "--refine/--no-refine",
    default=True,
    help="Follow the edge at full resolution (on), or stretch the small matte.",
)
@click.option("--edge-shift", type=float, default=0, metavar="PIXELS", help="+ moves outwards.")
@click.option("--feather", type=click.FloatRange(min=0), default=0, metavar="PIXELS")
@click.option(
    "--window",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Track and finish so many frames at a time. Default: track all first.",
)
@click.option(
    "--preroll",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    metavar="N",
    help="Frames looked at around --frames or a window where there is no key.",
)
@shot_options.resume
@click.option("--overwrite", is_flag=True, help="Replace files that are not Mattelier's.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per frame on stdout.")
def roto(
    masks: list[KeyRequest],
    sequences: list[KeyRequest],
    boxes: list[KeyRequest],
    points: list[KeyRequest],
    bits: str | None,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Follow subjects through PLATE and write a matte of every frame.

    PLATE is name.####.exr (also %04d, @@@@, $F4), a folder, one file of a sequence, or a movie.
    Key frames say where the subject is; without any, the obvious one is found.
    """
    matte = {name: flags.pop(name) for name in
             ("model", "device", "quality", "refine", "edge_shift", "feather")}  # fmt: skip
    request = RotoRequest(
        keys=(*masks, *sequences, *boxes, *points),
        matte=MatteRequest(**matte),
        bits=int(bits or 0),
        **flags,
    )
    from mattelier.shot.plan import prepare

    if dry_run:
        _print_plan(prepare(request), as_json)
        return 0
    return _run(request, as_json)


def _run(request: RotoRequest, as_json: bool) -> int:
    from mattelier.commands import shot_console
    from mattelier.shot import roto

    return shot_console.run(lambda done: roto.run(request, done=done), as_json)


def _print_plan(shot: Shot[RotoRequest], as_json: bool) -> None:
    from mattelier.commands.shot_console import print_json
    from mattelier.types.errors import OutputError

    try:
        shot.refuse_foreign_files()
        problem = None
    except OutputError as error:
        problem = str(error)
    plate = shot.plate
    told = {
        "plate": shot.request.plate,
        "frames": str(shot.requested & plate.frames),
        "gaps": str(plate.missing),
        "absent": str(shot.absent),
        "width": plate.width,
        "height": plate.height,
        "fps": None if plate.fps is None else float(plate.fps),
        "keys": {name: list(keys) for name, keys in shot.keys.items()},
        "outputs": [target.described for target in shot.layout.targets],
        "work": str(shot.layout.work),
        "problem": problem,
    }
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if value not in (None, "", []):
            click.echo(f"{name:<8}{value if not isinstance(value, list) else ', '.join(value)}")
