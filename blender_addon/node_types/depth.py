# SPDX-License-Identifier: GPL-3.0-or-later
"""The Depth node: a plate in, how near everything in it is out, steady over the shot."""

from __future__ import annotations

import bpy

from ..node.group_builder import GroupBuilder
from ..node.node_type import PictureNodeType
from ..node.panels import SubPanel, draw_sentence
from ..node.request_field import RequestField
from ..node.settings import ResultSettings

NAME = "depth"


class Network(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_depth_network"
    bl_label = "Network"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        column = layout.column()
        column.prop(group.mattelier, "model")
        draw_sentence(column, "0 is the farthest in the shot, 1 the nearest.", "INFO")


class Depth(PictureNodeType):
    """One output: 1 the nearest that there is in the shot, 0 the farthest."""

    name = NAME
    label = "Depth"
    icon = "MOD_OPACITY"
    description = "Add a node that finds how near everything in a plate is, by a depth network"
    noun = "depth map"
    model_task = "depth"
    depth_pass = NAME
    sockets = (("Depth", "NodeSocketFloat"),)
    fields = (RequestField("model", "model", lambda name: "auto" if name == "default" else name),)
    classes = (Network,)

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        return (builder.baked(item, self.name, row, data=True).outputs[0],)
