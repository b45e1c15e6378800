"""`mattelier evaluate`: how well a model does on pictures whose truth is known."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import get_args

import click

from mattelier.evaluate.names import HINTS
from mattelier.request import Device, MatteRequest, Quality


@click.command(
    epilog="""\b
Examples:
  mattelier evaluate data/train/* --dev
  mattelier evaluate pictures --hint click --hint box --json
"""
)
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option("--dev", is_flag=True, help="Only files held back from training (by name's SHA-1).")
@click.option("--limit", type=click.IntRange(1), help="At most so many pictures of each folder.")
@click.option(
    "--hint",
    "hints",
    multiple=True,
    default=("none",),
    show_default=True,
    type=click.Choice(HINTS),
    help="Give this hint, made from the truth. Repeatable.",
)
@click.option("--model", default="default", show_default=True)
@click.option("--device", default="auto", type=click.Choice(get_args(Device)), show_default=True)
@click.option(
    "--quality", default="balanced", type=click.Choice(get_args(Quality)), show_default=True
)
@click.option("--refine/--no-refine", default=True, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per folder and hint.")
def evaluate(
    folders: tuple[Path, ...],
    dev: bool,
    limit: int | None,
    hints: tuple[str, ...],
    model: str,
    device: Device,
    quality: Quality,
    refine: bool,
    as_json: bool,
) -> None:
    """Score mattes of FOLDERS that hold images/ and masks/ with equal names.

    Masks are grey: above 192 subject, below 64 background, between them not scored. Printed are
    the means over pictures of max-F (β² 0.3, mean curve), MAE, IoU at 0.5 and S-measure; with a
    hint that is a mask also the hint's own IoU.
    """
    from mattelier.evaluate.metrics import Tally
    from mattelier.evaluate.run import score
    from mattelier.tasks.cutout import Cutter

    cutter = Cutter(MatteRequest(model=model, device=device, quality=quality, refine=refine))
    if not as_json:
        names = "".join(f"{name:>8}" for name in ("max-F", "MAE", "IoU", "S"))
        click.echo(f"{'folder':<16}{'hint':<9}{'count':>6}{names}{'IoU of hint':>13}")
    for hint in hints:
        everything, hint_ious = Tally(), list[float]()
        for folder in folders:
            tally, ious = score(cutter, folder, hint, dev=dev, limit=limit)
            everything.extend(tally)
            hint_ious += ious
            _print(folder.name, hint, tally, ious, as_json)
        if len(folders) > 1:
            _print("all", hint, everything, hint_ious, as_json)


def _print(name: str, hint: str, tally: object, ious: list[float], as_json: bool) -> None:
    from mattelier.evaluate.metrics import Tally

    assert isinstance(tally, Tally)
    scores = tally.scores()
    given = sum(ious) / len(ious) if ious else None
    if as_json:
        values = dataclasses.asdict(scores) | {"hint_iou": given}
        values = {key: None if value != value else value for key, value in values.items()}  # NaN
        click.echo(json.dumps({"folder": name, "hint": hint} | values))
        return
    given_text = f"{given:>13.3f}" if given is not None else ""
    click.echo(
        f"{name:<16}{hint:<9}{scores.count:>6}{scores.max_f:>8.3f}{scores.mae:>8.3f}"
        f"{scores.iou:>8.3f}{scores.s_measure:>8.3f}{given_text}"
    )
