# SPDX-License-Identifier: GPL-3.0-or-later
"""All types of nodes, in the order of the Add menu; another one joins with its line here."""

from __future__ import annotations

from .node.node_type import NodeType
from .node_types.bokeh.node import Bokeh
from .node_types.depth import Depth
from .node_types.keyer import Keyer
from .node_types.match import Match
from .node_types.rotoscope.node import Rotoscope
from .node_types.upscale import Upscale

NODE_TYPES: dict[str, NodeType] = {
    node_type.name: node_type
    for node_type in (
        Rotoscope(),
        Keyer(),
        Upscale(),
        Bokeh(),
        Depth(),
        Match(),
    )
}  # fmt: skip
