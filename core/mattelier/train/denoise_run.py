"""The training of a denoising network, which also learns to see how strong the noise is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mattelier.engines.denoiser import STRONGEST
from mattelier.learning.param_groups import fast_bfloat16
from mattelier.networks.denoise import FOLD
from mattelier.networks.denoise.network import DenoiseNet
from mattelier.train.clean_images import Patches, originals
from mattelier.train.degrade import noisy, rounded, white_noise
from mattelier.train.denoise_recipe import DenoiseRecipe
from mattelier.train.restoring_run import RestoringRun, tensor
from mattelier.types.colour import to_float

_LEAST = 0.5 / 255  # noise below this is told as this: rounding alone is half of it
_WINDOW = 8  # pixels, of the Gaussian over which noise is measured
_FLOOR = 0.04  # keeps strong noise from ruling the loss, without letting faint noise rule it
_GREY, _GRAPHIC = 0.08, 0.25  # shares of the patches
_JUDGED = 25 / 255  # standard deviation of white noise


class DenoiseRun(RestoringRun[DenoiseNet]):
    """One training run; see `RestoringRun`.

    Parameters
    ----------
    recipe : DenoiseRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `RestoringRun`
    """

    def __init__(
        self,
        recipe: DenoiseRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(recipe, DenoiseNet, folder, hours=hours, device=device)
        self.recipe = recipe
        # The network answers in units of the noise, so bfloat16's few digits are enough to learn.
        self.half = fast_bfloat16(self.device)
        train, self.dev_set = originals(recipe.originals, data)
        self.patches = Patches(train, recipe.sizes, recipe.patch)

    def batch(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Noisy and clean patches number `index`, each (N, patch, patch, 3) float32."""
        random = np.random.default_rng((self.recipe.seed, index))
        worn, clean = [], []
        for _ in range(self.recipe.batch):
            patch = to_float(self.patches.draw(random))
            if random.random() < _GRAPHIC:
                patch = _graphic(patch, random)
            noised = noisy(patch, STRONGEST, random)
            if random.random() < _GREY:
                patch, noised = (np.repeat(c[..., 1:2], 3, axis=2) for c in (patch, noised))
            clean.append(patch)
            worn.append(noised)
        return np.stack(worn), np.stack(clean)

    def loss(self) -> Tensor:
        """See `RestoringRun.loss`."""
        worn, clean = self.batch(self.index)
        deviation = _deviation(worn, clean)
        given, truth = tensor(worn).to(self.device), tensor(clean).to(self.device)
        there = tensor(deviation).to(self.device)
        overall = there.square().mean((2, 3), keepdim=True).sqrt()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            seen = self.network.level(given).float()
        count = round(self.recipe.known * len(worn))
        # What it sees is taught by the truth alone: if it could please the other part, a level
        # that a user gives would no longer mean the same.
        level = torch.cat([overall[:count].expand_as(seen[:count]), seen[count:].detach()])
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            answer = self.network.cleaned(given, level)
        error = (answer.float() - truth).abs()
        misjudged = (seen.log() - there.log()).abs().mean()
        loss: Tensor = (error / (overall + _FLOOR)).mean() + 0.1 * misjudged
        return loss

    @torch.no_grad()
    def judge(self) -> float:
        """Mean PSNR on RGB, of white noise that the network is told nothing about."""
        scores = []
        for number, item in enumerate(self.dev_set):
            clean = item.read(multiple=FOLD)
            random = np.random.default_rng(number)
            worn = rounded(white_noise(to_float(clean), _JUDGED, random))
            given = tensor(worn[None]).to(self.device)
            hint = torch.zeros_like(given[:, :2])
            answer = self.average(given, hint)[0].clamp(0, 1).mul(255).round()
            error = answer.cpu() - tensor(clean[None])[0] * 255
            scores.append(float(10 * torch.log10(255**2 / error.square().mean())))
        return float(np.mean(scores))


def _graphic(patch: NDArray[np.float32], random: Generator) -> NDArray[np.float32]:
    """The patch with other colours on one side of a line: edges of colour, rare in photographs.

    Without them a network learns that colour has none, and smears those of drawings and signs.
    """
    other = patch[..., random.permutation(3)]
    other = np.where(random.random(3) < 0.5, 1 - other, other)
    height, width = patch.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = random.uniform(0, 2 * np.pi)
    away = np.cos(angle) * (x - random.uniform(0, width))
    away += np.sin(angle) * (y - random.uniform(0, height))
    share = np.clip(away + 0.5, 0, 1)[..., None]
    return np.asarray(patch + share * (other - patch), np.float32)


def _deviation(worn: NDArray[np.float32], clean: NDArray[np.float32]) -> NDArray[np.float32]:
    """How strong the noise is around each pixel, at half size: (N, H/2, W/2, 1)."""
    levels = []
    for square in ((worn - clean) ** 2).mean(axis=3):
        mean = cv2.GaussianBlur(square, (0, 0), _WINDOW, borderType=cv2.BORDER_REFLECT)
        half = cv2.resize(mean, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(np.maximum(np.sqrt(half), _LEAST))
    return np.stack(levels)[..., None].astype(np.float32)
