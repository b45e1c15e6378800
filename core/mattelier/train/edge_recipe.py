"""A recipe of the edge refiner: everything that decides how it comes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mattelier.errors import UsageError
from mattelier.networks.edge import FOLD
from mattelier.train.flat_recipe import load_flat_recipe


@dataclass(frozen=True)
class EdgeRecipe:
    """One training run of the edge refiner.

    Attributes
    ----------
    seed : int
        Sample i of a run, and batch i, are pure functions of the seed and i.
    batches : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    scenes : tuple of str
        Folders of pictures to stand behind the subjects, and to lend them texture.
    sources : tuple of str
        Folders of rendered subjects (RGBA, straight); they are used as often as drawn ones.
    samples : int
        How many are made and solved. Of each, windows are seen many times.
    reuse : int
        How many windows are seen for each new sample while samples are still being made.
    side, window : int
        Of samples, and of the windows that are trained on (a multiple of 16), in pixels.
    rate : float
        Adam's learning rate, let down along a cosine.
    """

    seed: int
    batches: int
    scenes: tuple[str, ...]
    sources: tuple[str, ...] = ()
    samples: int = 2000
    reuse: int = 24
    side: int = 320
    window: int = 160
    batch: int = 8
    rate: float = 1e-3
    warm_up: int = 100
    ema: float = 0.998

    @property
    def patch(self) -> int:
        """Side of what is trained on."""
        return self.window


def load_edge_recipe(path: Path) -> EdgeRecipe:
    """Read a recipe of the edge refiner; unknown keys are refused.

    Raises
    ------
    UsageError
        It cannot be read, a key is unknown or missing, or a value cannot be.
    """
    recipe = load_flat_recipe(EdgeRecipe, path)
    if recipe.window % FOLD or recipe.window > recipe.side:
        raise UsageError(
            f"The recipe {path} needs a window that is a multiple of {FOLD} and not above side."
        )
    return recipe
