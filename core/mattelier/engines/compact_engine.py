"""Real-ESRGAN's compact networks: a graph built from their weights, or torch on a GPU."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.openvino_engine import core, import_openvino
from mattelier.engines.ports import one_line, short_of_memory
from mattelier.engines.torch_engine import enlarge
from mattelier.networks.compact.weights import Compact, to_state
from mattelier.types.errors import EngineError, OutOfMemory

# Beyond this many pixels around it a pixel's value changes by less than 1/255; the layers reach
# as far as there are convolutions. Measured on general-x4v3 and its WDN partner: 0.4/255 at 24
# pixels, 0.006/255 at 30.
_REACH = 30


class CompactOnCPU:
    """A compact network on OpenVINO; see `engines.enlarger.Enlarger`."""

    name = "openvino"
    device = "cpu"
    multiple = 1

    def __init__(self, model: str, network: Compact, note: str = "") -> None:
        self.model, self.note, self.scale = model, note, network.scale
        self.margin = min(len(network.weights), _REACH)
        settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        compiled = core().compile_model(_graph(network), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()  # a request holds one picture at a time

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Enlarger.run`."""
        with self._lock:
            try:
                self._request.infer([np.ascontiguousarray(picture)], share_inputs=True)
            except (RuntimeError, MemoryError) as error:
                kind = OutOfMemory if short_of_memory(error) else EngineError
                raise kind(f"OpenVINO could not run {self.model}: {one_line(error)}.") from error
            return np.array(self._request.get_output_tensor(0).data, np.float32)


class CompactOnGPU:
    """A compact network on a torch device; see `engines.enlarger.Enlarger`."""

    name = "torch"
    multiple = 1

    def __init__(self, model: str, network: Compact, device: str) -> None:
        try:
            import torch

            from mattelier.networks.compact.network import CompactNet
        except ImportError:
            raise EngineError(
                f"{device} needs PyTorch, which is missing; run `pip install torch`."
            ) from None
        self.model, self.device, self.note, self.scale = model, device, "", network.scale
        self.margin = min(len(network.weights), _REACH)
        self._lock = threading.Lock()
        module = CompactNet(len(network.slopes[0]), len(network.weights), network.scale)
        module.load_state_dict({k: torch.from_numpy(v) for k, v in to_state(network).items()})
        try:
            self._network = module.eval().to(device)
            self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        except (RuntimeError, AssertionError) as error:  # the latter: a torch without CUDA
            raise EngineError(f"PyTorch cannot use {device} here: {one_line(error)}.") from error

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Enlarger.run`."""
        return enlarge(self._network, picture, self.device, self._lock, self.model)


def _graph(network: Compact) -> Any:
    openvino = import_openvino()
    from openvino import opset13 as op

    picture = op.parameter([1, 3, -1, -1], np.float32, name="picture")
    y, ones = picture, [1, 1]
    slopes = (*network.slopes, None)
    for weights, biases, slope in zip(network.weights, network.biases, slopes, strict=True):
        y = op.convolution(y, op.constant(weights), ones, ones, ones, ones)
        y = op.add(y, op.constant(biases.reshape(1, -1, 1, 1)))
        if slope is not None:
            y = op.prelu(y, op.constant(slope))
    scale = np.float32(network.scale)
    repeated = op.interpolate(
        picture,
        np.array([scale, scale]),
        "nearest",
        "scales",
        axes=np.array([2, 3]),
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )
    result = op.add(op.depth_to_space(y, "depth_first", network.scale), repeated)
    return openvino.Model([result], [picture], "compact")
