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
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mattelier.networks.cutout.network import CutoutNet


class _Alpha(nn.Module):
    """What the graph computes: alpha instead of logits."""

    def __init__(self, network: CutoutNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        return torch.sigmoid(self.network(picture, hint))


def export(network: CutoutNet, folder: Path, name: str) -> None:
    """Write `<name>.safetensors` and `<name>.onnx` into `folder` (which is made)."""
    weights = save_weights(network, folder, name)
    picture, hint = torch.zeros(1, 3, 128, 192), torch.zeros(1, 2, 128, 192)
    graph = {"picture": picture, "hint": hint}
    # All weights but the side outputs', which only training uses.
    write_graph(_Alpha(network), graph, "alpha", 32, weights, unused=r"out\.[1-9]")


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


def write_graph(
    module: nn.Module,
    inputs: dict[str, Tensor],
    output: str,
    multiple: int,
    weights: Path,
    *,
    unused: str | None = None,
) -> None:
    """Write the graph of `module.network` beside its weights, for inputs of any size.

    Parameters
    ----------
    module : wraps the network as its attribute `network`
    inputs : the graph's inputs by name, with examples (1, channels, H, W) that share H and W
    output : name of the graph's output
    multiple : of what H and W are whole multiples
    weights : what `save_weights` wrote for the network
    unused : pattern of weights that the graph may leave out
    """
    import onnx
    from onnx import TensorProto, helper

    height = torch.export.Dim("h", min=1, max=4096 // multiple)
    width = torch.export.Dim("w", min=1, max=4096 // multiple)
    sides = {2: multiple * height, 3: multiple * width}
    program = torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        dynamo=True,
        input_names=list(inputs),
        output_names=[output],
        dynamic_shapes=dict.fromkeys(inputs, sides),
        opset_version=18,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    places = _places(weights)
    graph = model.graph
    nodes, kept, used = [], [], set()
    for tensor in graph.initializer:
        key = tensor.name.removeprefix("network.")
        if key not in places:
            kept.append(tensor)
            continue
        used.add(key)
        start, length = places[key]
        half = TensorProto(name=f"{tensor.name}.half", data_type=TensorProto.FLOAT16)
        half.dims.extend(tensor.dims)
        half.data_location = TensorProto.EXTERNAL
        for field, value in (("location", weights.name), ("offset", start), ("length", length)):
            half.external_data.add(key=field, value=str(value))
        kept.append(half)
        nodes.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
    # Of weights that are alike, as a fresh layer's may be, the graph keeps one.
    content = weights.read_bytes()
    seen = {content[start : start + length] for start, length in (places[key] for key in used)}
    for key in places.keys() - used:
        start, length = places[key]
        if content[start : start + length] not in seen and not (unused and re.match(unused, key)):
            raise RuntimeError("The graph does not use the weights it was made from.")
    nodes.extend(graph.node)
    for field, items in (("initializer", kept), ("node", nodes)):
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


def _places(weights: Path) -> dict[str, tuple[int, int]]:
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
