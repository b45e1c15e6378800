"""The training of a compact network that enlarges worn photographs and mends them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattelier.metrics.fidelity import psnr_y
from mattelier.networks.compact.network import CompactNet
from mattelier.train.clean_images import Patches, originals
from mattelier.train.degrade import Wear, rounded, worn
from mattelier.train.photo_recipe import PhotoRecipe
from mattelier.train.restoring_run import RestoringRun, tensor
from mattelier.types.colour import to_float

_SCALE = 4
_CHANNELS, _CONVOLUTIONS = 64, 34  # those of general-x4v3
_START = "start.safetensors"


class PhotoRun(RestoringRun[CompactNet]):
    """One training run; see `RestoringRun`. Its folder also keeps what it started from.

    Parameters
    ----------
    recipe : PhotoRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `RestoringRun`
    """

    def __init__(
        self,
        recipe: PhotoRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        def make() -> CompactNet:
            return CompactNet(_CHANNELS, _CONVOLUTIONS, _SCALE)

        super().__init__(recipe, make, folder, hours=hours, device=device)
        self.recipe = recipe
        self.wear = Wear(recipe.noise / 255, recipe.quality)
        train, self.dev_set = originals(recipe.originals, data)
        self.patches = Patches(train, recipe.sizes, _SCALE * recipe.patch)

    def start(self, initialise: Callable[[CompactNet], None]) -> None:
        """See `Resumable.start`."""
        from safetensors.torch import save_file

        super().start(initialise)
        if self.index == 0:
            save_file(self.average.state_dict(), self.folder / _START)

    def result(self) -> CompactNet:
        """The averaged network, mixed with what it started from as the recipe says."""
        from safetensors.torch import load_file

        network = super().result()
        start = load_file(self.folder / _START)
        with torch.no_grad():
            for name, value in network.state_dict().items():
                value.lerp_(start[name], self.recipe.kept)
        return network

    def batch(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Worn low and original high patches number `index`, RGB uint8."""
        recipe = self.recipe
        random = np.random.default_rng((recipe.seed, index))
        highs = [self.patches.draw(random) for _ in range(recipe.batch)]
        lows = [worn(to_float(high), _SCALE, self.wear, random) for high in highs]
        return np.stack([rounded(low) for low in lows]), np.stack(highs)

    def loss(self) -> Tensor:
        """See `RestoringRun.loss`."""
        low, high = self.batch(self.index)
        answer: Tensor = self.network(tensor(low).to(self.device))
        return (answer - tensor(high).to(self.device)).abs().mean()

    @torch.no_grad()
    def judge(self) -> float:
        """Mean PSNR-Y in dB of the averaged network on worn originals that were held back."""
        scores = []
        for number, item in enumerate(self.dev_set):
            high = item.read(multiple=_SCALE)[:384, :384]
            random = np.random.default_rng(number)
            low = tensor(rounded(worn(to_float(high), _SCALE, self.wear, random))[None])
            answer = self.average(low.to(self.device))[0].clamp(0, 1).mul(255).round().byte()
            scores.append(psnr_y(answer.permute(1, 2, 0).cpu().numpy(), high, _SCALE))
        return float(np.mean(scores))
