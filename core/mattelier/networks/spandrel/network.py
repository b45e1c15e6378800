"""A network told from its weights' names by the package spandrel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mattelier.catalogue import Input, Output
from mattelier.catalogue.card import NetworkTask
from mattelier.networks import contracts
from mattelier.networks.architecture import Descriptor, Published, State
from mattelier.networks.spandrel import PUBLISHED, SOURCE
from mattelier.types.errors import EngineError, ModelError

_MARGIN_PX = 32  # none of the architectures says how far it looks; wide seams hide the rest
_FILL_SIZE_PX = 768  # root of the area at which holes are filled
_FACE = "FaceSR"  # what spandrel calls networks that mend one face, cut out and square
_HALF = (0.5, 0.5, 0.5)  # they see and give −1…1, which spandrel leaves to whoever calls them


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
            MaskedImageModelDescriptor,
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
        network = ModelLoader(device="cpu").load_from_state_dict(tensors).eval()
    except UnsupportedModelError:
        raise ModelError(f"{path} is of no network that spandrel knows.") from None
    except (RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
        raise ModelError(f"The weights in {path} cannot be used: {reason}.") from error
    title = str(network.architecture.name)
    channels = (network.input_channels, network.output_channels)
    if channels not in ((3, 3), (1, 1)):
        raise ModelError(f"{path} is a {title} that takes no pictures, or gives none.")
    lightness = channels == (1, 1)
    size = network.size_requirements
    multiple = max(1, size.multiple_of)
    if isinstance(network, MaskedImageModelDescriptor):
        return Descriptor(
            task="fill",
            input=Input(_FILL_SIZE_PX, "fit", multiple),
            output=Output(),
            build=lambda: _module(network, network),
            published=_published(title, "fill"),
            entries=contracts.FILL,
        )
    if network.purpose == _FACE:
        return Descriptor(
            task="denoise",
            input=Input(size.minimum, "stretch", multiple, mean=_HALF, std=_HALF),
            output=Output(),
            build=lambda: _module(network, lambda face: _mended(network, face)),
            published=_published(title, "denoise"),
        )
    margin = -(-max(_MARGIN_PX, size.minimum // 2) // multiple) * multiple
    task: NetworkTask = "upscale" if network.scale > 1 else "denoise"
    return Descriptor(
        task=task,
        input=Input(768, "tile", multiple, margin=margin, lightness=lightness),
        output=Output(scale=network.scale),
        build=lambda: _module(network, network),
        published=_published(title, task),
    )


def _published(title: str, task: NetworkTask) -> Published:
    return PUBLISHED.get(title) or Published(title, task, SOURCE)


def _mended(network: Any, face: Any) -> Any:
    """A face 0…1 of one −1…1, the same each time: its noise is the one that it learned."""
    return ((network.model(face, randomize_noise=False)[0] + 1) / 2).clamp(0, 1)


def _module(network: Any, call: Any) -> Any:
    """spandrel's descriptor as a module: calling it pads and clips as the network needs."""
    from torch import Tensor, nn

    class Spandrel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = network.model

        def forward(self, *given: Tensor) -> Tensor:
            result: Tensor = call(*given)
            return result

    return Spandrel().eval()
