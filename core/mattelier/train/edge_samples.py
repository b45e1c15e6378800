"""Training samples of the edge refiner: made and solved once, kept in the run's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.errors import UsageError
from mattelier.media.atomic import replacing
from mattelier.networks.edge import HINTS
from mattelier.tasks.edge_network import hint_channels
from mattelier.tasks.refine import solve_trimap
from mattelier.train.edge_recipe import EdgeRecipe
from mattelier.train.edge_scenes import Scene, composed
from mattelier.train.render.drawn import draw
from mattelier.train.render.source import Source, read_source
from mattelier.train.sources import is_dev, pictures, read_picture

PICTURE, HINT, TRUTH = slice(0, 3), slice(3, 3 + HINTS), slice(3 + HINTS, 4 + HINTS)
"""Channels of a sample: (15, side, side) uint8, where 255 stands for 1."""

_DEV = 24
_TRIES = 20


class EdgeSamples:
    """Samples by number, in `folder`; one that is not there is made.

    Parameters
    ----------
    recipe : EdgeRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder : Path
    dev : bool
        The samples held back: other drawings, renders and scenes (`is_dev` by name).
    """

    def __init__(self, recipe: EdgeRecipe, data: Path, folder: Path, *, dev: bool = False) -> None:
        self.count = _DEV if dev else recipe.samples
        self._recipe, self._folder = recipe, folder / ("dev" if dev else "samples")
        self._seed = (recipe.seed, int(dev))
        self._folder.mkdir(parents=True, exist_ok=True)
        scenes = [path for name in recipe.scenes for path in pictures(data / name)]
        self._scenes = [path for path in scenes if is_dev(path.name) == dev]
        if not self._scenes:
            raise UsageError("The recipe's scenes hold no pictures to put subjects on.")
        found = [path for name in recipe.sources for path in pictures(data / name)]
        self._sources = [path for path in found if is_dev(path.name) == dev]

    def sample(self, number: int) -> NDArray[np.uint8]:
        """Sample `number`: see `PICTURE`, `HINT` and `TRUTH`; mapped from its file, not read."""
        path = self._folder / f"{number:06}.npy"
        if not path.exists():
            made = self._made(number)
            with replacing(path) as part:
                np.save(part, made)
        return np.asarray(np.load(path, mmap_mode="r"))

    def scene(self, number: int) -> Scene:
        """The scene that sample `number` is made of."""
        random = np.random.default_rng((*self._seed, number))
        for _ in range(_TRIES):
            photos = [
                read_picture(self._scenes[int(random.integers(len(self._scenes)))])
                for _ in range(2)
            ]
            found = composed(self._source(random), photos, self._recipe.side, random)
            if found is not None:
                return found
        raise UsageError("None of the recipe's sources has an edge that can be trained on.")

    def _source(self, random: Generator) -> Source:
        if self._sources and random.random() < 0.5:
            return read_source(self._sources[int(random.integers(len(self._sources)))])
        return draw(self._seed[0], int(random.integers(1 << 40)) * 2 + self._seed[1])

    def _made(self, number: int) -> NDArray[np.uint8]:
        scene = self.scene(number)
        picture = scene.picture.astype(np.float32) / np.float32(255)
        solved = solve_trimap(picture, scene.trimap)
        hint = hint_channels(picture, scene.trimap == 255, scene.trimap == 0, solved)
        every = np.concatenate([picture.transpose(2, 0, 1), hint, scene.alpha[None]])
        return np.asarray(np.rint(np.clip(every, 0, 1) * 255), np.uint8)
