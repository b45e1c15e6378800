"""PyTorch: GPUs, and the networks that exist as modules only."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.failures import is_out_of_memory, one_line, run_error
from mattelier.engines.network_source import NetworkSource
from mattelier.networks.architecture import Entry
from mattelier.types.errors import EngineError
from mattelier.types.sentence import Sentence

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "torch"


class TorchSession:
    """A module in eval mode on a device; see `open_model.Session`.

    Parameters
    ----------
    model : what people call it
    module : with its weights
    device : "cpu", "cuda" or "mps"
    entries : the ways to call it; see `networks.architecture.Entry`
    channels_last : keep samples in that order, which is faster where convolutions prevail
    position : which of several outputs counts, where an entry has one output
    sigmoid : apply it to that output

    Raises
    ------
    EngineError
        PyTorch cannot use the device.
    """

    name = "torch"
    looks_apart = False

    def __init__(
        self,
        model: str,
        module: nn.Module,
        device: str,
        entries: Mapping[str, Entry],
        *,
        channels_last: bool = True,
        position: int = 0,
        sigmoid: bool = False,
    ) -> None:
        import torch

        self.device = device
        self._model, self._entries = model, entries
        self._position, self._sigmoid = position, sigmoid
        self._lock = threading.Lock()
        try:
            # Weights of more axes (StyleGAN's) have no such order.
            if channels_last and all(values.dim() <= 4 for values in module.parameters()):
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._module = module.to(device)
        except RuntimeError as error:
            raise EngineError(self._failure(error)) from error

    @property
    def module(self) -> nn.Module:
        """What it runs, on its device."""
        return self._module

    def run(
        self, inputs: Mapping[str, NDArray[Any]], entry: str = "forward"
    ) -> dict[str, NDArray[np.float32]]:
        """One pass; see `Session.run`."""
        import torch

        ports = self._entries[entry]
        try:
            with self._lock, torch.inference_mode():
                outputs = self.call(entry, *(self._argument(inputs[role]) for role in ports.inputs))
                return {
                    role: output.float().cpu().numpy()
                    for role, output in zip(ports.outputs, outputs, strict=True)
                }
        except (RuntimeError, ValueError, MemoryError) as error:  # torch.OutOfMemoryError is one
            raise run_error(self._failure(error), error) from error

    def call(self, entry: str, *given: Any) -> tuple[Any, ...]:
        """The module's answers to tensors, as many as the entry has outputs."""
        call = self._module if entry == "forward" else getattr(self._module, entry)
        outputs = call(*given)
        return (self._one(outputs),) if len(self._entries[entry].outputs) == 1 else outputs

    def _argument(self, values: NDArray[Any]) -> Any:
        """A tensor on the device; a single value as a plain number."""
        import torch

        if np.ndim(values) == 0:
            return np.asarray(values).item()
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _one(self, output: Any) -> Any:
        if isinstance(output, (tuple, list)):
            output = output[self._position]
        return output.sigmoid() if self._sigmoid else output

    def _failure(self, error: BaseException) -> str:
        if is_out_of_memory(error) and self.device != "cpu":
            return Sentence(
                "{device} has too little free memory for {model}; use --device cpu.",
                device=self.device,
                model=self._model,
            )
        return Sentence(
            "PyTorch could not run {model} on {device}: {reason}.",
            model=self._model,
            device=self.device,
            reason=one_line(error),
        )


def runs(source: NetworkSource, device: str) -> bool:
    """See `Backend.runs`: all that has code in `networks`."""
    return source.network is not None


def open_session(source: NetworkSource, device: str) -> TorchSession:
    """See `Backend.open_session`."""
    if reason := _unusable(device):  # before the work of building it
        raise EngineError(
            "{device} was asked for, but {reason}; use --device cpu.", device=device, reason=reason
        )
    assert source.network is not None
    network, ports = source.network(), source.ports
    return TorchSession(
        source.name,
        network.module(),
        device,
        network.entries,
        channels_last=network.family.channels_last,
        position=ports.output if isinstance(ports.output, int) else 0,
        sigmoid=ports.torch_sigmoid,
    )


def missing(source: NetworkSource, device: str) -> str:
    """See `Backend.missing`."""
    needy = source.name if device == "cpu" else device
    return Sentence(
        "{needy} needs PyTorch, which is missing; run `pip install torch`.", needy=needy
    )


def _unusable(device: str) -> str | None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        if torch.version.cuda is None:
            return "the installed PyTorch is a build without it (see pytorch.org for the other)"
        return "PyTorch finds no NVIDIA GPU that it can use (is the driver current?)"
    if device == "mps" and not torch.backends.mps.is_available():
        return "PyTorch cannot use it on this computer"
    return None
