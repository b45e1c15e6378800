"""A network told from its weights' names by the package spandrel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mattelier.catalogue import Input, Output
from mattelier.networks.architecture import Descriptor, State
from mattelier.types.errors import EngineError, ModelError

_MARGIN_PX = 32  # none of the architectures says how far it looks; wide seams hide the rest


def describe(state: State, path: Path) -> Descriptor:
    """The network in a state dict, ready built, as spandrel has to build it to know it.

    Raises
    ------
    EngineError
        spandrel or PyTorch is not installed.
    ModelError
        The weights are of no network that takes and gives RGB pictures.
    """
    try:
        import torch
        from spandrel import (  # type: ignore[import-not-found,unused-ignore]
            ImageModelDescriptor,
            ModelLoader,
            UnsupportedModelError,
        )
    except ImportError:
        raise EngineError(
            f"{path.name} is a network that needs spandrel and PyTorch; "
            "run `pip install 'mattelier[spandrel]'`."
        ) from None
    tensors = {name: torch.from_numpy(np.array(value)).float() for name, value in state.items()}
    try:
        network = ModelLoader(device="cpu").load_from_state_dict(tensors)
    except UnsupportedModelError:
        raise ModelError(f"{path} is of no network that spandrel knows.") from None
    except (RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
        raise ModelError(f"The weights in {path} cannot be used: {reason}.") from error
    title = str(network.architecture.name)
    if not isinstance(network, ImageModelDescriptor) or (
        (network.input_channels, network.output_channels) != (3, 3)
    ):
        raise ModelError(f"{path} is a {title} that takes no RGB pictures.")
    size = network.size_requirements
    multiple = max(1, size.multiple_of)
    margin = -(-max(_MARGIN_PX, size.minimum // 2) // multiple) * multiple
    return Descriptor(
        task="upscale" if network.scale > 1 else "denoise",
        input=Input(768, "tile", multiple, margin=margin),
        output=Output(scale=network.scale),
        build=lambda: _module(network.eval()),
        title=title,
    )


def _module(network: Any) -> Any:
    """spandrel's descriptor as a module: calling it pads and clips as the network needs."""
    from torch import Tensor, nn

    class Spandrel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = network.model

        def forward(self, picture: Tensor) -> Tensor:
            result: Tensor = network(picture)
            return result

    return Spandrel().eval()
