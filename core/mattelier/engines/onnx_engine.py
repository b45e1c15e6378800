"""ONNX Runtime: where OpenVINO is not to be had, and for ONNX-only models on CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card
from mattelier.engines import ports
from mattelier.engines.ports import match_inputs, match_output, require_file
from mattelier.types.errors import EngineError, ModelError, OutOfMemory

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class ONNXEngine:
    """An ONNX graph on ONNX Runtime; see `engines.choose.Engine`."""

    name = "onnxruntime"

    def __init__(self, card: Card, paths: Mapping[str, Path], device: str) -> None:
        path = require_file(card, paths, ".onnx")
        provider = _PROVIDERS[device]
        session = _session(path, provider)
        # ONNX Runtime falls back to the CPU by itself, with no more than a line of log.
        if provider not in session.get_providers():
            raise EngineError(
                f"onnxruntime cannot use {device} here; run `pip install onnxruntime-gpu` with a "
                "matching CUDA, or use --device cpu."
            )
        self.device = device
        self.note = ""
        self._card = card
        self._session = session
        self._roles = match_inputs(card, [port.name for port in session.get_inputs()])
        names = [port.name for port in session.get_outputs()]
        self._output = names[match_output(card, names)]

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """One pass; see `Engine.run`."""
        feed = {self._roles[role]: np.ascontiguousarray(x) for role, x in inputs.items()}
        try:
            [answer] = self._session.run([self._output], feed)
        except Exception as error:  # its exceptions share no base of their own
            kind = OutOfMemory if ports.short_of_memory(error) else EngineError
            raise kind(
                f"ONNX Runtime could not run {self._card.name}: {_first_line(error)}."
            ) from error
        return {ports.answer(self._card): np.asarray(answer, np.float32)}


def signature(path: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """See `engines.choose.signature`."""
    session = _session(path, _PROVIDERS["cpu"])
    return (
        [(port.name, str(port.shape)) for port in session.get_inputs()],
        [(port.name, str(port.shape)) for port in session.get_outputs()],
    )


def _session(path: Path, provider: str) -> Any:
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # Windows builds report; nothing may leave the machine
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # The arena keeps the largest picture's memory for ever (10 GB instead of 7 for BiRefNet).
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    if provider not in onnxruntime.get_available_providers():
        provider = _PROVIDERS["cpu"]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # its exceptions share no base of their own
        raise ModelError(f"ONNX Runtime cannot read {path}: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")[:200] or type(error).__name__
