"""What goes into an ONNX graph and what comes out, for people who bring their own."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from mattelier.engines.failures import NO_ONNX_ENGINE
from mattelier.types.errors import EngineError


@dataclass(frozen=True)
class Port:
    """One input or output of a graph.

    Attributes
    ----------
    name : the graph's name of it
    shape : length of each axis; None: any
    """

    name: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join('any' if n is None else str(n) for n in self.shape)})"


@dataclass(frozen=True)
class Signature:
    """What a graph tells of itself.

    Attributes
    ----------
    inputs, outputs : in the graph's order
    kernel_values : how many values the kernels of its convolutions and the matrices of its
        products have in all (`Card.kernel_values`); None: the engine here cannot tell
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    kernel_values: int | None = None


def signature(path: Path) -> Signature:
    """What an ONNX graph tells of itself.

    Raises
    ------
    ModelError
        It is no ONNX graph that can be run here.
    EngineError
        No engine that reads ONNX is installed.
    """
    if importlib.util.find_spec("openvino"):
        from mattelier.engines.backends import openvino

        return openvino.signature(path)
    if importlib.util.find_spec("onnxruntime"):
        from mattelier.engines.backends import onnxruntime

        return onnxruntime.signature(path)
    raise EngineError(NO_ONNX_ENGINE)
