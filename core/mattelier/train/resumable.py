"""What every training run keeps in its folder, to go on from after a stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class Resumable(Generic[Network]):
    """A run whose networks, optimizer and place lie in `folder/state.pt`.

    Attributes
    ----------
    network, average : the network being trained, and the moving average of its weights
    index : how far it is, in samples or batches
    elapsed : seconds that it really ran
    stopping : whether it was asked to stop
    """

    folder: Path
    device: torch.device
    network: Network
    average: Network
    optimizer: torch.optim.Optimizer
    index: int
    elapsed: float
    stopping: bool

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
