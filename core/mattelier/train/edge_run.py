"""The training of the edge refiner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from numpy.typing import NDArray
from torch import Tensor

from mattelier.networks.edge import FOLD, EdgeNet
from mattelier.train.edge_recipe import EdgeRecipe
from mattelier.train.edge_samples import HINT, PICTURE, TRUTH, EdgeSamples
from mattelier.train.parts import fast_bfloat16
from mattelier.train.restoring_run import RestoringRun

_LEAST = 0.04  # of a window that has to be unknown
_TRIES = 10
_LEVELS = 3  # halvings of the band whose mean error counts too
_SMALL = 0.05  # errors of alpha below this count by their square
_FIRST = 32  # samples that are made before training begins
# Channels that hold a colour of the picture, in threes.
_COLOURS = (PICTURE, slice(HINT.start + 5, HINT.start + 8), slice(HINT.start + 8, HINT.start + 11))


class EdgeRun(RestoringRun[EdgeNet]):
    """One training run; see `RestoringRun`. Its folder also holds the samples.

    Parameters
    ----------
    recipe : EdgeRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `RestoringRun`
    """

    def __init__(
        self,
        recipe: EdgeRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(recipe, EdgeNet, folder, hours=hours, device=device)
        self.recipe = recipe
        self.half = fast_bfloat16(self.device)
        self.samples = EdgeSamples(recipe, data, folder)
        self.dev = EdgeSamples(recipe, data, folder, dev=True)

    def batch(self, index: int) -> NDArray[np.float32]:
        """Windows number `index`: (N, 15, window, window) 0…1; see `EdgeSamples.sample`."""
        random = np.random.default_rng((self.recipe.seed, index))
        # Samples come into use one after the other, so that training need not wait for all.
        ready = _FIRST + index * self.recipe.batch // self.recipe.reuse
        count = min(self.samples.count, ready)
        windows = [
            self._window(int(random.integers(count)), random) for _ in range(self.recipe.batch)
        ]
        return np.stack(windows)

    def loss(self) -> Tensor:
        """See `RestoringRun.loss`."""
        batch = torch.from_numpy(self.batch(self.index)).to(self.device)
        batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            alpha = self.network(batch[:, PICTURE], batch[:, HINT])
        unknown = _unknown(batch)
        share = unknown.mean()
        error = (alpha.float() - batch[:, TRUTH]) * unknown
        # A matte is judged clipped: what lies beyond 0 and 1 counts little, but pulls back.
        clipped = (alpha.float().clamp(0, 1) - batch[:, TRUTH]) * unknown
        loss = _cost(clipped) + 0.1 * _cost(error)
        for axis in (2, 3):
            loss = loss + _cost(torch.diff(clipped, dim=axis))
        for level in range(1, _LEVELS + 1):
            loss = loss + 0.5 * _cost(F.avg_pool2d(error, 1 << level))
        result: Tensor = loss / share
        return result

    @torch.no_grad()
    def judge(self) -> float:
        """PSNR in dB of alpha in the unknown bands of the samples held back."""
        squares, count = 0.0, 0.0
        for number in range(self.dev.count):
            sample = torch.from_numpy(self.dev.sample(number)[None] / np.float32(255))
            side = sample.shape[2] // FOLD * FOLD
            sample = sample[..., :side, :side].to(self.device)
            alpha = self.average(sample[:, PICTURE], sample[:, HINT]).clamp(0, 1)
            unknown = _unknown(sample)
            squares += float(((alpha - sample[:, TRUTH]).square() * unknown).sum())
            count += float(unknown.sum())
        return float(10 * np.log10(count / max(squares, 1e-9)))

    def _window(self, number: int, random: np.random.Generator) -> NDArray[np.float32]:
        sample, window = self.samples.sample(number), self.recipe.window
        room = sample.shape[1] - window + 1
        for _ in range(_TRIES):
            y, x = int(random.integers(room)), int(random.integers(room))
            part = sample[:, y : y + window, x : x + window]
            if (part[HINT][:2].max(axis=0) == 0).mean() > _LEAST:
                break
        part = np.rot90(part, int(random.integers(4)), (1, 2))
        values = (part[..., ::-1] if random.integers(2) else part).astype(np.float32)
        values *= np.float32(1 / 255)
        return _recoloured(values, random)


def _recoloured(values: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Other colours: closed-form matting and samples would say the same of them."""
    order = random.permutation(3)
    gain = random.uniform(0.6, 1) * random.uniform(0.85, 1.15, (3, 1, 1))
    lift = random.uniform(0, 1 - min(float(gain.max()), 1))
    if random.random() < 0.2:  # a negative
        gain, lift = -gain, 1 - lift
    for channels in _COLOURS:
        colours = values[channels][order] * gain.astype(np.float32) + np.float32(lift)
        values[channels] = np.clip(colours, 0, 1)
    return values


def _cost(error: Tensor) -> Tensor:
    """Mean of the error, but of its square where small.

    Most of a band is solved well: the absolute error alone would first teach to change nothing.
    """
    return F.smooth_l1_loss(error, torch.zeros_like(error), beta=_SMALL)


def _unknown(batch: Tensor) -> Tensor:
    known = batch[:, HINT][:, :2].amax(1, keepdim=True)
    return (known < 0.5).float()
