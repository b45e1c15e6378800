"""Write a trained network as a model folder: weights once, readable by torch and by ONNX engines.

`<name>.safetensors` holds the weights in half precision. `<name>.onnx` holds the graph alone:
its initialisers are external data, byte ranges of that same safetensors file, widened to
float32 as the graph loads. Both engines thus run the very same weights.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mattelier.networks.cutout import input_multiple
from mattelier.networks.cutout.detail import DetailCutoutNet
from mattelier.networks.cutout.network import CutoutNet

_MAX_SIDE_PX = 4096  # of a graph's input


@dataclass(frozen=True)
class GraphPorts:
    """What goes into a network's graph and what comes out.

    Attributes
    ----------
    inputs : "picture", and "hint" where the network takes one → (channels, height, width)
        Of the example that the graph is traced with; all share height and width, which stay free.
    output : name of the output
    multiple : of what height and width are whole multiples
    activation : what the graph adds to the network, such as the sigmoid of logits
    unused : pattern of weights that the graph may leave out
    """

    inputs: Mapping[str, tuple[int, int, int]]
    output: str
    multiple: int
    activation: Callable[[Tensor], Tensor] | None = None
    unused: str | None = None


EMBEDDING_GRAPH = GraphPorts({"picture": (3, 128, 192)}, "features", 32)


class _Graph(nn.Module):
    """What is traced; names of its inputs and its attribute are those of the graph."""

    def __init__(self, network: nn.Module, activation: Callable[[Tensor], Tensor] | None) -> None:
        super().__init__()
        self.network, self.activation = network, activation

    def forward(self, picture: Tensor, hint: Tensor | None = None) -> Tensor:
        result: Tensor = self.network(picture) if hint is None else self.network(picture, hint)
        return result if self.activation is None else self.activation(result)


def cutout_graph(network: CutoutNet) -> GraphPorts:
    """Of a cut-out network: all weights but the side outputs', which only training uses."""
    ports = {"picture": (3, 128, 192), "hint": (2, 128, 192)}
    multiple = input_multiple(isinstance(network, DetailCutoutNet))
    return GraphPorts(ports, "alpha", multiple, torch.sigmoid, unused=r"out\.[1-9]")


def export_graph(network: nn.Module, ports: GraphPorts | None, folder: Path, name: str) -> None:
    """Write `<name>.safetensors` and `<name>.onnx` into `folder` (which is made).

    Without `ports` there is no graph: the weights alone say what the network is.
    """
    weights = save_weights(network, folder, name)
    if ports is not None:
        _write_graph(network, ports, weights)


def save_weights(
    network: nn.Module, folder: Path, name: str, *, without: str | None = None
) -> Path:
    """Write `<name>.safetensors` in half precision; the network then holds the same values.

    Tensors whose names begin with `without` are left out: the network can be loaded without them.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{name}.safetensors"
    state = {
        key: value.half().contiguous()
        for key, value in network.state_dict().items()
        if without is None or not key.startswith(without)
    }
    part = weights.with_suffix(".part")
    save_file(state, part)
    part.chmod(0o644)  # safetensors makes it the owner's alone
    os.replace(part, weights)
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return weights


def file_entry(path: Path) -> dict[str, Any]:
    """A card's `[[files]]` table for a file."""
    content = path.read_bytes()
    return {
        "path": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _write_graph(network: nn.Module, ports: GraphPorts, weights: Path) -> None:
    """Write a network's graph beside its weights, which `save_weights` wrote."""
    import onnx
    from onnx import TensorProto, helper

    height = torch.export.Dim("h", min=1, max=_MAX_SIDE_PX // ports.multiple)
    width = torch.export.Dim("w", min=1, max=_MAX_SIDE_PX // ports.multiple)
    sides = {2: ports.multiple * height, 3: ports.multiple * width}
    program = torch.onnx.export(
        _Graph(network, ports.activation).eval(),
        tuple(torch.zeros(1, *shape) for shape in ports.inputs.values()),
        dynamo=True,
        input_names=list(ports.inputs),
        output_names=[ports.output],
        dynamic_shapes=dict.fromkeys(ports.inputs, sides),
        opset_version=18,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    ranges = _byte_ranges(weights)
    graph = model.graph
    nodes, initialisers, used = [], [], set()
    for tensor in graph.initializer:
        key = tensor.name.removeprefix("network.")
        if key not in ranges:
            initialisers.append(tensor)
            continue
        used.add(key)
        start, length = ranges[key]
        half = TensorProto(name=f"{tensor.name}.half", data_type=TensorProto.FLOAT16)
        half.dims.extend(tensor.dims)
        half.data_location = TensorProto.EXTERNAL
        for field, value in (("location", weights.name), ("offset", start), ("length", length)):
            half.external_data.add(key=field, value=str(value))
        initialisers.append(half)
        nodes.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    # Of weights that are alike, as a fresh layer's may be, the graph keeps one.
    content = weights.read_bytes()
    stored = {content[start : start + length] for start, length in (ranges[key] for key in used)}
    for key in ranges.keys() - used:
        start, length = ranges[key]
        if content[start : start + length] not in stored and not (
            ports.unused and re.match(ports.unused, key)
        ):
            raise RuntimeError("The graph does not use the weights it was made from.")
    nodes.extend(graph.node)
    for field, items in (("initializer", initialisers), ("node", nodes)):
        graph.ClearField(field)
        getattr(graph, field).extend(items)
    graph.ClearField("value_info")
    for node in graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    path = weights.with_suffix(".onnx")
    part = path.with_suffix(".part")
    onnx.save(model, part, format="protobuf")
    os.replace(part, path)


def _byte_ranges(weights: Path) -> dict[str, tuple[int, int]]:
    """Offset and length in the file of each tensor of a safetensors file."""
    with weights.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    base = 8 + size
    return {
        key: (base + entry["data_offsets"][0], entry["data_offsets"][1] - entry["data_offsets"][0])
        for key, entry in header.items()
    }
