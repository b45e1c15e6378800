"""A super-resolution recipe: everything that decides how such a network comes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mattelier.train.flat_recipe import load_flat_recipe
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class UpscaleRecipe:
    """One training run of a faithful network.

    Attributes
    ----------
    scale : 2 or 4
    seed : int
        Batch i of a run is a pure function of the seed and i.
    batches : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    patch, batch : int
        Side of a training patch in low-resolution pixels (a multiple of 6), patches at once.
    originals : mapping
        Folder of pictures → how much each is reduced before it counts as an original. What was
        compressed must be, or the network learns the compression's traces as truth.
    sizes : tuple of float
        Each original is also used at these sizes, for other textures at the same pixels.
    rate : float
        Adam's learning rate, let down along a cosine.
    squared : float
        From this share of the run on the loss is the mean square, which PSNR counts, instead of
        the mean absolute error, which learns faster.
    """

    scale: int
    seed: int
    batches: int
    originals: dict[str, float]
    patch: int = 60
    batch: int = 8
    sizes: tuple[float, ...] = (1.0, 0.8, 0.6)
    rate: float = 2e-4
    warm_up: int = 100
    squared: float = 0.7
    ema: float = 0.999


def load_upscale_recipe(path: Path) -> UpscaleRecipe:
    """Read a super-resolution recipe; unknown keys are refused.

    Raises
    ------
    UsageError
        It cannot be read, a key is unknown or missing, or a value cannot be.
    """
    recipe = load_flat_recipe(UpscaleRecipe, path)
    if recipe.scale not in (2, 4) or recipe.patch % 6:
        raise UsageError(f"The recipe {path} needs a scale of 2 or 4 and a patch of 6, 12, 18 ….")
    return recipe
