"""The training loop of networks that restore pictures: resumable, time-boxed, judged as it goes."""

from __future__ import annotations

import json
import math
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mattelier.train.resumable import Network, Resumable

_CHECKPOINT_SECONDS = 120
_JUDGED_BATCHES = 1000  # between two looks at the pictures held back


class RunRecipe(Protocol):
    """What every recipe of such a run says: how long it is, and how fast it learns."""

    @property
    def seed(self) -> int: ...
    @property
    def batches(self) -> int: ...
    @property
    def patch(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def warm_up(self) -> int: ...
    @property
    def ema(self) -> float: ...


class RestoringRun(Resumable[Network], ABC):
    """One training run in its own folder: `state.pt` (resumed from) and `log.jsonl`.

    Batch i is a pure function of the recipe's seed and i. Adam's learning rate rises over the
    recipe's warm-up and is let down along a cosine; weights are averaged as they change.

    Parameters
    ----------
    plan : the recipe
    make : makes the network, once to be trained and once for the average
    folder : Path
        Where the run keeps its state; an unfinished run there is resumed.
    hours : float or None
        Time box of the whole run, counted over resumptions while it really runs.
    device : str
        A torch device.
    """

    def __init__(
        self,
        plan: RunRecipe,
        make: Callable[[], Network],
        folder: Path,
        *,
        hours: float | None,
        device: str,
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.device = plan, folder, torch.device(device)
        self.seconds = hours * 3600 if hours else float("inf")
        # Channels last: convolutions are a third faster so on a processor.
        self.network = make().to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = make().to(self.device).eval()
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=plan.rate)
        self.index, self.elapsed, self.stopping = 0, 0.0, False

    @abstractmethod
    def loss(self) -> Tensor:
        """The loss of batch number `index`, to be derived."""

    @abstractmethod
    def judge(self) -> float:
        """Mean PSNR in dB of the averaged network on the originals held back."""

    @property
    def progress(self) -> float:
        return min(1.0, max(self.index / self.plan.batches, self.elapsed / self.seconds))

    def train(self, report: Callable[[dict[str, Any]], None]) -> bool:
        """Train until done, out of time, or interrupted; True when the run is complete."""
        previous = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        last = saved = time.monotonic()
        losses: list[float] = []
        try:
            while self.progress < 1 and not self.stopping:
                if self.index % _JUDGED_BATCHES == 0:
                    self._tell(report, losses)
                    losses.clear()
                losses.append(self._step())
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

    def result(self) -> Network:
        """The averaged network, ready to ship."""
        return self.average.cpu()

    def _tell(self, report: Callable[[dict[str, Any]], None], losses: list[float]) -> None:
        line = {
            "index": self.index,
            "elapsed": round(self.elapsed),
            "size": self.plan.patch,
            "loss": round(float(np.mean(losses)), 6) if losses else None,
            "dev_psnr": round(self.judge(), 4),
        }
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        report({**line, "progress": self.progress})

    def _step(self) -> float:
        warm = min(1.0, (self.index + 1) / self.plan.warm_up)
        let_down = 0.5 * (1 + math.cos(math.pi * self.progress))
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate * warm * max(let_down, 0.002)
        loss = self.loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self._track()
        return float(loss.detach())

    @torch.no_grad()
    def _track(self) -> None:
        """Exponential moving average; quick at first, so that it does not remember the start."""
        keep = min(self.plan.ema, (1 + self.index) / (10 + self.index))
        live = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            value.lerp_(live[name], 1 - keep)


def tensor(colour: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
    """(N, H, W, C) uint8 or float32 0…1 → (N, C, H, W) float 0…1."""
    full = 255 if colour.dtype == np.uint8 else 1
    return torch.from_numpy(np.ascontiguousarray(colour)).permute(0, 3, 1, 2).float() / full
