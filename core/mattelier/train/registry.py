"""What can be trained: a row for each task that a recipe may name.

A task that restores pictures is one module beside `denoise`, and its row; see `restoring`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mattelier.train.recipe import recipe_values
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.train.training_run import TrainingRun

# A recipe's `task` → "module:class" of its `TrainingRun`. They import PyTorch, so by name.
TRAININGS = {
    "cutout": "cutout:CutoutRun",
    "denoise": "denoise:DenoiseRun",
    "track": "track:TrackRun",
    "trimap": "trimap:TrimapRun",
    "upscale": "upscale:UpscaleRun",
    "upscale-photo": "photo:PhotoRun",
}


def open_run(
    recipe: Path,
    data: Path,
    folder: Path,
    *,
    weights: Path | None = None,
    hours: float | None = None,
    device: str = "cpu",
) -> TrainingRun[Any]:
    """The run of a recipe, begun or gone on with.

    Parameters
    ----------
    recipe : a TOML file
    data : folder that the recipe's paths are relative to
    folder : the run's own; an unfinished run there is resumed
    weights : what a new run starts from; None: chance
    hours, device : as of `TrainingRun`

    Raises
    ------
    UsageError
        The recipe cannot be, its data are not there, or nothing can start from the weights.
    """
    task, _ = recipe_values(recipe)
    place = TRAININGS.get(task)
    if place is None:
        raise UsageError(f"The recipe {recipe} is for {task!r}; known are {', '.join(TRAININGS)}.")
    module, _, name = place.partition(":")
    run_type = getattr(import_module(f"mattelier.train.{module}"), name)
    run: TrainingRun[Any] = run_type(
        run_type.load_recipe(recipe), data, folder, hours=hours, device=device
    )
    run.start(lambda network: run.init_weights(network, weights) if weights else None)
    return run
