"""What runs a graph or a module: OpenVINO, ONNX Runtime, torch. They know no task and no card."""
