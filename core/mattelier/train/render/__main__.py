"""`python -m mattelier.train.render`: subjects with alpha as files, drawn or rendered."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mattelier.types.errors import MattelierError, UsageError


@click.command(
    epilog="""\b
Examples:
  python -m mattelier.train.render --out SOURCES --count 500 --seed 1
  python -m mattelier.train.render --out SOURCES --count 200 --seed 1 --blender
"""
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", required=True, type=click.IntRange(1), help="Subjects number 0 … COUNT-1.")
@click.option("--seed", required=True, type=click.IntRange(0), help="Another seed, other subjects.")
@click.option("--blender", is_flag=True, help="Render them in three dimensions; needs bpy.")
@click.option("--side", type=click.IntRange(64), help="Pixels; 512, or 384 with --blender.")
@click.option(
    "--samples",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Of each pixel rendered.",
)
def main(out: Path, count: int, seed: int, blender: bool, side: int | None, samples: int) -> None:
    """Write subjects with nothing behind them as 16-bit RGBA PNGs, straight.

    --blender also writes each one's depth beside it (.exr, in scene units from the camera, 0 where
    there is nothing). Files that are there are kept, so that the same command goes on after a stop.
    """
    from mattelier.train.render.source import write_source

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be made: {error.strerror}.") from error
    for number in range(count):
        path = out / f"{'rendered' if blender else 'drawn'}-{seed}-{number:06}.png"
        if path.exists():
            continue
        if blender:
            from mattelier.train.render.scenes import render
            from mattelier.train.render.stage import write_depth

            source, depth = render(seed, number, side or 384, samples)
            write_depth(depth, path.with_suffix(".exr"))
        else:
            from mattelier.train.render.drawn import SIDE, draw

            source = draw(seed, number, side or SIDE)
        write_source(source, path)
        click.echo(f"{path}")


if __name__ == "__main__":
    try:
        main()
    except MattelierError as error:
        sys.exit(f"{error}")
