"""The super-resolution training loop: resumable, time-boxed, judged on what was held back."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from mattelier.evaluate.fidelity import psnr_y
from mattelier.networks.upscale import CELL, LocalFeatureNet
from mattelier.train.resumable import Resumable
from mattelier.train.upscale_recipe import UpscaleRecipe
from mattelier.train.upscale_samples import Batches, originals, pair

_CHECKPOINT_SECONDS = 120
_JUDGED_BATCHES = 1000  # between two looks at the pictures held back


class UpscaleRun(Resumable[LocalFeatureNet]):
    """One training run in its own folder: `state.pt` (resumed from) and `log.jsonl`.

    Parameters
    ----------
    recipe : UpscaleRecipe
    data : Path
        Folder that the recipe's paths are relative to.
    folder : Path
        Where the run keeps its state; an unfinished run there is resumed.
    hours : float or None
        Time box of the whole run, counted over resumptions while it really runs.
    device : str
        A torch device.
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
        torch.manual_seed(recipe.seed)
        self.recipe, self.folder, self.device = recipe, folder, torch.device(device)
        self.train_set, self.dev_set = originals(recipe, data)
        self.seconds = hours * 3600 if hours else float("inf")
        self.network = LocalFeatureNet(recipe.scale).to(self.device)
        self.average = LocalFeatureNet(recipe.scale).to(self.device).eval()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=recipe.rate)
        self.index, self.elapsed, self.stopping = 0, 0.0, False

    @property
    def progress(self) -> float:
        return min(1.0, max(self.index / self.recipe.batches, self.elapsed / self.seconds))

    def train(self, report: Callable[[dict[str, Any]], None]) -> bool:
        """Train until done, out of time, or interrupted; True when the run is complete."""
        previous = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        batches = Batches(self.recipe, self.train_set)
        last = saved = time.monotonic()
        losses: list[float] = []
        try:
            while self.progress < 1 and not self.stopping:
                if self.index % _JUDGED_BATCHES == 0:
                    self._tell(report, losses)
                    losses.clear()
                losses.append(self._step(*batches.make(self.index)))
                self.index += 1
                now = time.monotonic()
                self.elapsed += min(now - last, 30)  # a suspended machine does not train
                last = now
                if now - saved > _CHECKPOINT_SECONDS:
                    self.save()
                    saved = now
            self._tell(report, losses)
            self.save()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return self.progress >= 1

    def result(self) -> LocalFeatureNet:
        """The averaged network, ready to ship."""
        return self.average.cpu()

    @torch.no_grad()
    def judge(self) -> float:
        """Mean PSNR-Y in dB of the averaged network on the originals held back."""
        scores = []
        scale = self.recipe.scale
        for item in self.dev_set:
            low, high = pair(item, scale)
            height, width = low.shape[:2]
            x = F.pad(_tensor(low[None]), (0, -width % CELL, 0, -height % CELL), mode="replicate")
            y = self.average(x.to(self.device))[0, :, : height * scale, : width * scale]
            result = (y.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
            scores.append(psnr_y(result, high, scale))
        return float(np.mean(scores))

    def _tell(self, report: Callable[[dict[str, Any]], None], losses: list[float]) -> None:
        line = {
            "index": self.index,
            "elapsed": round(self.elapsed),
            "size": self.recipe.patch,
            "loss": round(float(np.mean(losses)), 6) if losses else None,
            "dev_psnr": round(self.judge(), 4),
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        report({**line, "progress": self.progress})

    def _step(self, low: NDArray[np.uint8], high: NDArray[np.uint8]) -> float:
        warm = min(1.0, (self.index + 1) / self.recipe.warm_up)
        let_down = 0.5 * (1 + math.cos(math.pi * self.progress))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate * warm * max(let_down, 0.002)
        error = self.network(_tensor(low).to(self.device)) - _tensor(high).to(self.device)
        # The square is scaled to the size of the absolute error, which Adam does not mind, but
        # the clipping below would.
        squared = self.progress >= self.recipe.squared
        loss = 20 * error.square().mean() if squared else error.abs().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self._track()
        return float(loss.detach())

    @torch.no_grad()
    def _track(self) -> None:
        """Exponential moving average; quick at first, so that it does not remember the start."""
        keep = min(self.recipe.ema, (1 + self.index) / (10 + self.index))
        live = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            value.lerp_(live[name], 1 - keep)


def _tensor(colour: NDArray[np.uint8]) -> Tensor:
    """(N, H, W, 3) uint8 → (N, 3, H, W) float 0…1."""
    return torch.from_numpy(np.ascontiguousarray(colour)).permute(0, 3, 1, 2).float() / 255
