"""A compact network as a graph of OpenVINO; see `networks.compact.weights`."""

from __future__ import annotations

from typing import Any

import numpy as np

from mattelier.networks.compact.weights import Compact


def compact_graph(network: Compact) -> Any:
    """An `openvino.Model`: picture (1, 3, H, W) RGB 0…1 → (1, 3, scale·H, scale·W), not clipped."""
    import openvino
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
