"""`mattelier train`: run a recipe, and make a model of what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import click


@click.command(
    epilog="""\b
Examples:
  mattelier train --recipe cutout --data DATA --start deeplab.npz --run RUN --hours 2
  mattelier train --recipe my.toml --data DATA --run RUN            resumes RUN
  mattelier train --recipe my.toml --data DATA --run RUN --export models/mine
"""
)
@click.option(
    "--recipe",
    required=True,
    help="A recipe file, or the name of a shipped network's: cutout, upscale_x2, upscale_x4.",
)
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that the recipe's paths are relative to.",
)
@click.option(
    "--run",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of this run; an unfinished run there goes on where it stopped.",
)
@click.option(
    "--start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights to start from: our .safetensors, or DeepLabV3-MobileNetV2's .npz (cut-out) or "
    "RLFN's .pth (super-resolution).",
)
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="Time box of the run.")
@click.option("--device", default="cpu", show_default=True, help="A torch device.")
@click.option("--threads", type=click.IntRange(1), help="Processor threads to train with.")
@click.option(
    "--export",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the run's averaged weights and graph here, whatever its progress.",
)
def train(
    recipe: str,
    data: Path,
    folder: Path,
    start: Path | None,
    hours: float | None,
    device: str,
    threads: int | None,
    target: Path | None,
) -> None:
    """Train a cut-out or super-resolution network by a recipe: resumable, time-boxed, seeded.

    Ctrl-C saves the state and ends; the same command goes on from there. Exit code 0 when the
    run is complete, 130 when it was interrupted.
    """
    from mattelier.errors import UsageError

    try:
        import torch
    except ImportError:
        raise UsageError(
            "Training needs PyTorch; run `install/setup` without --light, "
            "or `pip install 'mattelier[train]'`."
        ) from None
    if threads:
        torch.set_num_threads(threads)
    from mattelier.train.recipe import recipe_values

    path = Path(recipe)
    if path.suffix != ".toml":
        path = Path(__file__).parent / "recipes" / f"{recipe}.toml"
    task, _ = recipe_values(path)
    open_run = _upscale_run if task == "upscale" else _cutout_run
    run, export = open_run(path, data, folder, start, hours, device)
    if target is None:
        complete = run.train(_say)
        if not complete:
            click.echo(f"Stopped at {run.progress:.0%}; the same command goes on.", err=True)
            raise SystemExit(130)
        target = folder / "model"
    export(target)
    click.echo(f"{target}")


class _Run(Protocol):
    @property
    def progress(self) -> float: ...

    def train(self, report: Callable[[dict[str, Any]], None]) -> bool: ...


def _cutout_run(
    path: Path, data: Path, folder: Path, start: Path | None, hours: float | None, device: str
) -> tuple[_Run, Callable[[Path], None]]:
    from mattelier.train.export import export
    from mattelier.train.recipe import load_recipe
    from mattelier.train.run import Run
    from mattelier.train.start import start_from

    run = Run(load_recipe(path), data, folder, hours=hours, device=device)
    run.start(lambda network: None if start is None else start_from(network, start))
    return run, lambda target: export(run.result(), target, target.name)


def _upscale_run(
    path: Path, data: Path, folder: Path, start: Path | None, hours: float | None, device: str
) -> tuple[_Run, Callable[[Path], None]]:
    from mattelier.train.upscale_export import export
    from mattelier.train.upscale_recipe import load_upscale_recipe
    from mattelier.train.upscale_run import UpscaleRun
    from mattelier.train.upscale_start import start_from

    run = UpscaleRun(load_upscale_recipe(path), data, folder, hours=hours, device=device)
    run.start(lambda network: None if start is None else start_from(network, start))
    return run, lambda target: export(run.result(), target, target.name)


def _say(line: dict[str, object]) -> None:
    judged = f"  dev {line['dev_psnr']} dB" if "dev_psnr" in line else ""
    click.echo(
        f"{line['progress']:6.1%}  sample {line['index']}  {line['size']} px  "
        f"loss {line['loss']}{judged}",
        err=True,
    )
