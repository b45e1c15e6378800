"""OpenVINO on the processor: the everyday engine.

Shapes stay dynamic. Measured on two cores with the default network: a shape seen for the first
time costs 0.07 to 0.2 s once, against 0.25 to 0.35 s for a network reshaped and compiled for it,
and both run equally fast afterwards; so one compiled network serves all pictures.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card
from mattelier.engines import ports
from mattelier.engines.ports import match_inputs, match_output, require_file
from mattelier.types.errors import EngineError, ModelError, OutOfMemory

_CONVERTER = "openvino.tools.ovc"

# f32 asked for by name: some processors would otherwise choose bf16 and lose alpha's low bits.
_PROPERTIES = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}


def import_openvino() -> Any:
    """The `openvino` module, without its converter.

    `import openvino` alone loads the converter, which reports that import to a server. Keeping
    the converter out keeps the promise that nothing leaves this machine, and saves 0.15 s.
    Whoever wants the converter in the same process can still import it by its own name.
    """
    if "openvino" in sys.modules or _CONVERTER in sys.modules:
        import openvino

        return openvino
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        del sys.modules[_CONVERTER]
    return openvino


@functools.cache
def core() -> Any:
    """The process's one `openvino.Core`, kept until the process ends.

    The processor's plug-in gives the thread that loads it an alternate signal stack, and frees
    that when the plug-in goes, in whatever thread this happens. Ctrl-C would then be answered on
    freed memory, and the process die of it.
    """
    return import_openvino().Core()


class OpenVINOEngine:
    """An ONNX graph on OpenVINO's CPU device; see `engines.choose.Engine`.

    Parameters
    ----------
    card : Card
    paths : verified paths, from `Store.locate`
    cache : folder for compiled networks; one that cannot be written only costs time
    """

    name = "openvino"
    device = "cpu"

    def __init__(self, card: Card, paths: Mapping[str, Path], cache: Path) -> None:
        path = require_file(card, paths, ".onnx")
        try:
            network = _compile(core(), path, cache / _cache_name(card))
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot read {path} of the model {card.name}: {_last_line(error)}."
            ) from error
        self.note = ""
        self._card = card
        self._roles = match_inputs(card, [port.any_name for port in network.inputs])
        self._output = match_output(card, [_name(port) for port in network.outputs])
        self._request = network.create_infer_request()
        self._lock = threading.Lock()  # a request holds one picture at a time

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """One pass; see `Engine.run`."""
        feed = {self._roles[role]: np.ascontiguousarray(x) for role, x in inputs.items()}
        with self._lock:
            try:
                self._request.infer(feed, share_inputs=True)
            except (RuntimeError, MemoryError) as error:
                kind = OutOfMemory if ports.short_of_memory(error) else EngineError
                raise kind(
                    f"OpenVINO could not run {self._card.name}: {_last_line(error)}."
                ) from error
            answer = self._request.get_output_tensor(self._output).data
            # A copy: the next pass writes there.
            return {ports.answer(self._card): np.array(answer, np.float32)}


def signature(path: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """See `engines.choose.signature`."""
    import_openvino()
    from openvino.frontend import FrontEndManager

    try:  # the ONNX front end by name: guessing the format makes others complain on stderr
        front_end = FrontEndManager().load_by_framework("onnx")
        graph = front_end.convert(front_end.load(str(path)))
    except Exception as error:  # the front end's exceptions share no base of their own
        raise ModelError(f"{path.name} is not an ONNX graph that can be run here.") from error
    return (
        [(_name(port), str(port.partial_shape)) for port in graph.inputs],
        [(_name(port), str(port.partial_shape)) for port in graph.outputs],
    )


def _compile(core: Any, path: Path, cache: Path) -> Any:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return core.compile_model(str(path), "CPU", _PROPERTIES | {"CACHE_DIR": str(cache)})
    except (OSError, RuntimeError):  # a cache that cannot be used must not stop anybody
        return core.compile_model(str(path), "CPU", _PROPERTIES)


def _cache_name(card: Card) -> str:
    # OpenVINO recognises a cached network by the graph's file alone and would go on using old
    # weights when only the .safetensors beside it changed; so the checksums name the folder.
    sums = "".join(file.sha256 for file in card.files)
    return f"{card.name}-{hashlib.sha256(sums.encode()).hexdigest()[:16]}"


def _name(port: Any) -> str:
    return str(port.any_name) if port.names else ""


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).rstrip(".")[:200]
