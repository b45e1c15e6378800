"""`mattelier train`: fine-tune on own pictures, or run a recipe; both end in a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import click


@click.command(
    epilog="""\b
Examples:
  mattelier train --pictures photos --masks masks -o my-model     a model of your own
  mattelier train --pictures cutouts --one-shot -o mascot         one cut-out is enough
  mattelier train --recipe cutout --data DATA --start deeplab.npz --run RUN --hours 2
  mattelier train --recipe my.toml --data DATA --run RUN            resumes RUN
  mattelier train --recipe my.toml --data DATA --run RUN --export models/mine
"""
)
@click.option(
    "--pictures",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Fine-tune the default network on these: with --masks, or cut-outs with transparency.",
)
@click.option(
    "--masks",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Their masks, of the same names: white is the subject.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The new model, which --model takes by its path.",
)
@click.option(
    "--one-shot", is_flag=True, help="Train on all pictures, even one; hold none of them back."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=10,
    show_default=True,
    help="Time box of training on --pictures.",
)
@click.option(
    "--recipe",
    help="A recipe file, or the name of a shipped network's: cutout, cutout_2, denoise, "
    "upscale_x2, upscale_x4, upscale_photo, upscale_photo_wdn.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that the recipe's paths are relative to.",
)
@click.option(
    "--run",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of this run; an unfinished run there goes on where it stopped.",
)
@click.option(
    "--start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Weights to start from: our .safetensors, or DeepLabV3-MobileNetV2's .npz (cut-out) or "
    "RLFN's .pth (super-resolution) or Real-ESRGAN's compact .bin or .pth (of photographs).",
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
    pictures: Path | None,
    masks: Path | None,
    output: Path | None,
    one_shot: bool,
    minutes: float,
    recipe: str | None,
    data: Path | None,
    folder: Path | None,
    start: Path | None,
    hours: float | None,
    device: str,
    threads: int | None,
    target: Path | None,
) -> int:
    """Fine-tune the default network on --pictures, or train a network by a --recipe.

    Both are seeded, resumable and time-boxed: Ctrl-C saves the state and ends, and the same command
    goes on from there. Exit code 0 when the run is complete, 130 when it was interrupted.

    On --pictures the network is judged as it goes by pictures that are held back (with --one-shot
    by variations), previews are written beside the model, and the end says what was gained.
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
    if pictures is not None:
        if output is None or recipe or data or folder or start or hours or target:
            raise UsageError("--pictures goes with -o, --masks, --one-shot and --minutes.")
        from mattelier.train.finetune_command import finetune

        return finetune(pictures, masks, output, one_shot=one_shot, minutes=minutes, device=device)
    if recipe is None or data is None or folder is None or masks or output or one_shot:
        raise UsageError(
            "Give --pictures and -o to train on your own, or --recipe with --data and --run."
        )
    from mattelier.train.recipe import recipe_values

    path = Path(recipe)
    if path.suffix != ".toml":
        path = Path(__file__).parent / "recipes" / f"{recipe}.toml"
    task, _ = recipe_values(path)
    open_run = {
        "denoise": _denoise_run,
        "upscale": _upscale_run,
        "upscale-photo": _photo_run,
    }.get(task, _cutout_run)
    run, export = open_run(path, data, folder, start, hours, device)
    if target is None:
        complete = run.train(_say)
        if not complete:
            click.echo(f"Stopped at {run.progress:.0%}; the same command goes on.", err=True)
            return 130
        target = folder / "model"
    export(target)
    click.echo(f"{target}")
    return 0


class _Run(Protocol):
    @property
    def progress(self) -> float: ...

    def train(self, report: Callable[[dict[str, Any]], None]) -> bool: ...


def _cutout_run(
    path: Path, data: Path, folder: Path, start: Path | None, hours: float | None, device: str
) -> tuple[_Run, Callable[[Path], object]]:
    from mattelier.train.export import export
    from mattelier.train.recipe import load_recipe
    from mattelier.train.run import Run
    from mattelier.train.start import start_from

    recipe = load_recipe(path)
    run = Run(recipe, data, folder, hours=hours, device=device)
    if start is None:
        run.start(lambda network: None)
    else:
        run.start(lambda network: start_from(network, start, sharpness=recipe.sharpness))
    return run, lambda target: export(run.result(), target, target.name)


def _upscale_run(
    path: Path, data: Path, folder: Path, start: Path | None, hours: float | None, device: str
) -> tuple[_Run, Callable[[Path], object]]:
    from mattelier.train.upscale_export import export
    from mattelier.train.upscale_recipe import load_upscale_recipe
    from mattelier.train.upscale_run import UpscaleRun
    from mattelier.train.upscale_start import start_from

    run = UpscaleRun(load_upscale_recipe(path), data, folder, hours=hours, device=device)
    run.start(lambda network: None if start is None else start_from(network, start))
    return run, lambda target: export(run.result(), target, target.name)


def _photo_run(
    path: Path, data: Path, folder: Path, start: Path | None, hours: float | None, device: str
) -> tuple[_Run, Callable[[Path], object]]:
    from mattelier.train.export import save_weights
    from mattelier.train.photo_recipe import load_photo_recipe
    from mattelier.train.photo_run import PhotoRun
    from mattelier.train.photo_start import start_from

    run = PhotoRun(load_photo_recipe(path), data, folder, hours=hours, device=device)
    run.start(lambda network: None if start is None else start_from(network, start))
    # A compact network's layers are told from its weights: it has no graph of its own.
    return run, lambda target: save_weights(run.result(), target, target.name)


def _denoise_run(
    path: Path, data: Path, folder: Path, start: Path | None, hours: float | None, device: str
) -> tuple[_Run, Callable[[Path], object]]:
    from mattelier.train.denoise_export import export
    from mattelier.train.denoise_recipe import load_denoise_recipe
    from mattelier.train.denoise_run import DenoiseRun
    from mattelier.train.denoise_start import start_from

    run = DenoiseRun(load_denoise_recipe(path), data, folder, hours=hours, device=device)
    run.start(lambda network: None if start is None else start_from(network, start))
    return run, lambda target: export(run.result(), target, target.name)


def _say(line: dict[str, object]) -> None:
    judged = f"  dev {line['dev_psnr']} dB" if "dev_psnr" in line else ""
    click.echo(
        f"{line['progress']:6.1%}  sample {line['index']}  {line['size']} px  "
        f"loss {line['loss']}{judged}",
        err=True,
    )
