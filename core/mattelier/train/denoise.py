"""The training of a denoising network, which also learns to see how strong the noise is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mattelier.filters.denoise import STRONGEST
from mattelier.learning.export import GraphPorts
from mattelier.learning.param_groups import fast_bfloat16
from mattelier.networks.denoise import FOLD
from mattelier.networks.denoise.network import DenoiseNet
from mattelier.train.clean_images import CleanImage, Patches
from mattelier.train.degrade import add_random_noise, add_white_noise, to_8_bits
from mattelier.train.restoring import RestoringRecipe, RestoringRun, to_tensor
from mattelier.types.colour import to_float

_MIN_DEVIATION = 0.5 / 255  # noise below this is taught as this: rounding alone is half of it
_WINDOW_PX = 8  # σ of the Gaussian over which noise is measured
_LOSS_FLOOR = 0.04  # keeps strong noise from ruling the loss, without letting faint noise rule it
_GREY_SHARE, _GRAPHIC_SHARE = 0.08, 0.25  # of the patches
_JUDGED_DEVIATION = 25 / 255  # of white noise


@dataclass(frozen=True)
class DenoiseRecipe(RestoringRecipe):
    """One training run of a denoising network; see `RestoringRecipe`.

    Attributes
    ----------
    known : float
        Share of the patches whose noise level the network is told; else it must see it.
    """

    patch: int = 96
    known: float = 0.4
    warm_up: int = 300

    def requirement(self) -> str | None:
        """See `RestoringRecipe.requirement`."""
        return f"a patch that is a multiple of {FOLD}" if self.patch % FOLD else None


class DenoiseRun(RestoringRun[DenoiseNet, DenoiseRecipe]):
    """One training run; see `RestoringRun`."""

    recipe_type = DenoiseRecipe
    graph = GraphPorts({"picture": (3, 64, 96), "hint": (2, 64, 96)}, "result", FOLD)

    def __init__(
        self,
        recipe: DenoiseRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(recipe, data, folder, hours=hours, device=device)
        # The network answers in units of the noise, so bfloat16's few digits are enough to learn.
        self.bfloat16 = fast_bfloat16(self.device)
        self.patches = Patches(self.train_images, recipe.sizes, recipe.patch)

    def make_network(self) -> DenoiseNet:
        """See `RestoringRun.make_network`."""
        return DenoiseNet()

    def batch(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Noisy and clean patches number `index`, each (N, patch, patch, 3) float32."""
        random = np.random.default_rng((self.recipe.seed, index))
        noisy, clean = [], []
        for _ in range(self.recipe.batch):
            patch = to_float(self.patches.draw(random))
            if random.random() < _GRAPHIC_SHARE:
                patch = _add_colour_edge(patch, random)
            degraded = add_random_noise(patch, STRONGEST, random)
            if random.random() < _GREY_SHARE:
                patch, degraded = (np.repeat(c[..., 1:2], 3, axis=2) for c in (patch, degraded))
            clean.append(patch)
            noisy.append(degraded)
        return np.stack(noisy), np.stack(clean)

    def loss(self) -> Tensor:
        """See `RestoringRun.loss`."""
        noisy, clean = self.batch(self.index)
        true_level = to_tensor(_local_deviation(noisy, clean)).to(self.device)
        source, truth = to_tensor(noisy).to(self.device), to_tensor(clean).to(self.device)
        overall = true_level.square().mean((2, 3), keepdim=True).sqrt()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            estimate = self.network.level(source).float()
        count = round(self.recipe.known * len(noisy))
        # What it sees is taught by the truth alone: if it could please the other part, a level
        # that a user gives would no longer mean the same.
        level = torch.cat([overall[:count].expand_as(estimate[:count]), estimate[count:].detach()])
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            prediction = self.network.cleaned(source, level)
        error = (prediction.float() - truth).abs()
        level_error = (estimate.log() - true_level.log()).abs().mean()
        loss: Tensor = (error / (overall + _LOSS_FLOOR)).mean() + 0.1 * level_error
        return loss

    def score(self, number: int, image: CleanImage) -> float:
        """PSNR on RGB, of white noise whose strength the network has to see."""
        clean = image.read(multiple=FOLD)
        noisy = add_white_noise(to_float(clean), _JUDGED_DEVIATION, np.random.default_rng(number))
        source = to_tensor(to_8_bits(noisy)[None]).to(self.device)
        hint = torch.zeros_like(source[:, :2])
        prediction = self.average(source, hint)[0].clamp(0, 1).mul(255).round()
        error = prediction.cpu() - to_tensor(clean[None])[0] * 255
        return float(10 * torch.log10(255**2 / error.square().mean()))


def _add_colour_edge(patch: NDArray[np.float32], random: Generator) -> NDArray[np.float32]:
    """The patch with other colours on one side of a line: edges of colour, rare in photographs.

    Without them a network learns that colour has none, and smears those of drawings and signs.
    """
    other = patch[..., random.permutation(3)]
    other = np.where(random.random(3) < 0.5, 1 - other, other)
    height, width = patch.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = random.uniform(0, 2 * np.pi)
    distance = np.cos(angle) * (x - random.uniform(0, width))
    distance += np.sin(angle) * (y - random.uniform(0, height))
    share = np.clip(distance + 0.5, 0, 1)[..., None]
    return np.asarray(patch + share * (other - patch), np.float32)


def _local_deviation(noisy: NDArray[np.float32], clean: NDArray[np.float32]) -> NDArray[np.float32]:
    """How strong the noise is around each pixel, at half size: (N, H/2, W/2, 1)."""
    levels = []
    for square in ((noisy - clean) ** 2).mean(axis=3):
        mean = cv2.GaussianBlur(square, (0, 0), _WINDOW_PX, borderType=cv2.BORDER_REFLECT)
        half = cv2.resize(mean, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        levels.append(np.maximum(np.sqrt(half), _MIN_DEVIATION))
    return np.stack(levels)[..., None].astype(np.float32)
