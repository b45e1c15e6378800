"""Training pairs for super-resolution: patches of originals, and of their bicubic reductions."""

from __future__ import annotations

import numpy as np

from mattelier.train.clean_images import Original, Samples, area_weights, reduced, turned
from mattelier.train.upscale_recipe import UpscaleRecipe
from mattelier.types.errors import UsageError


def pair(original: Original, scale: int, size: float = 1.0) -> tuple[Samples, Samples]:
    """(low, high): a whole original and its reduction, RGB uint8."""
    high = original.read(size, scale)
    return reduced(high, high.shape[0] // scale, high.shape[1] // scale), high


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
        self.weights = area_weights([low for low, _ in self.pairs])

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
                patches.append(turned(patch, turns, mirrored))
        return np.stack(lows), np.stack(highs)
