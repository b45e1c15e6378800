"""ONNX Runtime: where OpenVINO is not to be had, and for ONNX-only models on CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.bindings import Binding, Ports, bind
from mattelier.engines.failures import NO_ONNX_ENGINE, first_line, run_error
from mattelier.engines.graph_ports import Port, Signature
from mattelier.engines.network_source import NetworkSource
from mattelier.types.errors import EngineError, ModelError
from mattelier.types.sentence import Sentence

PACKAGE = "onnxruntime"

_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class ONNXSession:
    """An ONNX graph; see `open_model.Session`.

    Raises
    ------
    ModelError
        It cannot be read, or does not fit its card.
    EngineError
        ONNX Runtime cannot use the device.
    """

    name = "onnxruntime"
    looks_apart = False

    def __init__(self, model: str, path: Path, ports: Ports, device: str) -> None:
        provider = _PROVIDERS[device]
        session = _session(path, provider)
        # ONNX Runtime falls back to the CPU by itself, with no more than a line of log.
        if provider not in session.get_providers():
            raise EngineError(
                "onnxruntime cannot use {device} here; run `pip install onnxruntime-gpu` with "
                "a matching CUDA, or use --device cpu.",
                device=device,
            )
        self.device = device
        self._model, self._session = model, session
        self._types = {port.name: _DTYPES.get(port.type) for port in session.get_inputs()}
        self._outputs = [port.name for port in session.get_outputs()]
        self._binding: Binding = bind(
            model, ports, [port.name for port in session.get_inputs()], self._outputs
        )

    def run(
        self, inputs: Mapping[str, NDArray[Any]], entry: str = "forward"
    ) -> dict[str, NDArray[np.float32]]:
        """One pass; see `Session.run`."""
        names = self._binding.inputs
        feed = {
            names[role]: np.ascontiguousarray(values, self._types[names[role]])
            for role, values in inputs.items()
        }
        try:
            [answer] = self._session.run([self._outputs[self._binding.output]], feed)
        except Exception as error:  # its exceptions share no base of their own
            raise run_error(
                Sentence(
                    "ONNX Runtime could not run {model}: {reason}.",
                    model=self._model,
                    reason=first_line(error),
                ),
                error,
            ) from error
        return {self._binding.role: np.asarray(answer, np.float32)}


def runs(source: NetworkSource, device: str) -> bool:
    """See `Backend.runs`: ONNX graphs in files."""
    is_onnx = source.graph is not None and source.graph.suffix == ".onnx"
    return is_onnx and device in _PROVIDERS


def open_session(source: NetworkSource, device: str) -> ONNXSession:
    """See `Backend.open_session`."""
    assert source.graph is not None
    return ONNXSession(source.name, source.graph, source.ports, device)


def missing(source: NetworkSource, device: str) -> str:
    """See `Backend.missing`."""
    if device == "cpu":
        return NO_ONNX_ENGINE
    return Sentence(
        "{name} exists as ONNX only, which needs onnxruntime-gpu to run on {device}; "
        "run `pip install onnxruntime-gpu` or use --device cpu.",
        name=source.name,
        device=device,
    )


def signature(path: Path) -> Signature:
    """See `engines.signature`."""
    session = _session(path, _PROVIDERS["cpu"])
    return Signature(
        tuple(Port(port.name, _shape(port)) for port in session.get_inputs()),
        tuple(Port(port.name, _shape(port), "int" in port.type) for port in session.get_outputs()),
    )


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(side if isinstance(side, int) else None for side in port.shape)


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
        raise ModelError(
            "ONNX Runtime cannot read {path}: {reason}.", path=path, reason=first_line(error)
        ) from error
