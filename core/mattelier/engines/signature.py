"""What goes into a graph and what comes out, for people who bring their own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from mattelier.engines.failures import NO_ONNX_ENGINE
from mattelier.engines.graph_ports import Signature
from mattelier.types.errors import EngineError


def signature(path: Path) -> Signature:
    """What an ONNX graph or OpenVINO network (.xml) tells of itself.

    Raises
    ------
    ModelError
        It is none that can be run here.
    EngineError
        No engine that reads it is installed.
    """
    if importlib.util.find_spec("openvino"):
        from mattelier.engines.backends import openvino

        return openvino.signature(path)
    if path.suffix == ".onnx" and importlib.util.find_spec("onnxruntime"):
        from mattelier.engines.backends import onnxruntime

        return onnxruntime.signature(path)
    raise EngineError(NO_ONNX_ENGINE)
