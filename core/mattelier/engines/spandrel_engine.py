"""Any published network that spandrel knows and that gives a picture for one, on PyTorch."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.ports import one_line
from mattelier.engines.torch_engine import enlarge
from mattelier.types.errors import EngineError, ModelError

_MARGIN = 32  # none of the architectures says how far it looks; wide seams hide the rest


class SpandrelNetwork:
    """A network told from its weights' names by spandrel; see `engines.enlarger.Enlarger`.

    Parameters
    ----------
    model : what people call it
    path : its file, for messages
    state : name → array
    device : a torch device
    note : one sentence when the device is not the one that might be expected

    Attributes
    ----------
    kind : its architecture's name
    scale : 1 of a network that restores a picture at its size

    Raises
    ------
    EngineError
        spandrel or PyTorch is not installed, or the device cannot be used.
    ModelError
        The weights are of no network that takes and gives RGB pictures.
    """

    name = "torch"

    def __init__(
        self, model: str, path: Path, state: Mapping[str, Any], device: str, note: str = ""
    ) -> None:
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
        self.model, self.device, self.note = model, device, note
        self._lock = threading.Lock()
        tensors = {name: torch.from_numpy(np.array(value)).float() for name, value in state.items()}
        try:
            found = ModelLoader(device="cpu").load_from_state_dict(tensors)
        except UnsupportedModelError:
            raise ModelError(f"{path} is of no network that spandrel knows.") from None
        except (RuntimeError, KeyError, ValueError) as error:
            raise ModelError(f"The weights in {path} cannot be used: {one_line(error)}.") from error
        fits = isinstance(found, ImageModelDescriptor) and (
            (found.input_channels, found.output_channels) == (3, 3)
        )
        self.kind = str(found.architecture.name)
        if not fits:
            raise ModelError(f"{path} is a {self.kind} that takes no RGB pictures.")
        self._network = found.eval()
        self._network.model.to(memory_format=torch.channels_last)  # 3 times as fast on a processor
        try:
            self._network.to(device)
        except (RuntimeError, AssertionError) as error:  # the latter: a torch without CUDA
            raise EngineError(f"PyTorch cannot use {device} here: {one_line(error)}.") from error
        self.scale = found.scale
        size = found.size_requirements
        self.multiple = max(1, size.multiple_of)
        self.margin = -(-max(_MARGIN, size.minimum // 2) // self.multiple) * self.multiple

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Enlarger.run`."""
        return enlarge(self._network, picture, self.device, self._lock, self.model)
