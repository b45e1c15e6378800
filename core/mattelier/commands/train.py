"""`mattelier train`: fine-tune on own pictures, or run a recipe; both end in a model."""

from __future__ import annotations

from pathlib import Path

import click

from mattelier.train import RECIPES

_DEFAULT_MINUTES = 10.0  # of a training on own pictures


@click.command(
    epilog="""\b
Examples:
  mattelier train --pictures photos --masks masks -o my-model     a model of your own
  mattelier cutout new/*.jpg --model ./my-model                     … and its use
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
    help="The new model: a folder named in a-z, 0-9, '.', '_' and '-'.",
)
@click.option(
    "--one-shot",
    is_flag=True,
    help="Train on all pictures, even one; judge by variations of them instead.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Time box of the training. Default: 10 on --pictures; a recipe's own length.",
)
@click.option(
    "--recipe",
    help="A recipe file, or the name of one of ours: "
    f"{', '.join(sorted(path.stem for path in RECIPES.glob('*.toml')))}.",
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
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), help="The same, in hours.")
@click.option(
    "--device", default="cpu", show_default=True, help="A torch device, such as cuda or mps."
)
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
    minutes: float | None,
    recipe: str | None,
    data: Path | None,
    folder: Path | None,
    start: Path | None,
    hours: float | None,
    device: str,
    threads: int | None,
    target: Path | None,
) -> int:
    """Teach the cut-out network your own subjects (--pictures), or train one by a --recipe.

    Own subjects: give a folder of photographs and one of their masks, in any format and size that
    `mattelier matte` reads; its own mattes, mended by hand, do well as masks. Cut-outs with
    transparency need none. Four pictures are the least; twenty or more, as various as those to
    come, are better. One in five is held back and never trained on: the lines that are printed
    say how well these come out, beside the start. The best mix of the old and the new network
    becomes the model FOLDER; its card says what was gained. Beside it, FOLDER.training keeps
    previews (picture, mask, before, after) and what a stopped run goes on from; remove it when
    you like the model. The default model stays as it is, and nothing leaves this computer.

    Both are seeded, resumable and time-boxed: Ctrl-C saves the state and ends, and the same command
    goes on from there. Exit code 0 when the run is complete, 130 when it was interrupted.
    """
    from mattelier.types.errors import UsageError

    try:
        import torch
    except ImportError:
        raise UsageError(
            "Training needs PyTorch; run `install/setup` without --light, "
            "or `pip install 'mattelier[train]'`."
        ) from None
    if threads:
        torch.set_num_threads(threads)
    if minutes is not None and hours is not None:
        raise UsageError("--minutes and --hours both say how long; give one of them.")
    if minutes is not None:
        hours = minutes / 60
    _check_device(device)
    if pictures is not None:
        if output is None or recipe or data or folder or start or target:
            raise UsageError(
                "--pictures goes with -o, --masks, --one-shot, --minutes, --device and --threads."
            )
        from mattelier.commands.finetune import finetune

        minutes = _DEFAULT_MINUTES if hours is None else 60 * hours
        return finetune(pictures, masks, output, one_shot=one_shot, minutes=minutes, device=device)
    if recipe is None or data is None or folder is None or masks or output or one_shot:
        raise UsageError(
            "Give --pictures and -o to train on your own, or --recipe with --data and --run."
        )
    path = Path(recipe)
    if path.suffix != ".toml":
        path = RECIPES / f"{recipe}.toml"
    from mattelier.train.registry import open_run

    run = open_run(path, data, folder, weights=start, hours=hours, device=device)
    if target is None:
        complete = run.train(_print_progress)
        if not complete:
            click.echo(f"Stopped at {run.progress:.0%}; the same command goes on.", err=True)
            return 130
        target = folder / "model"
    run.export(target)
    click.echo(f"{target}")
    return 0


def _check_device(device: str) -> None:
    import torch

    from mattelier.types.errors import UsageError

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UsageError(
            f"PyTorch cannot compute on {device!r} here; leave --device out to use the processor."
        ) from None


def _print_progress(line: dict[str, object]) -> None:
    judged = f"  dev {line['dev_psnr']} dB" if "dev_psnr" in line else ""
    click.echo(
        f"{line['progress']:6.1%}  sample {line['index']}  {line['size']} px  "
        f"loss {line['loss']}{judged}",
        err=True,
    )
