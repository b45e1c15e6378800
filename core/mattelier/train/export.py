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

from mattelier.networks.cutout import CutoutNet


class _Alpha(nn.Module):
    """What the graph computes: alpha instead of logits."""

    def __init__(self, network: CutoutNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        return torch.sigmoid(self.network(picture, hint))


def export(network: CutoutNet, folder: Path, name: str) -> None:
    """Write `<name>.safetensors` and `<name>.onnx` into `folder` (which is made)."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{name}.safetensors"
    state = {key: value.half().contiguous() for key, value in network.state_dict().items()}
    part = weights.with_suffix(".part")
    save_file(state, part)
    part.chmod(0o644)  # safetensors makes it the owner's alone
    os.replace(part, weights)
    network.load_state_dict({key: value.float() for key, value in state.items()})
    _write_graph(network.eval(), weights, folder / f"{name}.onnx")


def file_entry(path: Path) -> dict[str, Any]:
    """A card's `[[files]]` table for a file."""
    content = path.read_bytes()
    return {
        "path": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def _write_graph(network: CutoutNet, weights: Path, path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    height = torch.export.Dim("h", min=1, max=128)
    width = torch.export.Dim("w", min=1, max=128)
    sides = {2: 32 * height, 3: 32 * width}
    program = torch.onnx.export(
        _Alpha(network).eval(),
        (torch.zeros(1, 3, 128, 192), torch.zeros(1, 2, 128, 192)),
        dynamo=True,
        input_names=["picture", "hint"],
        output_names=["alpha"],
        dynamic_shapes={"picture": sides, "hint": sides},
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
    # All but the side outputs, which only training uses.
    if {key for key in places if not re.match(r"out\.[1-9]", key)} != used:
        raise RuntimeError("The graph does not use the weights it was made from.")
    nodes.extend(graph.node)
    for field, items in (("initializer", kept), ("node", nodes)):
        graph.ClearField(field)
        getattr(graph, field).extend(items)
    graph.ClearField("value_info")
    for node in graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
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
