"""Training pairs for super-resolution: patches of originals, and of their bicubic reductions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.colour import from_float, to_float
from mattelier.errors import UsageError
from mattelier.resample import bicubic
from mattelier.train.sources import is_dev, pictures, read_picture
from mattelier.train.upscale_recipe import UpscaleRecipe

Samples = NDArray[np.uint8]


@dataclass(frozen=True)
class Original:
    """A picture that counts as truth once it is reduced `reduction` times."""

    path: Path
    reduction: float

    def read(self, size: float, multiple: int) -> Samples:
        """(H, W, 3) RGB uint8 at `size` times its own size, sides multiples of `multiple`."""
        colour = read_picture(self.path)
        factor = size / self.reduction
        if factor != 1:
            height, width = (round(side * factor) for side in colour.shape[:2])
            colour = _reduced(colour, height, width)
        height, width = (side - side % multiple for side in colour.shape[:2])
        return colour[:height, :width]


def originals(recipe: UpscaleRecipe, data: Path) -> tuple[list[Original], list[Original]]:
    """(train, dev): what the recipe names, one in eight held back by name (`is_dev`).

    Raises
    ------
    UsageError
        A folder holds no pictures.
    """
    train: list[Original] = []
    dev: list[Original] = []
    for folder, reduction in recipe.originals.items():
        found = pictures(data / folder)
        if not found:
            raise UsageError(f"{data / folder} holds no pictures to train on.")
        for path in found:
            (dev if is_dev(path.name) else train).append(Original(path, reduction))
    return train, dev


def pair(original: Original, scale: int, size: float = 1.0) -> tuple[Samples, Samples]:
    """(low, high): a whole original and its reduction, RGB uint8."""
    high = original.read(size, scale)
    return _reduced(high, high.shape[0] // scale, high.shape[1] // scale), high


class Batches:
    """Batch i: random patches of random originals, turned and mirrored.

    All pairs are held in memory, low and high: about 4 bytes per pixel of the originals and size.
    """

    def __init__(self, recipe: UpscaleRecipe, train: list[Original]) -> None:
        self.recipe = recipe
        every = [pair(item, recipe.scale, size) for size in recipe.sizes for item in train]
        self.pairs = [p for p in every if min(p[0].shape[:2]) >= recipe.patch]
        if not self.pairs:
            raise UsageError("All originals are smaller than the recipe's patch.")
        # Large pictures have more to show, but not in proportion.
        weights = np.array([p[0].shape[0] * p[0].shape[1] for p in self.pairs]) ** 0.5
        self.weights = weights / weights.sum()

    def make(self, index: int) -> tuple[Samples, Samples]:
        """low (N, patch, patch, 3) and high (N, scale·patch, scale·patch, 3), RGB uint8."""
        recipe = self.recipe
        random = np.random.default_rng((recipe.seed, index))
        lows: list[Samples] = []
        highs: list[Samples] = []
        for choice in random.choice(len(self.pairs), recipe.batch, p=self.weights):
            low, high = self.pairs[choice]
            y, x = (int(random.integers(side - recipe.patch + 1)) for side in low.shape[:2])
            turns, mirrored = int(random.integers(4)), bool(random.integers(2))
            for source, factor, patches in ((low, 1, lows), (high, recipe.scale, highs)):
                side = recipe.patch * factor
                patch = source[y * factor : y * factor + side, x * factor : x * factor + side]
                patch = np.rot90(patch[:, ::-1] if mirrored else patch, turns)
                patches.append(patch)
        return np.stack(lows), np.stack(highs)


def _reduced(colour: Samples, height: int, width: int) -> Samples:
    small: Samples = from_float(bicubic(to_float(colour), height, width), np.uint8)
    return small
