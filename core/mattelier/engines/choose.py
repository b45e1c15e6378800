"""Which engine runs a model on this machine, and what to say when it is not the one hoped for."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card, Store
from mattelier.requests import Device
from mattelier.types.errors import EngineError

# Networks smaller than this are done on the processor before PyTorch has even loaded, so "auto"
# leaves them there: on two cores the default network opens and runs in 0.4 s, PyTorch opens in 2.
_WORTH_A_GPU = 64_000_000


Network = TypeVar("Network")


class Engine(Protocol):
    """A network that is ready to run.

    Attributes
    ----------
    name : "openvino", "onnxruntime" or "torch"
    device : "cpu", "cuda" or "mps"
    note : one sentence when it is not what might be expected, else ""
    """

    name: str
    device: str
    note: str

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """One pass; safe to call from several threads, which then wait for each other.

        Parameters
        ----------
        inputs : "picture" (1, 3, h, w) float32 and, if the card names a hint input, "hint"
            (1, 2, h, w) float32. The card maps these to the graph's own names.

        Returns
        -------
        "alpha" (1, 1, h, w) or (1, h, w) float32, as the graph gives it after the card's
        `torch_activation` where torch ran; the card's other output conventions are
        `network_io.finish`'s to apply. A card for `upscale` gives "picture"
        (1, 3, scale·h, scale·w) instead.

        Raises
        ------
        OutOfMemory
            The device has too little memory for inputs of this size.
        EngineError
            The inputs do not fit the graph.
        """
        ...


def open_engine(card: Card, store: Store, device: Device = "auto") -> Engine:
    """Open a model on a device.

    Parameters
    ----------
    device : "auto", "cpu", "cuda" or "mps"
        "auto" takes a GPU when there is one and the network is large enough to gain from it;
        otherwise, or when the GPU fails, the processor, and `Engine.note` says why.

    Raises
    ------
    ModelError
        The model's files are missing, damaged, or cannot be read.
    EngineError
        The device that was asked for cannot be had, or no engine is installed.
    """
    paths = store.locate(card)
    if device == "cpu":
        return _open_on_cpu(card, paths, store)
    if device != "auto":
        return _open_on_gpu(card, paths, device)
    gpu = "mps" if sys.platform == "darwin" else "cuda"
    if no_gpu(gpu):  # an ordinary machine: nothing to remark on
        return _open_on_cpu(card, paths, store)
    if sum(path.stat().st_size for path in paths.values()) < _WORTH_A_GPU:
        reason = f"this network is small enough to be faster there; --device {gpu} uses the GPU"
    else:
        try:
            return _open_on_gpu(card, paths, gpu)
        except EngineError as error:
            reason = str(error).rstrip(".")
    engine = _open_on_cpu(card, paths, store)
    engine.note = f"Running on the CPU: {reason}."
    return engine


def no_gpu(device: str) -> str | None:
    """Why there can be no such GPU here, found without importing torch; None when there may be."""
    if device == "mps":
        return None if sys.platform == "darwin" else "mps exists on Apple computers only"
    if sys.platform == "darwin":
        return "cuda does not exist on Apple computers (mps does)"
    return None if _nvidia_driver() else "no NVIDIA driver was found"


def on_torch_device(device: Device, opened: Callable[[str, str], Network]) -> Network:
    """A network opened on the torch device that was asked for, or on the CPU with a note why.

    Parameters
    ----------
    opened : takes a torch device and that note, "" where there is nothing to say

    Raises
    ------
    EngineError
        The device that was asked for cannot be had.
    """
    gpu = device if device != "auto" else "mps" if sys.platform == "darwin" else "cuda"
    if device == "cpu":
        return opened("cpu", "")
    if reason := no_gpu(gpu):
        if device != "auto":
            raise EngineError(f"{device} was asked for, but {reason}; use --device cpu.")
        return opened("cpu", "")
    try:
        return opened(gpu, "")
    except EngineError as error:
        if device != "auto":
            raise
        return opened("cpu", f"Running on the CPU: {str(error).rstrip('.')}.")


def installed(package: str) -> str | None:
    """Version of an installed distribution; None when it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def signature(path: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Names and shapes of an ONNX graph's inputs and outputs, as text for people.

    Raises
    ------
    ModelError
        It is no ONNX graph that can be run here.
    """
    if importlib.util.find_spec("openvino"):
        from mattelier.engines import openvino_engine

        return openvino_engine.signature(path)
    if importlib.util.find_spec("onnxruntime"):
        from mattelier.engines import onnx_engine

        return onnx_engine.signature(path)
    raise EngineError(_NO_ENGINE)


_NO_ENGINE = "No engine that reads ONNX is installed; run `pip install openvino`."


def _open_on_cpu(card: Card, paths: Mapping[str, Path], store: Store) -> Engine:
    failures = []
    for package, opener in _cpu_openers(card, paths, store):
        if importlib.util.find_spec(package):
            try:
                return opener()
            except ImportError as error:
                failures.append(f"{package} is installed but cannot be loaded ({error})")
    if failures:
        raise EngineError(f"{'; '.join(failures)}; install it again.")
    if card.file(".onnx"):
        raise EngineError(_NO_ENGINE)
    raise EngineError(f"{card.name} needs PyTorch; run `pip install torch`.")


def _cpu_openers(
    card: Card, paths: Mapping[str, Path], store: Store
) -> list[tuple[str, Callable[[], Engine]]]:
    def openvino() -> Engine:
        from mattelier.engines.openvino_engine import OpenVINOEngine

        return OpenVINOEngine(card, paths, store.cache / "openvino")

    def onnxruntime() -> Engine:
        from mattelier.engines.onnx_engine import ONNXEngine

        return ONNXEngine(card, paths, "cpu")

    def torch() -> Engine:
        from mattelier.engines.torch_engine import TorchEngine

        return TorchEngine(card, paths, "cpu")

    openers: list[tuple[str, Callable[[], Engine]]] = []
    if card.file(".onnx"):
        openers += [("openvino", openvino), ("onnxruntime", onnxruntime)]
    if card.architecture and card.file(".safetensors"):
        openers.append(("torch", torch))
    return openers


def _open_on_gpu(card: Card, paths: Mapping[str, Path], device: str) -> Engine:
    """Through torch where the card names a class, else ONNX Runtime's CUDA; or say why not."""
    if device not in get_args(Device):
        raise EngineError(
            f"There is no device {device!r}; choose one of {', '.join(get_args(Device))}."
        )
    if reason := no_gpu(device):
        raise EngineError(f"{device} was asked for, but {reason}; use --device cpu.")
    if card.architecture and card.file(".safetensors"):
        if not installed("torch"):
            raise EngineError(f"{device} needs PyTorch, which is missing; run `pip install torch`.")
        from mattelier.engines.torch_engine import TorchEngine

        return TorchEngine(card, paths, device)
    if device == "cuda" and card.file(".onnx") and importlib.util.find_spec("onnxruntime"):
        from mattelier.engines.onnx_engine import ONNXEngine

        return ONNXEngine(card, paths, device)
    if device == "cuda":
        raise EngineError(
            f"{card.name} exists as ONNX only, which needs onnxruntime-gpu to run on cuda; "
            "run `pip install onnxruntime-gpu` or use --device cpu."
        )
    raise EngineError(f"{card.name} exists as ONNX only, which {device} cannot run here.")


def _nvidia_driver() -> bool:
    """Whether the CUDA driver's library loads: milliseconds, where asking torch takes seconds."""
    import ctypes

    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
