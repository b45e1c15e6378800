"""The training of a faithful super-resolution network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from mattelier.metrics.fidelity import psnr_y
from mattelier.networks.upscale import CELL
from mattelier.networks.upscale.network import LocalFeatureNet
from mattelier.train.clean_images import originals
from mattelier.train.restoring_run import RestoringRun, tensor
from mattelier.train.upscale_recipe import UpscaleRecipe
from mattelier.train.upscale_samples import Batches, pair


class UpscaleRun(RestoringRun[LocalFeatureNet]):
    """One training run; see `RestoringRun`.

    Parameters
    ----------
    recipe : UpscaleRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `RestoringRun`
    """

    def __init__(
        self,
        recipe: UpscaleRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            recipe, lambda: LocalFeatureNet(recipe.scale), folder, hours=hours, device=device
        )
        self.recipe = recipe
        train, self.dev_set = originals(recipe.originals, data)
        self.batches = Batches(recipe, train)

    def loss(self) -> Tensor:
        """See `RestoringRun.loss`."""
        low, high = self.batches.make(self.index)
        error = self.network(tensor(low).to(self.device)) - tensor(high).to(self.device)
        # The square is scaled to the size of the absolute error, which Adam does not mind, but
        # the clipping of gradients would.
        squared = self.progress >= self.recipe.squared
        loss: Tensor = 20 * error.square().mean() if squared else error.abs().mean()
        return loss

    @torch.no_grad()
    def judge(self) -> float:
        """Mean PSNR-Y in dB of the averaged network on the originals held back."""
        scores = []
        scale = self.recipe.scale
        for item in self.dev_set:
            low, high = pair(item, scale)
            height, width = low.shape[:2]
            x = F.pad(tensor(low[None]), (0, -width % CELL, 0, -height % CELL), mode="replicate")
            y = self.average(x.to(self.device))[0, :, : height * scale, : width * scale]
            result = (y.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
            scores.append(psnr_y(result, high, scale))
        return float(np.mean(scores))
