"""A denoising recipe: everything that decides how such a network comes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mattelier.networks.denoise import FOLD
from mattelier.train.flat_recipe import load_flat_recipe
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class DenoiseRecipe:
    """One training run of a denoising network.

    Attributes
    ----------
    seed : int
        Batch i of a run is a pure function of the seed and i.
    batches : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    originals : mapping
        Folder of pictures → how much each is reduced before it counts as clean.
    patch, batch : int
        Side of a training patch in pixels (a multiple of 8), patches at once.
    sizes : tuple of float
        Each original is also used at these sizes, for other textures at the same pixels.
    known : float
        Share of the patches whose noise level the network is told; else it must see it.
    rate : float
        Adam's learning rate, let down along a cosine.
    """

    seed: int
    batches: int
    originals: dict[str, float]
    patch: int = 96
    batch: int = 4
    sizes: tuple[float, ...] = (1.0, 0.7)
    known: float = 0.4
    rate: float = 1e-3
    warm_up: int = 300
    ema: float = 0.999


def load_denoise_recipe(path: Path) -> DenoiseRecipe:
    """Read a denoising recipe; unknown keys are refused.

    Raises
    ------
    UsageError
        It cannot be read, a key is unknown or missing, or a value cannot be.
    """
    recipe = load_flat_recipe(DenoiseRecipe, path)
    if recipe.patch % FOLD:
        raise UsageError(f"The recipe {path} needs a patch that is a multiple of {FOLD}.")
    return recipe
