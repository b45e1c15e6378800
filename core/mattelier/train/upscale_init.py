"""Where a super-resolution network starts from, other than chance."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from mattelier.networks.upscale.network import LocalFeatureNet
from mattelier.types.errors import UsageError

_LAYERS = {"fea_conv": "first", "LR_conv": "last", "upsampler.0": "up"}
_BLOCK = {
    "c1_r": "convs.0", "c2_r": "convs.1", "c3_r": "convs.2", "c5": "fuse",
    "esa.conv1": "attention.reduce", "esa.conv2": "attention.shrink",
    "esa.conv3": "attention.coarse", "esa.conv_f": "attention.fine",
    "esa.conv4": "attention.expand",
}  # fmt: skip


def start_from(network: LocalFeatureNet, path: Path) -> None:
    """Weights of an earlier network (.safetensors), or of the published RLFN ×4 (.pth, MIT).

    A network for ×2 may start from one for ×4: its upsampler then gives the means of the ×4
    one's squares of 2 × 2 pixels.

    Raises
    ------
    UsageError
        When the file is of neither kind.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = {name: value.float() for name, value in load_file(path).items()}
    else:
        state = _published(path)
    count = state["up.weight"].shape[0] if "up.weight" in state else 0
    if count == 48 and network.scale == 2:
        for name in ("up.weight", "up.bias"):
            state[name] = _halved(state[name])
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UsageError(f"{path} holds no weights that this network can start from.") from error


def _published(path: Path) -> dict[str, Tensor]:
    from pickle import UnpicklingError

    try:
        published = torch.load(path, map_location="cpu", weights_only=True)
        return {_ours(name): value for name, value in published.items()}
    except (UnpicklingError, RuntimeError, AttributeError, KeyError, ValueError) as error:
        raise UsageError(f"{path} is not the published RLFN that training starts from.") from error


def _ours(name: str) -> str:
    layer, _, value = name.rpartition(".")
    if layer in _LAYERS:
        return f"{_LAYERS[layer]}.{value}"
    block, _, part = layer.partition(".")
    return f"blocks.{int(block.removeprefix('B')) - 1}.{_BLOCK[part]}.{value}"


def _halved(up: Tensor) -> Tensor:
    """Weights or biases of a ×4 pixel shuffle (48, …) as those of a ×2 one (12, …)."""
    squares = up.reshape(3, 2, 2, 2, 2, *up.shape[1:])  # colour, y, y within, x, x within
    return squares.mean(dim=(2, 4)).reshape(12, *up.shape[1:])
