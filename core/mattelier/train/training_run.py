"""What every training run is: seeded, resumable and time-boxed, in a folder of its own."""

from __future__ import annotations

import json
import math
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)
Report = Callable[[dict[str, Any]], None]

_CHECKPOINT_SECONDS = 120
_MAX_STEP_SECONDS = 30.0  # a suspended machine does not train
_MIN_RATE_SHARE = 0.002  # of the learning rate, left at a run's end


class TrainingRun(ABC, Generic[Network]):
    """A run whose networks, optimizer and place lie in `folder/state.pt`; it logs to `log.jsonl`.

    Parameters
    ----------
    make_network : makes the network, once to be trained and once for the average
    folder : Path
        Where the run keeps its state; an unfinished run there is resumed.
    seed : int
        Of the fresh network.
    length : int
        Of the whole run, in the units of `index`.
    hours : float or None
        Time box of the whole run, counted over resumptions while it really runs.
    device : str
        A torch device.

    Attributes
    ----------
    network, average : the network being trained, and the moving average of its weights
    index : how far it is, in samples or batches
    elapsed : seconds that it really ran
    stopping : whether a signal asked it to stop
    """

    optimizer: torch.optim.Optimizer

    def __init__(
        self,
        make_network: Callable[[], Network],
        folder: Path,
        *,
        seed: int,
        length: int,
        hours: float | None,
        device: str,
    ) -> None:
        torch.manual_seed(seed)
        self.folder, self.length, self.device = folder, length, torch.device(device)
        self.seconds = hours * 3600 if hours else float("inf")
        # Channels last: convolutions are a third faster so on a processor.
        self.network = make_network().to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = make_network().to(self.device).eval()
        self.index, self.elapsed, self.stopping = 0, 0.0, False
        self._clock = self._saved = time.monotonic()

    @staticmethod
    @abstractmethod
    def load_recipe(path: Path) -> Any:
        """The recipe in a TOML file.

        Raises
        ------
        UsageError
            It cannot be read, a key is unknown or missing, or a value cannot be.
        """

    @abstractmethod
    def init_weights(self, network: Network, path: Path) -> None:
        """Let a fresh network start from a weights file.

        Raises
        ------
        UsageError
            The file holds no weights that it can start from.
        """

    @abstractmethod
    def export(self, folder: Path) -> None:
        """Write the run's result into `folder` (which is made), in files named as the folder."""

    @abstractmethod
    def result(self) -> Network:
        """The finished network on the processor, whatever the run's progress."""

    @abstractmethod
    def _steps(self, report: Report) -> None:
        """Take steps, each followed by `_tick`, until the run is `over`."""

    @property
    def progress(self) -> float:
        return min(1.0, max(self.index / self.length, self.elapsed / self.seconds))

    @property
    def over(self) -> bool:
        return self.progress >= 1 or self.stopping

    def start(self, initialise: Callable[[Network], None]) -> None:
        """Resume the folder's state, or start anew with `initialise`."""
        path = self.folder / "state.pt"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            initialise(self.network)
            self.average.load_state_dict(self.network.state_dict())
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.index, self.elapsed = state["index"], state["elapsed"]

    def train(self, report: Report) -> bool:
        """Train until done, out of time, or interrupted; True when the run is complete.

        `report` receives each line of the log, with the run's `progress`.
        """
        handlers = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._clock = self._saved = time.monotonic()
            self._steps(report)
            self.save()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return self.progress >= 1

    def save(self) -> None:
        path = self.folder / "state.pt"
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "index": self.index,
            "elapsed": self.elapsed,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _tick(self) -> None:
        """Count the time since the last call, and save the state now and then."""
        now = time.monotonic()
        self.elapsed += min(now - self._clock, _MAX_STEP_SECONDS)
        self._clock = now
        if now - self._saved > _CHECKPOINT_SECONDS:
            self.save()
            self._saved = now

    def _log(self, report: Report, *, size: int, **values: float | None) -> None:
        """One line, in `log.jsonl` and to `report`; `size` is that of the samples in pixels."""
        line = {"index": self.index, "elapsed": round(self.elapsed), "size": size, **values}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        report({**line, "progress": self.progress})

    def _learning_rate(self, peak: float, warm_up: int) -> float:
        """It rises to `peak` over the warm-up, and is let down along a cosine."""
        warm = min(1.0, (self.index + 1) / warm_up)
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress))
        return peak * warm * max(cosine, _MIN_RATE_SHARE)

    @torch.no_grad()
    def _update_average(self, decay: float, steps: float) -> None:
        """Exponential moving average; quick at first, so that it does not remember the start."""
        keep = min(decay, (1 + steps) / (10 + steps))
        live = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(live[name], 1 - keep)
            else:
                value.copy_(live[name])
