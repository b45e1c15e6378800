# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels in the sidebar of the compositor: what those of all nodes share."""

from __future__ import annotations

import bpy

from .groups import is_ours

NODE_PANEL = "NODE_PT_mattelier_node"
"""The panel that all others lie below."""
_SIDEBAR_CHARACTERS = 34


class NodePanel:
    """A panel of the active node, where that is one of ours."""

    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Node"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        node = context.active_node
        return node is not None and is_ours(getattr(node, "node_tree", None))

    def begin(self, context: bpy.types.Context) -> tuple[bpy.types.NodeTree, bpy.types.UILayout]:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        return context.active_node.node_tree, layout


class SubPanel(NodePanel):
    """A panel below that of the node.

    Attributes
    ----------
    node_type : str
        The only type that has it; "" for all.
    of_bakes : bool
        Whether there is nothing to do in it before the first bake.
    """

    bl_parent_id = NODE_PANEL
    node_type = ""
    of_bakes = False

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and (
            cls.node_type in ("", context.active_node.node_tree.mattelier.kind)
        )

    def begin(self, context: bpy.types.Context) -> tuple[bpy.types.NodeTree, bpy.types.UILayout]:
        group, layout = super().begin(context)
        if self.of_bakes:
            layout.enabled = any(item.stored_folder for item in group.mattelier.objects)
        return group, layout


def draw_sentence(layout: bpy.types.UILayout, sentence: str, icon: str) -> None:
    """A sentence in lines that fit the sidebar, as Blender's panels do not wrap text."""
    line = ""
    for word in sentence.split():
        if len(line) + len(word) > _SIDEBAR_CHARACTERS:
            layout.label(text=line, icon=icon)
            line, icon = "", "BLANK1"
        line = f"{line} {word}".strip()
    layout.label(text=line, icon=icon)
