"""What the cut-out network starts from, other than chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mattelier.networks.cutout.network import CutoutNet, spread_norms
from mattelier.types.errors import UsageError


def init_weights(network: CutoutNet, path: Path, *, sharpness: float = 1.0) -> None:
    """Weights of an earlier network (.safetensors), or of a published encoder (.npz).

    Parameters
    ----------
    network : CutoutNet
    path : Path
    sharpness : float
        What that earlier network's logits were multiplied by when it was finished; taken back.

    Raises
    ------
    UsageError
        When the file is of neither kind.
    """
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        folded = {name: value.float() for name, value in load_file(path).items()}
        for name in folded:
            if name.startswith(("out.0.", "detail.out.")):
                folded[name] /= sharpness
        network.load_state_dict(spread_norms(network, folded))
    elif path.suffix == ".npz":
        init_encoder(network, path)
    else:
        raise UsageError(f"Training starts from a .safetensors or .npz file, not from {path.name}.")


def init_encoder(network: CutoutNet, path: Path) -> None:
    """The published DeepLabV3-MobileNetV2 (Apache-2.0), as an .npz of folded convolutions.

    Names are those of TensorFlow's DeepLab model zoo. Backbone and DeepLab head are copied; the
    decoder keeps its random start.
    """
    with np.load(path, allow_pickle=False) as published:
        state = {_rename(name): torch.from_numpy(np.float32(published[name])) for name in published}
    state.pop("", None)
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(name.startswith(("stem", "blocks", "aspp")) for name in missing):
        raise UsageError(f"{path} is not the DeepLabV3-MobileNetV2 that the recipe starts from.")


def _rename(name: str) -> str:
    layer, _, value = name.removeprefix("MobilenetV2/").rpartition(".")
    fixed = {"Conv": "stem", "image_pooling": "image_pooling", "aspp0": "aspp",
             "concat_projection": "head"}  # fmt: skip
    if layer in fixed:
        return f"{fixed[layer]}.{value}"
    if layer.startswith("expanded_conv"):
        block, part = layer.split("/")
        return f"blocks.{block.removeprefix('expanded_conv').removeprefix('_') or 0}.{part}.{value}"
    return ""  # the 21-class logits are not used
