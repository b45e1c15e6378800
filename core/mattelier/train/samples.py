"""Training samples: sample i of a recipe is a pure function of the seed and i."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.colour import to_float
from mattelier.errors import UsageError
from mattelier.train import augment, composites
from mattelier.train.augment import Image
from mattelier.train.hints import hint
from mattelier.train.recipe import HINT_KINDS, Recipe
from mattelier.train.sources import Pair, pairs, pictures, read_cutout, read_picture, split

# A picture, the alphas of its subjects, and where the truth is known.
Scene = tuple[Image, list[NDArray[np.float32]], NDArray[np.float32]]


class Sample(NamedTuple):
    """picture (3, S, S) uint8; alpha and weight (1, S, S) float32; hint (2, S, S) float32."""

    picture: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    weight: NDArray[np.float32]
    hint: NDArray[np.float32]


class Samples:
    """All samples of a recipe; `make(i, size)` builds the i-th."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.sets: list[list[Pair]] = []
        self.odds: list[float] = []
        for folder, weight in recipe.sets.items():
            self.sets.append(split(pairs(data / folder))[0])
            if not self.sets[-1]:
                raise UsageError(f"{data / folder} holds only pictures that are held back.")
            self.odds.append(weight)
        total = sum(self.odds)
        self.odds = [weight / total for weight in self.odds]
        self.cutouts = [pictures(data / folder) for folder in recipe.cutouts]
        for folder, found in zip(recipe.cutouts, self.cutouts, strict=True):
            if not found:
                raise UsageError(f"{data / folder} holds no cut-outs.")
        self.scenes = [p for folder in recipe.scenes for p in pictures(data / folder)]
        if not self.scenes and (recipe.mix.get("paste") or recipe.mix.get("shape")):
            raise UsageError("The recipe mixes in pasted subjects but its scenes hold no pictures.")
        self.kinds = list(recipe.mix)
        self.shares = np.array(list(recipe.mix.values())) / sum(recipe.mix.values())
        hints = recipe.hints
        self.hint_shares = _shares(hints)
        # A picture of several subjects of which one is meant needs a hint that says which.
        self.choose = recipe.choose if any(hints.get(k) for k in HINT_KINDS[1:]) else 0.0
        self.choice_shares = _shares({**hints, "none": 0.0, "trimap": hints.get("trimap", 0) / 2})

    def make(self, index: int, size: int) -> Sample:
        rng = np.random.default_rng([self.recipe.seed, index])
        kind = rng.choice(self.kinds, p=self.shares)
        picture, subjects, weight = getattr(self, f"_{kind}")(rng, size)
        choose = len(subjects) > 1 and rng.random() < self.choose
        meant = [subjects[int(rng.integers(len(subjects)))]] if choose else subjects
        alpha = np.sum(meant, 0)  # what covers a subject was taken from its alpha
        alpha = np.clip(alpha, 0, 1, dtype=np.float32)
        evidence = hint(alpha, rng, self.choice_shares if choose else self.hint_shares)
        picture = augment.photometric(picture, rng)
        return Sample(
            np.ascontiguousarray(picture.transpose(2, 0, 1)), alpha[None], weight[None], evidence
        )

    def _pair(self, rng: Generator) -> tuple[Image, Image]:
        chosen = self.sets[int(rng.choice(len(self.sets), p=self.odds))]
        return chosen[int(rng.integers(len(chosen)))].read()

    def _photo(self, rng: Generator, size: int) -> Scene:
        picture, truth = self._pair(rng)
        has_band = np.count_nonzero(truth == 128) > 0.005 * truth.size
        picture, truth = augment.crop(picture, truth, rng, size)
        unknown = (truth > 64) & (truth < 192) & has_band
        weight = np.where(unknown, 0.0, 1.0).astype(np.float32)
        alpha = to_float(truth)
        return picture, _apart(alpha) if rng.random() < 0.5 else [alpha], weight

    def _paste(self, rng: Generator, size: int) -> Scene:
        canvas = self._scene(rng, size)
        subjects: list[NDArray[np.float32]] = []
        for _ in range(1 + (rng.random() < 0.35)):
            canvas, placed = composites.place(canvas, *self._subject(rng), rng)
            subjects = [_hidden(s, placed) for s in subjects] + [placed]
        return canvas, _present(subjects), np.ones((size, size), np.float32)

    def _over(self, rng: Generator, size: int) -> Scene:
        """A new subject set over the one that a photograph has: a scene with a fitting place."""
        canvas, truth = augment.crop(*self._pair(rng), rng, size)
        old = to_float(truth)
        ys, xs = np.nonzero(truth > 64)
        if not len(ys):
            return canvas, [old], np.ones_like(old)
        box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        canvas, placed = composites.place(canvas, *self._subject(rng), rng, box=box)
        return canvas, _present([_hidden(old, placed), placed]), np.ones_like(old)

    def _shape(self, rng: Generator, size: int) -> Scene:
        canvas = self._scene(rng, size)
        texture = augment.crop(*self._pair(rng), rng, size)[0]
        made = composites.surface(texture, size, rng)
        canvas, placed = composites.place(canvas, made, composites.shape(size, rng), rng)
        return canvas, [placed], np.ones((size, size), np.float32)

    def _scene(self, rng: Generator, size: int) -> Image:
        scene = read_picture(self.scenes[int(rng.integers(len(self.scenes)))])
        whole = np.full(scene.shape[:2], 255, np.uint8)
        scene = augment.crop(scene, whole, rng, size)[0]
        if rng.random() < 0.4:
            scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.5, 6)), np.uint8)
        return scene

    def _subject(self, rng: Generator) -> tuple[Image, NDArray[np.float32]]:
        if self.cutouts and rng.random() < 0.1 * len(self.cutouts):
            folder = self.cutouts[int(rng.integers(len(self.cutouts)))]
            picture, alpha = read_cutout(folder[int(rng.integers(len(folder)))])
            return picture, to_float(alpha)
        picture, truth = self._pair(rng)
        return picture, composites.soften(truth, rng)


def _shares(hints: dict[str, float]) -> tuple[float, ...]:
    total = sum(hints.values()) or 1.0
    return tuple(hints.get(k, 0.0) / total for k in HINT_KINDS)


def _apart(alpha: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The separate subjects of a mask, largest first; small pieces stay with the largest."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.25).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = [i + 1 for i in np.argsort(-areas) if areas[i] > 0.12 * areas.sum()]
    if count <= 2 or len(large) < 2:
        return [alpha]
    apart = [np.where(labels == i, alpha, 0).astype(np.float32) for i in large]
    apart[0] = (alpha - np.sum(apart[1:], axis=0)).astype(np.float32)
    return apart


def _hidden(under: NDArray[np.float32], over: NDArray[np.float32]) -> NDArray[np.float32]:
    return under * (1 - over)


def _present(subjects: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Without those that ended up out of frame or covered, as long as one is left."""
    seen = [s for s in subjects if float(s.mean()) > 0.004]
    return seen or [np.sum(subjects, 0)]
