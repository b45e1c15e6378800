"""Made networks: a model as Mattelier ships them, in miniature, and single convolutions.

The first is ONNX whose weights lie in a .safetensors file.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

CARD = """\
name = "{name}"
title = "A tiny network"
version = "1"
source = "made by the tests"
architecture = "tiny.TinyNet"

[licence]
weights = "{licence}"
commercial = "{commercial}"

[[training_data]]
set = "none"
licence = "none"

{files}
[input]
size = 64
resize = "fit"
tensor = "picture"
hint = "hint"

[output]
tensor = "alpha"
torch_activation = "sigmoid"

[quality]
ECSSD = {{ max_f = 0.5 }}
"""


def weights(gain: float = 1.0) -> dict[str, NDArray[np.float16]]:
    values = np.array([1, -2, 0.5, 3, -3], np.float16) * np.float16(gain)
    return {"mix.weight": values.reshape(1, 5, 1, 1), "mix.bias": np.array([0.25], np.float16)}


def expected(
    picture: NDArray[np.float32], hint: NDArray[np.float32], gain: float = 1.0
) -> NDArray[np.float32]:
    both = np.concatenate([picture, hint], 1)
    logits = (both * weights(gain)["mix.weight"].astype(np.float32)).sum(1, keepdims=True) + 0.25
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def inputs(height: int = 64, width: int = 96) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(1)
    return {
        "picture": random.random((1, 3, height, width), np.float32),
        "hint": random.random((1, 2, height, width), np.float32),
    }


def make_model(
    root: Path,
    name: str = "tiny",
    *,
    gain: float = 1.0,
    url: str | None = None,
    licence: str = "CC0-1.0",
    commercial: str = "yes",
) -> Path:
    """Write `root/name` with card and weights; with `url` (a base) the card has addresses."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    write_weights(folder, gain)
    files = ""
    for file in (folder / "tiny.onnx", folder / "tiny.safetensors"):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        files += f'[[files]]\npath = "{file.name}"\nsha256 = "{digest}"\n'
        files += f"bytes = {file.stat().st_size}\n"
        files += f'url = "{url}/{file.name}"\n\n' if url else "\n"
    text = CARD.format(name=name, files=files, licence=licence, commercial=commercial)
    (folder / "card.toml").write_text(text, "utf-8")
    return folder


def write_weights(folder: Path, gain: float = 1.0) -> None:
    import onnx
    from onnx import TensorProto, helper
    from safetensors.numpy import save_file

    tensors = weights(gain)
    file = folder / "tiny.safetensors"
    save_file(tensors, file)
    raw = file.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    initialisers, nodes = [], []
    for key, values in tensors.items():
        begin, end = header[key]["data_offsets"]
        half = onnx.TensorProto(name=f"{key}.half", data_type=TensorProto.FLOAT16)
        half.dims.extend(values.shape)
        half.data_location = TensorProto.EXTERNAL
        for name, value in (
            ("location", file.name),
            ("offset", start + begin),
            ("length", end - begin),
        ):
            half.external_data.add(key=name, value=str(value))
        initialisers.append(half)
        nodes.append(helper.make_node("Cast", [half.name], [key], to=TensorProto.FLOAT))
    nodes += [
        helper.make_node("Concat", ["picture", "hint"], ["both"], axis=1),
        helper.make_node("Conv", ["both", "mix.weight", "mix.bias"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["alpha"]),
    ]

    def port(name: str, channels: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"])

    graph = helper.make_graph(
        nodes, "tiny", [port("picture", 3), port("hint", 2)], [port("alpha", 1)], initialisers
    )
    # A long description, so that a download of it can break off half-way.
    model = helper.make_model(
        graph, doc_string="tiny " * 600, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    onnx.save(model, folder / "tiny.onnx")


LOOKING_CARD = """\
name = "{name}"
title = "One look"
version = "1"
source = "made by the tests"
training_data = []

[licence]
weights = "CC0-1.0"
commercial = "yes"

[[files]]
path = "network.onnx"
sha256 = "{sha256}"

[input]
size = {size}
resize = "{resize}"
mirror = true
{tensors}
[output]
activation = "sigmoid"
"""


def make_looking_model(
    root: Path,
    name: str,
    looks: NDArray[np.float32],
    bias: float,
    *,
    size: int = 64,
    resize: str = "fit",
) -> None:
    """Write `root/name`, one convolution: of 3 channels of the picture, of 5 with the hint."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    def port(port_name: str, channels: int) -> object:
        return helper.make_tensor_value_info(port_name, TensorProto.FLOAT, [1, channels, "h", "w"])

    hinted = looks.shape[1] == 5
    ports, nodes = [port("x", 3)], []
    if hinted:
        ports = [port("picture", 3), port("hint", 2)]
        nodes = [helper.make_node("Concat", ["picture", "hint"], ["x"], axis=1)]
    y, x = (side // 2 for side in looks.shape[2:])
    nodes.append(helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[y, x, y, x]))
    values = [("w", looks), ("b", np.array([bias], np.float32))]
    initialisers = [onnx.numpy_helper.from_array(value, key) for key, value in values]
    graph = helper.make_graph(nodes, name, ports, [port("y", 1)], initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder = root / name
    folder.mkdir(parents=True)
    onnx.save(model, folder / "network.onnx")
    card = LOOKING_CARD.format(
        name=name,
        sha256=hashlib.sha256((folder / "network.onnx").read_bytes()).hexdigest(),
        size=size,
        resize=resize,
        tensors='tensor = "picture"\nhint = "hint"\n' if hinted else "",
    )
    (folder / "card.toml").write_text(card, "utf-8")
