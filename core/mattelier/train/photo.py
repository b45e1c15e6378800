"""The training of a compact network that enlarges degraded photographs and mends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattelier.metrics.fidelity import psnr_y
from mattelier.networks.compact.network import CompactNet
from mattelier.networks.compact.weights import Compact, from_state, to_state
from mattelier.train.clean_images import CleanImage, Patches
from mattelier.train.degrade import Degradation, degrade, to_8_bits
from mattelier.train.restoring import RestoringRecipe, RestoringRun, to_tensor
from mattelier.types.colour import to_float
from mattelier.types.errors import ModelError, UsageError

_SCALE = 4
_CHANNELS, _CONVOLUTIONS = 64, 34  # those of general-x4v3
_JUDGED_PX = 384  # a side: more of each picture would take long
_START_FILE = "start.safetensors"


@dataclass(frozen=True)
class PhotoRecipe(RestoringRecipe):
    """One training run of a compact ×4 network; see `RestoringRecipe`.

    Attributes
    ----------
    noise : float
        The strongest noise that the network learns to remove, a standard deviation of 0…255.
    quality : int
        The worst JPEG that it learns to mend, 1…100.
    kept : float
        The share that the result keeps of the network it started from (network interpolation,
        Wang et al. 2019): fidelity alone would let go of that one's sharpness.
    """

    patch: int = 40
    noise: float = 20
    quality: int = 35
    kept: float = 0
    rate: float = 1e-4
    ema: float = 0.998

    def requirement(self) -> str | None:
        """See `RestoringRecipe.requirement`."""
        sound = 0 <= self.kept <= 1 and 1 <= self.quality <= 100 and self.noise >= 0
        return None if sound else "`kept` of 0…1, a `quality` of 1…100 and no negative noise"


class PhotoRun(RestoringRun[CompactNet, PhotoRecipe]):
    """One training run; see `RestoringRun`. Its folder also keeps what it started from.

    A compact network's layers are told from its weights: it has no graph of its own.
    """

    recipe_type = PhotoRecipe

    def __init__(
        self,
        recipe: PhotoRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(recipe, data, folder, hours=hours, device=device)
        self.degradation = Degradation(recipe.noise / 255, recipe.quality)
        self.patches = Patches(self.train_images, recipe.sizes, _SCALE * recipe.patch)

    def make_network(self) -> CompactNet:
        """See `RestoringRun.make_network`."""
        return CompactNet(_CHANNELS, _CONVOLUTIONS, _SCALE)

    def start(self, initialise: Callable[[CompactNet], None]) -> None:
        """See `TrainingRun.start`."""
        from safetensors.torch import save_file

        super().start(initialise)
        if self.index == 0:
            save_file(self.average.state_dict(), self.folder / _START_FILE)

    def result(self) -> CompactNet:
        """The averaged network, mixed with what it started from as the recipe says."""
        from safetensors.torch import load_file

        network = super().result()
        start = load_file(self.folder / _START_FILE)
        with torch.no_grad():
            for name, value in network.state_dict().items():
                value.lerp_(start[name], self.recipe.kept)
        return network

    def batch(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Degraded low and clean high patches number `index`, RGB uint8."""
        random = np.random.default_rng((self.recipe.seed, index))
        highs = [self.patches.draw(random) for _ in range(self.recipe.batch)]
        lows = [degrade(to_float(high), _SCALE, self.degradation, random) for high in highs]
        return np.stack([to_8_bits(low) for low in lows]), np.stack(highs)

    def loss(self) -> Tensor:
        """See `RestoringRun.loss`."""
        low, high = self.batch(self.index)
        prediction: Tensor = self.network(to_tensor(low).to(self.device))
        return (prediction - to_tensor(high).to(self.device)).abs().mean()

    def score(self, number: int, image: CleanImage) -> float:
        """PSNR-Y."""
        high = image.read(multiple=_SCALE)[:_JUDGED_PX, :_JUDGED_PX]
        random = np.random.default_rng(number)
        low = to_8_bits(degrade(to_float(high), _SCALE, self.degradation, random))
        prediction = self.average(to_tensor(low[None]).to(self.device))[0]
        result = prediction.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
        return psnr_y(result, high, _SCALE)

    @classmethod
    def init_weights(cls, network: CompactNet, path: Path) -> None:
        """The weights of a compact network: Real-ESRGAN's (ncnn's .bin or .pth), or earlier ones.

        Raises
        ------
        UsageError
            The file holds no compact network of this size.
        """
        try:
            state = to_state(_read_compact(path))
            network.load_state_dict(
                {name: torch.from_numpy(value) for name, value in state.items()}
            )
        except (RuntimeError, ModelError) as error:
            raise UsageError(
                f"{path} holds no compact network that this one can start from."
            ) from error


def _read_compact(path: Path) -> Compact:
    if path.suffix == ".bin":
        from mattelier.networks.compact.ncnn import read_compact

        return read_compact(path)
    from mattelier.engines.weights_file import read_state

    network = from_state(read_state(path))
    if network is None:
        raise ModelError(f"{path} holds another network.")
    return network
