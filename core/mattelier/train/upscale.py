"""The training of a faithful super-resolution network, on bicubic reductions of clean pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from mattelier.learning.export import GraphPorts
from mattelier.metrics.fidelity import psnr_y
from mattelier.networks.upscale import CELL
from mattelier.networks.upscale.network import LocalFeatureNet
from mattelier.train.clean_images import CleanImage, Pixels, area_weights, reduce, turn
from mattelier.train.restoring import RestoringRecipe, RestoringRun, read_safetensors, to_tensor
from mattelier.types.errors import UsageError

# Names of the published RLFN's layers → ours.
_LAYERS = {"fea_conv": "first", "LR_conv": "last", "upsampler.0": "up"}
_BLOCK_LAYERS = {
    "c1_r": "convs.0", "c2_r": "convs.1", "c3_r": "convs.2", "c5": "fuse",
    "esa.conv1": "attention.reduce", "esa.conv2": "attention.shrink",
    "esa.conv3": "attention.coarse", "esa.conv_f": "attention.fine",
    "esa.conv4": "attention.expand",
}  # fmt: skip


@dataclass(frozen=True)
class UpscaleRecipe(RestoringRecipe):
    """One training run of a faithful network; see `RestoringRecipe`.

    Attributes
    ----------
    scale : 2 or 4
    patch : a multiple of 6
    squared : float
        From this share of the run on the loss is the mean square, which PSNR counts, instead of
        the mean absolute error, which learns faster.
    """

    scale: int = field(kw_only=True)
    patch: int = 60
    batch: int = 8
    sizes: tuple[float, ...] = (1.0, 0.8, 0.6)
    rate: float = 2e-4
    squared: float = 0.7

    def requirement(self) -> str | None:
        """See `RestoringRecipe.requirement`."""
        sound = self.scale in (2, 4) and self.patch % CELL == 0
        return None if sound else "a scale of 2 or 4 and a patch of 6, 12, 18 …"


class UpscaleRun(RestoringRun[LocalFeatureNet, UpscaleRecipe]):
    """One training run; see `RestoringRun`."""

    recipe_type = UpscaleRecipe
    graph = GraphPorts({"picture": (3, 48, 60)}, "result", CELL)

    def __init__(
        self,
        recipe: UpscaleRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(recipe, data, folder, hours=hours, device=device)
        self.patches = PatchPairs(self.train_images, recipe)

    def make_network(self) -> LocalFeatureNet:
        """See `RestoringRun.make_network`."""
        return LocalFeatureNet(self.recipe.scale)

    def batch(self, index: int) -> tuple[Pixels, Pixels]:
        """See `PatchPairs.batch`."""
        return self.patches.batch(index)

    def loss(self) -> Tensor:
        """See `RestoringRun.loss`."""
        low, high = self.batch(self.index)
        error = self.network(to_tensor(low).to(self.device)) - to_tensor(high).to(self.device)
        # The square is scaled to the size of the absolute error, which Adam does not mind, but
        # the clipping of gradients would.
        squared = self.progress >= self.recipe.squared
        loss: Tensor = 20 * error.square().mean() if squared else error.abs().mean()
        return loss

    def score(self, number: int, image: CleanImage) -> float:
        """PSNR-Y."""
        scale = self.recipe.scale
        low, high = read_pair(image, scale)
        height, width = low.shape[:2]
        x = F.pad(to_tensor(low[None]), (0, -width % CELL, 0, -height % CELL), mode="replicate")
        y = self.average(x.to(self.device))[0, :, : height * scale, : width * scale]
        result = (y.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        return psnr_y(result, high, scale)

    @classmethod
    def read_weights(cls, network: LocalFeatureNet, path: Path) -> dict[str, Tensor]:
        """Weights of an earlier network (.safetensors), or of the published RLFN ×4 (.pth, MIT).

        A network for ×2 may start from one for ×4: its upsampler then gives the means of the ×4
        one's squares of 2 × 2 pixels.
        """
        state = read_safetensors(path) if path.suffix == ".safetensors" else _read_published(path)
        channels = state["up.weight"].shape[0] if "up.weight" in state else 0
        if channels == 48 and network.scale == 2:
            for name in ("up.weight", "up.bias"):
                state[name] = _halve_upsampler(state[name])
        return state


class PatchPairs:
    """Random patches of random pictures and of their reductions, turned and mirrored.

    All pairs are held in memory, low and high: about 4 bytes per pixel of the pictures and size.
    """

    def __init__(self, images: list[CleanImage], recipe: UpscaleRecipe) -> None:
        self.recipe = recipe
        pairs = [read_pair(image, recipe.scale, size) for size in recipe.sizes for image in images]
        self.pairs = [pair for pair in pairs if min(pair[0].shape[:2]) >= recipe.patch]
        if not self.pairs:
            raise UsageError("All originals are smaller than the recipe's patch.")
        self.weights = area_weights([low for low, _ in self.pairs])

    def batch(self, index: int) -> tuple[Pixels, Pixels]:
        """low (N, patch, patch, 3) and high (N, scale·patch, scale·patch, 3), RGB uint8."""
        recipe = self.recipe
        random = np.random.default_rng((recipe.seed, index))
        lows: list[Pixels] = []
        highs: list[Pixels] = []
        for choice in random.choice(len(self.pairs), recipe.batch, p=self.weights):
            low, high = self.pairs[choice]
            y, x = (int(random.integers(side - recipe.patch + 1)) for side in low.shape[:2])
            turns, mirrored = int(random.integers(4)), bool(random.integers(2))
            for source, factor, patches in ((low, 1, lows), (high, recipe.scale, highs)):
                side = recipe.patch * factor
                patch = source[y * factor : y * factor + side, x * factor : x * factor + side]
                patches.append(turn(patch, turns, mirrored))
        return np.stack(lows), np.stack(highs)


def read_pair(image: CleanImage, scale: int, size: float = 1.0) -> tuple[Pixels, Pixels]:
    """(low, high): a whole picture and its reduction, RGB uint8."""
    high = image.read(size, scale)
    return reduce(high, high.shape[0] // scale, high.shape[1] // scale), high


def _read_published(path: Path) -> dict[str, Tensor]:
    from pickle import UnpicklingError

    try:
        published = torch.load(path, map_location="cpu", weights_only=True)
        return {_rename(name): value for name, value in published.items()}
    except (UnpicklingError, RuntimeError, AttributeError, KeyError, ValueError) as error:
        raise UsageError(f"{path} is not the published RLFN that training starts from.") from error


def _rename(name: str) -> str:
    layer, _, value = name.rpartition(".")
    if layer in _LAYERS:
        return f"{_LAYERS[layer]}.{value}"
    block, _, inner = layer.partition(".")
    return f"blocks.{int(block.removeprefix('B')) - 1}.{_BLOCK_LAYERS[inner]}.{value}"


def _halve_upsampler(up: Tensor) -> Tensor:
    """Weights or biases of a ×4 pixel shuffle (48, …) as those of a ×2 one (12, …)."""
    squares = up.reshape(3, 2, 2, 2, 2, *up.shape[1:])  # colour, y, y within, x, x within
    return squares.mean(dim=(2, 4)).reshape(12, *up.shape[1:])
