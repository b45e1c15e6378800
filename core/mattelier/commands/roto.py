"""`mattelier roto`: mattes of every frame of a shot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mattelier.commands.key_frame_options import key_options
from mattelier.commands.options import request_options
from mattelier.commands.request_file import request_file_option, roto_request
from mattelier.commands.shot_console import openjd_option
from mattelier.requests import RotoRequest

if TYPE_CHECKING:
    from mattelier.shot.plan import Shot


_FILES = ("plate", "output", "frames")
_RESULTS = ("objects", "outputs", "format", "codec", "bits", "colorspace", "fps", "tune")


@click.command(
    epilog="""\b
Examples:
  mattelier roto plate.####.exr -o mattes/hero.####.exr --key 1001=mask.png
  mattelier roto plate.####.exr -o out --frames 1001-1100 --outputs matte,premult \\
      --keys "masks/hero.####.png" --colorspace ACEScg
  mattelier roto clip.mov -o hero.mov --outputs foreground --point 1=640,360
  mattelier roto plates -o out --key woman:1001=w.png --key dog:1010=d.png
  mattelier roto --request shot.json --frames 1001-1010

\b
Frames of a movie are numbered from 1. Exit codes: 0 all is written, 2 wrong usage,
3 some frames failed (named as a frame range), 130 interrupted. The same command again
makes what is missing or was made with other settings; the rest stays."""
)
@request_options(RotoRequest, only=_FILES)
@key_options
@request_options(RotoRequest, only=_RESULTS)
@request_options(RotoRequest, omit=(*_FILES, *_RESULTS))
@request_file_option
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per frame on stdout.")
@openjd_option
def roto(dry_run: bool, as_json: bool, openjd: bool, **flags: Any) -> int:
    """Follow subjects through PLATE and write a matte of every frame.

    PLATE is name.####.exr (also %04d, @@@@, $F4), a folder, one file of a sequence, or a movie.
    Key frames say where the subject is; without any, the obvious one is found.
    """
    request = roto_request(flags)
    from mattelier.shot.plan import prepare

    if dry_run:
        _print_plan(prepare(request), as_json)
        return 0
    return _run(request, as_json, openjd)


def _run(request: RotoRequest, as_json: bool, openjd: bool) -> int:
    from mattelier.commands import shot_console
    from mattelier.shot import roto

    return shot_console.run(
        lambda done: roto.run(request, done=done), as_json=as_json, openjd=openjd
    )


def _print_plan(shot: Shot[RotoRequest], as_json: bool) -> None:
    from mattelier.commands.shot_console import print_json
    from mattelier.types.errors import OutputError

    try:
        shot.refuse_foreign_files()
        problem = None
    except OutputError as error:
        problem = str(error)
    plate = shot.plate
    facts = {
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
        print_json(facts)
        return
    for name, value in facts.items():
        if value not in (None, "", []):
            click.echo(f"{name:<8}{value if not isinstance(value, list) else ', '.join(value)}")
