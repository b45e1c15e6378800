"""A made depth network: what is bright is near, and how near hangs on the whole picture.

So it answers as published ones do, with a factor and an offset that differ from frame to frame.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "bright-is-near"
CARD = """\
name = "bright-is-near"
title = "Brightness for nearness"
task = "depth"
version = "1"
source = "made by the tests"

[licence]
weights = "CC0-1.0"
commercial = "yes"

[[training_data]]
set = "none"
licence = "none"

[[files]]
path = "near.onnx"
sha256 = "{sha256}"
bytes = {bytes}

[input]
size = 96
resize = "fit"
measure = "long"
multiple = 8
tensor = "picture"

[output]
tensor = "depth"

[quality]
"""


def make_depth_model(root: Path) -> Path:
    """Write `root/bright-is-near`: brightness · (1 + 2 · mean) + mean, of the whole picture."""
    import onnx
    from onnx import TensorProto, helper

    folder = root / NAME
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {"one": 1.0, "two": 2.0}
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [1], [value]) for name, value in numbers.items()
    ]
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["bright"], axes=[1], keepdims=1),
        helper.make_node("ReduceMean", ["bright"], ["mean"], axes=[2, 3], keepdims=1),
        helper.make_node("Mul", ["mean", "two"], ["twice"]),
        helper.make_node("Add", ["twice", "one"], ["factor"]),
        helper.make_node("Mul", ["bright", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "mean"], ["depth"]),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"])
        for name, channels in (("picture", 3), ("depth", 1))
    ]
    graph = helper.make_graph(nodes, "near", ports[:1], ports[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    file = folder / "near.onnx"
    onnx.save(model, file)
    raw = file.read_bytes()
    text = CARD.format(sha256=hashlib.sha256(raw).hexdigest(), bytes=len(raw))
    (folder / "card.toml").write_text(text, "utf-8")
    return folder
