"""Write an edge refiner as a model folder; see `train.export` for the form."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mattelier.networks.edge import FOLD, HINTS, EdgeNet
from mattelier.train.export import save_weights, write_graph


class _Alpha(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        result: Tensor = self.network(picture, hint).clamp(0, 1)
        return result


def export(network: EdgeNet, folder: Path, name: str) -> None:
    """Write `<name>.safetensors` and `<name>.onnx` into `folder` (which is made)."""
    weights = save_weights(network, folder, name)
    graph = {"picture": torch.zeros(1, 3, 64, 96), "hint": torch.zeros(1, HINTS, 64, 96)}
    write_graph(_Alpha(network), graph, "alpha", FOLD, weights)
