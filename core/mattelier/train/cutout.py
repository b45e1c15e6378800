"""The training of the cut-out network: the same again from the same seed and steps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mattelier.learning.export import cutout_graph, export_graph
from mattelier.learning.losses import batch_loss
from mattelier.learning.param_groups import param_groups
from mattelier.networks.cutout import make_network
from mattelier.networks.cutout.network import CutoutNet, fold_norms
from mattelier.train.cutout_samples import Samples
from mattelier.train.init_weights import init_weights
from mattelier.train.recipe import Recipe, load_recipe
from mattelier.train.sample_loader import load_samples, single_threaded_opencv
from mattelier.train.training_run import Report, TrainingRun

FROZEN_BLOCKS = 3  # generic edges and textures, at the resolution where training costs most

_START_FILE = "start.safetensors"  # the folded weights that a run with `kept` began with
_LOGGED_STEPS = 50
_MAX_GRADIENT_NORM = 5.0


class CutoutRun(TrainingRun[CutoutNet]):
    """One training run; see `TrainingRun`.

    Parameters
    ----------
    recipe : Recipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `TrainingRun`
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            lambda: make_network(recipe.detail, norm=recipe.norm), folder, seed=recipe.seed,
            length=recipe.samples, hours=hours, device=device,
        )  # fmt: skip
        self.recipe = recipe
        self.samples = Samples(recipe, data)
        self.optimizer = self._make_optimizer(param_groups(self.network, FROZEN_BLOCKS, new=True))

    @staticmethod
    def load_recipe(path: Path) -> Recipe:
        """See `TrainingRun.load_recipe`."""
        return load_recipe(path)

    def init_weights(self, network: CutoutNet, path: Path) -> None:
        """See `TrainingRun.init_weights`."""
        init_weights(network, path, sharpness=self.recipe.sharpness)

    def train(self, report: Report) -> bool:
        """See `TrainingRun.train`."""
        with single_threaded_opencv():
            return super().train(report)

    def start(self, initialise: Callable[[CutoutNet], None]) -> None:
        """See `TrainingRun.start`."""
        super().start(initialise)
        if self.recipe.kept and self.index == 0:
            from safetensors.torch import save_file

            save_file(self._folded().state_dict(), self.folder / _START_FILE)

    def result(self) -> CutoutNet:
        """The averaged network without norms, mixed with its start by the recipe, and sharpened."""
        folded = self._folded()
        with torch.no_grad():
            if self.recipe.kept:
                from safetensors.torch import load_file

                start = load_file(self.folder / _START_FILE)
                for name, value in folded.state_dict().items():
                    value.lerp_(start[name], self.recipe.kept)
            for layer in folded.last_layers():
                for value in layer.parameters():
                    value.mul_(self.recipe.sharpness)
        return folded

    def export(self, folder: Path) -> None:
        """See `TrainingRun.export`."""
        network = self.result()
        export_graph(network, cutout_graph(network), folder, folder.name)

    def _make_optimizer(
        self, groups: tuple[list[nn.Parameter], list[nn.Parameter]]
    ) -> torch.optim.Optimizer:
        """Of what is to be changed slowly, and fast."""
        rates = (self.recipe.encoder_rate, self.recipe.decoder_rate)
        return torch.optim.AdamW(
            [{"params": group, "rate": rate} for group, rate in zip(groups, rates, strict=True)],
            weight_decay=self.recipe.weight_decay,
        )

    def _folded(self) -> CutoutNet:
        """The averaged network without norms, on the processor."""
        average = copy.deepcopy(self.average).cpu()
        return fold_norms(average) if self.recipe.norm else average

    def _steps(self, report: Report) -> None:
        while not self.over:
            self._train_stage(report)

    def _train_stage(self, report: Report) -> None:
        stage = self.recipe.stage(self.progress)
        make = partial(self.samples.make, size=stage.size)
        batches = load_samples(make, self.index, self.recipe.samples, stage.batch)
        losses: list[float] = []
        for batch in batches:
            losses.append(self._step(batch))
            self.index += stage.batch
            self._tick()
            if len(losses) == _LOGGED_STEPS:
                self._log(report, size=stage.size, loss=round(float(np.mean(losses)), 4))
                losses.clear()
            if self.over or self.recipe.stage(self.progress) != stage:
                return
        self.index = self.recipe.samples

    def _step(self, batch: list[Tensor]) -> float:
        picture, alpha, weight, hint = (t.to(self.device) for t in batch)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(group["rate"], self.recipe.warm_up)
        self.network.train()
        loss = batch_loss(
            self.network,
            picture.float() / 255,
            alpha,
            weight,
            hint,
            bfloat16=self.recipe.bfloat16,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
        self.optimizer.step()
        steps = self.index / self.recipe.stage(self.progress).batch
        self._update_average(self.recipe.ema, steps)
        return float(loss.detach())
