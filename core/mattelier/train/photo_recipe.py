"""A recipe of a network that enlarges worn photographs: all that decides how it comes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mattelier.train.flat_recipe import load_flat_recipe
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class PhotoRecipe:
    """One training run of a compact ×4 network.

    Attributes
    ----------
    seed : int
        Batch i of a run is a pure function of the seed and i.
    batches : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    originals : mapping
        Folder of pictures → how much each is reduced before it counts as an original.
    patch, batch : int
        Side of a training patch in low-resolution pixels, patches at once.
    sizes : tuple of float
        Each original is also used at these sizes, for other textures at the same pixels.
    noise : float
        The strongest noise that the network learns to remove, a standard deviation of 0…255.
    quality : int
        The worst JPEG that it learns to mend, 1…100.
    kept : float
        The share that the result keeps of the network it started from (network interpolation,
        Wang et al. 2019): fidelity alone would let go of that one's sharpness.
    rate : float
        Adam's learning rate, let down along a cosine.
    """

    seed: int
    batches: int
    originals: dict[str, float]
    patch: int = 40
    batch: int = 4
    sizes: tuple[float, ...] = (1.0, 0.7)
    noise: float = 20
    quality: int = 35
    kept: float = 0
    rate: float = 1e-4
    warm_up: int = 100
    ema: float = 0.998


def load_photo_recipe(path: Path) -> PhotoRecipe:
    """Read such a recipe; unknown keys are refused.

    Raises
    ------
    UsageError
        It cannot be read, a key is unknown or missing, or a value cannot be.
    """
    recipe = load_flat_recipe(PhotoRecipe, path)
    if not (0 <= recipe.kept <= 1 and 1 <= recipe.quality <= 100 and recipe.noise >= 0):
        raise UsageError(
            f"The recipe {path} needs `kept` of 0…1, a `quality` of 1…100 and no negative noise."
        )
    return recipe
