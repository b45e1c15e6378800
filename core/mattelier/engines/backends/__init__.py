"""What runs a graph or a module, a module each: OpenVINO, ONNX Runtime, torch, and torch quickened.

They know no task and no card. Each has `PACKAGE`, the package it needs, and the functions of
`engines.backend.Backend`; the first in these lists that runs a network on a device gets it.
"""

ON_CPU = ("openvino", "onnxruntime", "quicken", "torch")
ON_GPU = ("torch", "onnxruntime")
