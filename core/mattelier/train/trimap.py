"""The training of the network that weighs the cues of a pixel which a trimap leaves open.

Pictures are made one after the other (`train.trimap_samples`), and kept in the run's folder as the
cues and the truth of some of their pixels. After each, steps are taken on random pixels of all that
were made so far: what the network sees at once has to come from many pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattelier.learning.export import GraphPorts, export_graph
from mattelier.networks.trimap.network import CueNet
from mattelier.train.flat_recipe import load_flat_recipe
from mattelier.train.restoring import load_start
from mattelier.train.training_run import Report, TrainingRun
from mattelier.train.trimap_samples import TrimapRecipe, TrimapSamples
from mattelier.types.atomic import replacing
from mattelier.types.errors import UsageError

_HELD_BACK = 12  # one picture in so many is not learned from, but judged on
_LOGGED_PICTURES = 200
_PIXELS_OF_ONE = 16  # picture, in a batch
_MIN_DEVIATION = 1e-3  # of a cue


class TrimapRun(TrainingRun[CueNet]):
    """One training run; see `TrainingRun`.

    Parameters
    ----------
    recipe : TrimapRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder, hours, device : as of `TrainingRun`; the folder keeps the pictures' cues, too
    """

    def __init__(
        self,
        recipe: TrimapRecipe,
        data: Path,
        folder: Path,
        *,
        hours: float | None,
        device: str = "cpu",
    ) -> None:
        self.recipe, self.samples = recipe, TrimapSamples(recipe, data)
        self._pool = folder / "cues"
        self._pool.mkdir(parents=True, exist_ok=True)
        self._learned: list[Tensor] = []
        self._held_back: list[Tensor] = []
        cues = next(len(cues[0]) for cues in map(self.cues, range(recipe.pictures)) if len(cues))
        super().__init__(
            lambda: CueNet(cues - 1, recipe.width),
            folder, seed=recipe.seed, length=recipe.pictures, hours=hours, device=device,
        )  # fmt: skip
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), recipe.rate, weight_decay=recipe.weight_decay
        )

    @staticmethod
    def load_recipe(path: Path) -> TrimapRecipe:
        """See `TrainingRun.load_recipe`."""
        recipe = load_flat_recipe(TrimapRecipe, path)
        if recipe.pictures <= recipe.first:
            raise UsageError(f"The recipe {path} needs more pictures than its first.")
        return recipe

    def init_weights(self, network: CueNet, path: Path) -> None:
        """See `TrainingRun.init_weights`."""
        load_start(network, path)

    def result(self) -> CueNet:
        """The averaged network."""
        return self.average.cpu()

    def export(self, folder: Path) -> None:
        """See `TrainingRun.export`."""
        network = self.result()
        ports = GraphPorts({"picture": (len(network.mean), 16, 24)}, "alpha", 1)
        export_graph(network, ports, folder, folder.name)

    def cues(self, index: int) -> NDArray[np.float16]:
        """Of picture `index`, and their truth; kept in the run's folder once they were made."""
        path = self._pool / f"{index:06}.npy"
        if path.exists():
            kept: NDArray[np.float16] = np.load(path)
            return kept
        cues = self.samples.make(index)
        with replacing(path) as part, Path(part).open("wb") as file:
            np.save(file, cues)
        return cues

    def judge(self) -> tuple[float, float]:
        """Mean absolute error on the pictures held back: the network's, and its first cue's."""
        errors = []
        with torch.no_grad():
            for pixels in self._held_back:
                alpha = self._alpha(self.average, pixels).clamp(0, 1)
                truth = pixels[:, -1]
                first = pixels[:, 0]
                errors.append([float((a - truth).abs().mean()) for a in (alpha, first)])
        ours, theirs = np.mean(errors, axis=0) if errors else (float("nan"),) * 2
        return float(ours), float(theirs)

    def _steps(self, report: Report) -> None:
        for index in range(self.index):  # before a stop
            self._keep(index, self.cues(index))
        losses: list[float] = []
        for index in range(self.index, self.recipe.pictures):
            self._keep(index, self.cues(index))
            self.index += 1
            if self.index == self.recipe.first:
                self._find_norm()
            if self.index >= self.recipe.first:
                losses += [self._step(number) for number in range(self.recipe.steps)]
            self._tick()
            if losses and self.index % _LOGGED_PICTURES == 0:
                self._log_judgement(report, losses)
                losses.clear()
            if self.over:
                break
        if losses:
            self._log_judgement(report, losses)

    def _keep(self, index: int, cues: NDArray[np.float16]) -> None:
        if len(cues):
            kept = self._learned if index % _HELD_BACK else self._held_back
            kept.append(torch.from_numpy(cues).float())

    def _find_norm(self) -> None:
        cues = torch.cat(self._learned)[:, :-1]
        for network in (self.network, self.average):
            network.mean.copy_(cues.mean(0)[:, None, None])
            network.deviation.copy_(cues.std(0).clamp(min=_MIN_DEVIATION)[:, None, None])

    def _step(self, number: int) -> float:
        rng = np.random.default_rng([self.recipe.seed, self.index, number, 1])
        rate = self._learning_rate(self.recipe.rate, self.recipe.first)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        picks = rng.integers(len(self._learned), size=max(1, self.recipe.batch // _PIXELS_OF_ONE))
        pixels = torch.cat(
            [
                self._learned[pick][rng.integers(len(self._learned[pick]), size=_PIXELS_OF_ONE)]
                for pick in picks
            ]
        ).to(self.device)
        loss = (self._alpha(self.network, pixels) - pixels[:, -1]).abs().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self._update_average(self.recipe.ema, self.index * self.recipe.steps)
        return float(loss.detach())

    @staticmethod
    def _alpha(network: CueNet, pixels: Tensor) -> Tensor:
        """(N, C + 1) → (N,)"""
        alpha: Tensor = network(pixels[:, :-1].T[None, :, None])[0, 0, 0]
        return alpha

    def _log_judgement(self, report: Report, losses: list[float]) -> None:
        ours, theirs = self.judge()
        self._log(
            report,
            size=self.recipe.side,
            loss=round(float(np.mean(losses)), 5),
            dev_error=round(ours, 5),
            dev_closed_form=round(theirs, 5),
        )
