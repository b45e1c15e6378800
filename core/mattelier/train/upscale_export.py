"""Write a super-resolution network as a model folder; see `learning.export` for the form."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mattelier.learning.export import save_weights, write_graph
from mattelier.networks.upscale import CELL
from mattelier.networks.upscale.network import LocalFeatureNet


class _Enlarged(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        result: Tensor = self.network(picture)
        return result


def export(network: LocalFeatureNet, folder: Path, name: str) -> None:
    """Write `<name>.safetensors` and `<name>.onnx` into `folder` (which is made)."""
    weights = save_weights(network, folder, name)
    write_graph(_Enlarged(network), {"picture": torch.zeros(1, 3, 48, 60)}, "result", CELL, weights)
