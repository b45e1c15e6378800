"""Write a denoising network as a model folder; see `learning.export` for the form."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mattelier.learning.export import save_weights, write_graph
from mattelier.networks.denoise import FOLD
from mattelier.networks.denoise.network import DenoiseNet


class _Denoised(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        result: Tensor = self.network(picture, hint)
        return result


def export(network: DenoiseNet, folder: Path, name: str) -> None:
    """Write `<name>.safetensors` and `<name>.onnx` into `folder` (which is made)."""
    weights = save_weights(network, folder, name)
    graph = {"picture": torch.zeros(1, 3, 64, 96), "hint": torch.zeros(1, 2, 64, 96)}
    write_graph(_Denoised(network), graph, "result", FOLD, weights)
