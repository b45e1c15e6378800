"""Which device runs a network on this machine, and what to say when it is not the one hoped for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar, get_args

from mattelier.requests import Device
from mattelier.types.errors import EngineError
from mattelier.types.sentence import Sentence

Opened = TypeVar("Opened")

GPUS = ("cuda", "mps")


def no_gpu(device: str) -> str | None:
    """Why there can be no such GPU here, found without importing torch; None when there may be."""
    if device == "mps":
        return None if sys.platform == "darwin" else "mps exists on Apple computers only"
    if sys.platform == "darwin":
        return "cuda does not exist on Apple computers (mps does)"
    return None if _nvidia_driver() else "no NVIDIA driver was found"


def open_on_device(
    device: Device,
    *,
    on_cpu: Callable[[], Opened],
    on_gpu: Callable[[str], Opened],
    is_small: bool,
) -> tuple[Opened, str]:
    """A network opened on the device that was asked for, and a note: why not on the GPU, or "".

    Parameters
    ----------
    device : "auto", "cpu", "cuda" or "mps"
        "auto" takes a GPU when there is one and the network gains from it; otherwise, or when
        the GPU fails, the processor.
    on_cpu, on_gpu : open it; the latter takes "cuda" or "mps"
    is_small : the network is done on the processor before a GPU's libraries have even loaded

    Raises
    ------
    EngineError
        The device that was asked for cannot be had.
    """
    if device == "cpu":
        return on_cpu(), ""
    if device != "auto":
        if device not in get_args(Device):
            raise EngineError(
                "There is no device {device}; choose one of {devices}.",
                device=repr(device),
                devices=", ".join(get_args(Device)),
            )
        if reason := no_gpu(device):
            raise EngineError(
                "{device} was asked for, but {reason}; use --device cpu.",
                device=device,
                reason=reason,
            )
        return on_gpu(device), ""
    gpu = "mps" if sys.platform == "darwin" else "cuda"
    if no_gpu(gpu):  # an ordinary machine: nothing to remark on
        return on_cpu(), ""
    if is_small:
        reason = f"this network is small enough to be faster there; --device {gpu} uses the GPU"
    else:
        try:
            return on_gpu(gpu), ""
        except EngineError as error:
            reason = str(error).rstrip(".")
    return on_cpu(), cpu_note(reason)


def cpu_note(reason: str) -> str:
    """The sentence for a network that runs on the processor against expectation."""
    return Sentence("Running on the CPU: {reason}.", reason=reason)


def _nvidia_driver() -> bool:
    """Whether the CUDA driver's library loads: milliseconds, where asking torch takes seconds."""
    import ctypes

    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
