"""OpenVINO on the processor.

Shapes stay dynamic. Measured on two cores with the default network: a shape seen for the first
time costs 0.07 to 0.2 s once, against 0.25 to 0.35 s for a network reshaped and compiled for it,
and both run equally fast afterwards; so one compiled network serves all pictures.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.bindings import Binding, Ports, bind
from mattelier.engines.failures import NO_ONNX_ENGINE, last_line, run_error
from mattelier.engines.graph_ports import Port, Signature
from mattelier.engines.graph_split import split
from mattelier.engines.network_source import NetworkSource
from mattelier.types.errors import EngineError, ModelError
from mattelier.types.sentence import Sentence

PACKAGE = "openvino"

_CONVERTER = "openvino.tools.ovc"

# f32 asked for by name: some processors would otherwise choose bf16 and lose alpha's low bits.
PROPERTIES = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
"""What every graph is compiled with."""

# Operations that learned weights go into, and which of their inputs that is.
_KERNEL_AT = {
    "Convolution": 1,
    "ConvolutionBackpropData": 1,
    "GroupConvolution": 1,
    "GroupConvolutionBackpropData": 1,
    "MatMul": 1,
}


_PROBE_SIDES = (64, 96)  # of a picture that a graph is tried with


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


class OpenVINOSession:
    """A compiled graph; see `open_model.Session`."""

    name = "openvino"
    device = "cpu"

    def __init__(
        self,
        model: str,
        network: Any,
        ports: Ports,
        halves: Callable[[str], tuple[Any, Any]] | None = None,
    ) -> None:
        self._model = model
        self._hint, self._halves = ports.hint, halves
        self._look: Any = None
        self._ask: Any = None
        self._binding: Binding = bind(
            model,
            ports,
            [_name(port, ports.picture, ports.hint) for port in network.inputs],
            [_name(port, ports.output) for port in network.outputs],
        )
        self._types = {
            _name(port, ports.picture, ports.hint): port.get_element_type().to_dtype()
            for port in network.inputs
        }
        self._request = network.create_infer_request()
        self._lock = threading.Lock()  # a request holds one picture at a time

    def run(
        self, inputs: Mapping[str, NDArray[Any]], entry: str = "forward"
    ) -> dict[str, NDArray[np.float32]]:
        """One pass; see `Session.run`."""
        if entry != "forward":
            return self._half(inputs, entry)
        names = self._binding.inputs
        feed = {
            names[role]: np.ascontiguousarray(values, self._types[names[role]])
            for role, values in inputs.items()
        }
        with self._lock:
            try:
                self._request.infer(feed, share_inputs=True)
            except (RuntimeError, MemoryError) as error:
                raise self._failure(error) from error
            answer = self._request.get_output_tensor(self._binding.output).data
            # A copy: the next pass writes there.
            return {self._binding.role: np.array(answer, np.float32)}

    def _failure(self, error: RuntimeError | MemoryError) -> EngineError:
        reason = last_line(error)
        sentence = Sentence(
            "OpenVINO could not run {model}: {reason}.", model=self._model, reason=reason
        )
        return run_error(sentence, error)

    @property
    def looks_apart(self) -> bool:
        """See `open_model.Session`."""
        return self._hint is not None and self._halves is not None

    def _half(
        self, inputs: Mapping[str, NDArray[Any]], entry: str
    ) -> dict[str, NDArray[np.float32]]:
        """ "look" or "ask", whose networks are made when first needed; see `graph_split`."""
        with self._lock:
            try:
                if self._look is None:
                    assert self._halves is not None
                    assert self._hint is not None
                    look, ask = self._halves(self._hint)
                    self._look, self._ask = look.create_infer_request(), ask.create_infer_request()
                if entry == "look":
                    seen = self._look.infer([inputs["picture"]], share_inputs=True)
                    return {f"seen{n}": np.array(seen[n]) for n in range(len(seen))}
                given = [inputs[f"seen{n}"] for n in range(len(inputs) - 1)]
                self._ask.infer([*given, inputs["hint"]], share_inputs=True)
            except (RuntimeError, MemoryError) as error:
                raise self._failure(error) from error
            answer = self._ask.get_output_tensor(self._binding.output).data
            return {self._binding.role: np.array(answer, np.float32)}


def runs(source: NetworkSource, device: str) -> bool:
    """See `Backend.runs`: graphs in files, and those that a network's code builds."""
    return device == "cpu" and (source.graph is not None or _graph_builder(source) is not None)


def open_session(source: NetworkSource, device: str) -> OpenVINOSession:
    """See `Backend.open_session`."""
    import_openvino()  # before a graph's own imports, so that the converter stays out
    if source.graph is None:
        graph = _graph_builder(source)
        assert graph is not None
        network = core().compile_model(graph(), "CPU", PROPERTIES)
        return OpenVINOSession(source.name, network, Ports(None, None, None, source.ports.role))
    try:
        network = _compile(str(source.graph), source.cache)
    except RuntimeError as error:
        raise ModelError(
            "OpenVINO cannot read {graph} of the model {name}: {reason}.",
            graph=source.graph,
            name=source.name,
            reason=last_line(error),
        ) from error
    return OpenVINOSession(source.name, network, source.ports, partial(_compile_halves, source))


def _compile_halves(source: NetworkSource, hint: str) -> tuple[Any, Any]:
    """The two networks of `graph_split`."""
    assert source.graph is not None
    look, ask = split(core().read_model(str(source.graph)), hint)
    return _compile(look, source.cache), _compile(ask, source.cache)


def missing(source: NetworkSource, device: str) -> str:
    """See `Backend.missing`."""
    if source.graph is not None and source.graph.suffix != ".onnx":
        return Sentence("{name} needs OpenVINO; run `pip install openvino`.", name=source.name)
    return NO_ONNX_ENGINE


def _graph_builder(source: NetworkSource) -> Callable[[], Any] | None:
    if source.graph is not None or source.network is None:
        return None
    return source.network().descriptor.graph


def signature(path: Path) -> Signature:
    """See `engines.signature`."""
    front_end, title = ("ir", "OpenVINO") if path.suffix == ".xml" else ("onnx", "ONNX")
    try:
        graph = read_graph(path, front_end)
        settle_channels(graph)
    except Exception as error:  # the front end's exceptions share no base of their own
        raise ModelError(
            "{name} is not an {title} graph that can be run here.", name=path.name, title=title
        ) from error
    kernels = {
        constant.get_friendly_name(): int(np.prod(constant.get_output_shape(0)))
        for node in graph.get_ops()
        if node.get_type_name() in _KERNEL_AT
        for constant in [_constant(node, _KERNEL_AT[node.get_type_name()])]
        if constant is not None
    }
    return Signature(
        tuple(Port(_name(port), port_shape(port)) for port in graph.inputs),
        tuple(Port(_name(port), port_shape(port), _is_whole(port)) for port in graph.outputs),
        sum(kernels.values()),
    )


def settle_channels(graph: Any) -> None:
    """Settle where the channels of the only input are, and how many, if its shape leaves that open.

    Graphs of TensorFlow's may have no shape at all: what their kernels refuse, tells.
    """
    if len(graph.inputs) != 1:
        return
    shape = graph.inputs[0].partial_shape
    if (
        shape.rank.is_dynamic
        or len(shape) != 4
        or not (shape[1].is_dynamic and shape[3].is_dynamic)
    ):
        return
    for axis, channels in ((1, 3), (3, 3), (1, 1), (3, 1)):
        tried = graph.clone()
        probe = [1, *_PROBE_SIDES]
        probe.insert(axis, channels)
        try:
            tried.reshape(probe)
        except RuntimeError:
            continue
        shape[axis] = channels
        graph.reshape(shape)
        return


def _is_whole(port: Any) -> bool:
    return bool(np.issubdtype(port.get_element_type().to_dtype(), np.integer))


def read_graph(path: Path, front_end: str) -> Any:
    """An `openvino.Model`, by the front end named: guessing makes others complain on stderr."""
    import_openvino()
    from openvino.frontend import FrontEndManager

    reader = FrontEndManager().load_by_framework(front_end)
    return reader.convert(reader.load(str(path)))


def _constant(node: Any, position: int) -> Any | None:
    """The constant behind an operation's input, however it was packed; None: it is computed."""
    source = node.input_value(position).get_node()
    while source.get_type_name() in ("Convert", "Reshape", "Transpose"):
        source = source.input_value(0).get_node()
    return source if source.get_type_name() == "Constant" else None


def port_shape(port: Any) -> tuple[int | None, ...]:
    """Length of each axis of a port; None: any."""
    shape = port.partial_shape
    if shape.rank.is_dynamic:
        return ()
    return tuple(None if side.is_dynamic else side.get_length() for side in shape)


def _compile(graph: Any, cache: Path) -> Any:
    """A graph, or the one in a file, for this processor."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return core().compile_model(graph, "CPU", PROPERTIES | {"CACHE_DIR": str(cache)})
    except (OSError, RuntimeError):  # a cache that cannot be used must not stop anybody
        return core().compile_model(graph, "CPU", PROPERTIES)


def _name(port: Any, *wanted: object) -> str:
    """A port's name: of several, which compiling may add to, one that was asked for."""
    names = port.names
    return next((name for name in wanted if isinstance(name, str) and name in names),
                str(port.any_name) if names else "")  # fmt: skip
