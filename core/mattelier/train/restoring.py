"""The training of networks that restore pictures: the loop, and what each such task adds to it.

A task that restores is a module with two classes: its recipe, and a `RestoringRun` that says which
network is trained, how a batch is degraded, what the loss is and how a held-back picture is scored.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mattelier.learning.export import GraphPorts, export_graph
from mattelier.train.clean_images import CleanImage, find_clean_images
from mattelier.train.flat_recipe import load_flat_recipe
from mattelier.train.training_run import Network, Report, TrainingRun
from mattelier.types.errors import UsageError

_JUDGED_BATCHES = 1000  # between two looks at the pictures held back


@dataclass(frozen=True)
class RestoringRecipe:
    """One training run of a network that restores pictures.

    Attributes
    ----------
    seed : int
        Batch i of a run is a pure function of the seed and i.
    batches : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    originals : mapping
        Folder of pictures → how much each is reduced before it counts as clean. What was
        compressed must be, or the network learns the compression's traces as truth.
    patch, batch : int
        Side of a training patch in pixels of the network's input, patches at once.
    sizes : tuple of float
        Each clean picture is also used at these sizes, for other textures at the same pixels.
    rate : float
        Adam's learning rate, let down along a cosine.
    warm_up : int
        Batches over which it rises.
    ema : float
        Decay of the moving average of the weights.
    """

    seed: int
    batches: int
    originals: dict[str, float]
    patch: int = 64
    batch: int = 4
    sizes: tuple[float, ...] = (1.0, 0.7)
    rate: float = 1e-3
    warm_up: int = 100
    ema: float = 0.999

    def requirement(self) -> str | None:
        """What a recipe of these values lacks: "a patch that is …"; None where it is sound."""
        return None


Recipe = TypeVar("Recipe", bound=RestoringRecipe)


class RestoringRun(TrainingRun[Network], Generic[Network, Recipe]):
    """One training run; see `TrainingRun`. Batch i is a pure function of the recipe's seed and i.

    Parameters
    ----------
    recipe : its recipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `TrainingRun`

    Attributes
    ----------
    train_images, validation_images : the clean pictures to learn from, and those held back
    """

    recipe_type: ClassVar[type[Any]]
    graph: ClassVar[GraphPorts | None] = None
    """Ports of the ONNX graph that is written beside the weights; None: weights say it all."""

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        self.recipe = recipe
        super().__init__(
            self.make_network, folder, seed=recipe.seed, length=recipe.batches,
            hours=hours, device=device,
        )  # fmt: skip
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.rate)
        self.train_images, self.validation_images = find_clean_images(recipe.originals, data)

    @abstractmethod
    def make_network(self) -> Network:
        """The network that the recipe asks for, fresh."""

    @abstractmethod
    def batch(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Degraded and clean patches number `index`, (N, H, W, 3) RGB uint8 or float32 0…1."""

    @abstractmethod
    def loss(self) -> Tensor:
        """The loss of batch number `index`, to be derived."""

    @abstractmethod
    def score(self, number: int, image: CleanImage) -> float:
        """PSNR in dB of the averaged network on a picture that was held back."""

    @classmethod
    def load_recipe(cls, path: Path) -> Any:
        """See `TrainingRun.load_recipe`."""
        recipe = load_flat_recipe(cls.recipe_type, path)
        if requirement := recipe.requirement():
            raise UsageError(f"The recipe {path} needs {requirement}.")
        return recipe

    @classmethod
    def read_weights(cls, network: Network, path: Path) -> dict[str, Tensor]:
        """The tensors of a weights file, as this network names them."""
        return read_safetensors(path)

    @classmethod
    def init_weights(cls, network: Network, path: Path) -> None:
        """See `TrainingRun.init_weights`."""
        load_start(network, path, lambda file: cls.read_weights(network, file))

    @torch.no_grad()
    def judge(self) -> float:
        """Mean score of the averaged network on the pictures held back."""
        images = enumerate(self.validation_images)
        return float(np.mean([self.score(number, image) for number, image in images]))

    def result(self) -> Network:
        """The averaged network."""
        return self.average.cpu()

    def export(self, folder: Path) -> None:
        """See `TrainingRun.export`."""
        export_graph(self.result(), self.graph, folder, folder.name)

    def _steps(self, report: Report) -> None:
        losses: list[float] = []
        while not self.over:
            if self.index % _JUDGED_BATCHES == 0:
                self._log_judgement(report, losses)
                losses.clear()
            losses.append(self._step())
            self.index += 1
            self._tick()
        self._log_judgement(report, losses)

    def _step(self) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(self.recipe.rate, self.recipe.warm_up)
        loss = self.loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self._update_average(self.recipe.ema, self.index)
        return float(loss.detach())

    def _log_judgement(self, report: Report, losses: list[float]) -> None:
        loss = round(float(np.mean(losses)), 6) if losses else None
        psnr = round(self.judge(), 4)
        self._log(report, size=self.recipe.patch, loss=loss, dev_psnr=psnr)


def load_start(
    network: nn.Module, path: Path, read: Callable[[Path], dict[str, Tensor]] | None = None
) -> None:
    """Let a fresh network start from a weights file; `read` gives its tensors, as they are if None.

    Raises
    ------
    UsageError
        The file holds no weights that it can start from.
    """
    from safetensors import SafetensorError

    try:
        network.load_state_dict((read or read_safetensors)(path))
    except (KeyError, RuntimeError, SafetensorError) as error:
        raise UsageError(f"{path} holds no weights that this network can start from.") from error


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file as float32."""
    from safetensors.torch import load_file

    return {name: value.float() for name, value in load_file(path).items()}


def to_tensor(colour: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
    """(N, H, W, C) uint8 or float32 0…1 → (N, C, H, W) float 0…1."""
    white = 255 if colour.dtype == np.uint8 else 1
    return torch.from_numpy(np.ascontiguousarray(colour)).permute(0, 3, 1, 2).float() / white
