"""PyTorch: GPUs, and training's own networks, from safetensors."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card
from mattelier.engines import ports
from mattelier.engines.ports import require_file
from mattelier.types.errors import EngineError, OutOfMemory


class TorchEngine:
    """The class `mattelier.networks.<card.architecture>` with its weights; see `choose.Engine`.

    The class is made without arguments and called with the picture and, if the card names a
    hint input, the hint.
    """

    name = "torch"

    def __init__(self, card: Card, paths: Mapping[str, Path], device: str) -> None:
        import torch

        if reason := _not_usable(torch, device):
            raise EngineError(f"{device} was asked for, but {reason}; use --device cpu.")
        self.device = device
        self.note = ""
        self._card = card
        self._lock = threading.Lock()
        path = require_file(card, paths, ".safetensors")
        network = _load(card, path)
        try:
            self._network = network.to(device=device, memory_format=torch.channels_last)
        except RuntimeError as error:
            raise EngineError(_failure(card, device, error)) from error

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """One pass; see `Engine.run`."""
        import torch

        roles = ("picture", "hint") if self._card.input.hint else ("picture",)
        try:
            with self._lock, torch.inference_mode():
                tensors = [
                    torch.from_numpy(np.ascontiguousarray(inputs[role])).to(self.device)
                    for role in roles
                ]
                answer = self._network(*tensors)
                if isinstance(answer, (tuple, list)):
                    wanted = self._card.output.tensor
                    answer = answer[wanted if isinstance(wanted, int) else 0]
                if self._card.output.torch_activation == "sigmoid":
                    answer = torch.sigmoid(answer)
                return {ports.answer(self._card): answer.float().cpu().numpy()}
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            kind = OutOfMemory if ports.short_of_memory(error) else EngineError
            raise kind(_failure(self._card, self.device, error)) from error


def enlarge(
    network: Any, picture: NDArray[np.float32], device: str, lock: threading.Lock, model: str
) -> NDArray[np.float32]:
    """One pass of a super-resolution network; see `engines.enlarger.Enlarger.run`."""
    import torch

    try:
        with lock, torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(picture)).to(device)
            result: NDArray[np.float32] = network(given).float().cpu().numpy()
            return result
    except RuntimeError as error:
        kind = OutOfMemory if ports.short_of_memory(error) else EngineError
        raise kind(f"PyTorch could not run {model}: {ports.one_line(error)}.") from error


def _load(card: Card, path: Path) -> Any:
    from mattelier.engines.network_file import card_network

    return card_network(card, {path.name: path}).module()


def _not_usable(torch: Any, device: str) -> str | None:
    if device == "cuda" and not torch.cuda.is_available():
        if torch.version.cuda is None:
            return "the installed PyTorch is a build without it (see pytorch.org for the other)"
        return "PyTorch finds no NVIDIA GPU that it can use (is the driver current?)"
    if device == "mps" and not torch.backends.mps.is_available():
        return "PyTorch cannot use it on this computer"
    return None


def _failure(card: Card, device: str, error: Exception) -> str:
    if ports.short_of_memory(error):
        return f"{device} has too little free memory for {card.name}; use --device cpu."
    return f"PyTorch could not run {card.name} on {device}: {ports.one_line(error)}."
