# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding nodes to the compositor: an operator for each type, and the Add menu's entry AI."""

from __future__ import annotations

import bpy

from ..node.groups import label_nodes, new_group
from ..node.node_type import NodeType
from ..registry import NODE_TYPES


class AddNode:
    """An operator that adds a node of its `node_type` to the compositor that is shown."""

    bl_options = {"REGISTER", "UNDO"}
    node_type: NodeType

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        space = context.space_data
        return (
            getattr(space, "tree_type", "") == "CompositorNodeTree"
            and getattr(space, "edit_tree", None) is not None
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        shown = context.space_data.edit_tree
        for node in shown.nodes:
            node.select = False
        node = shown.nodes.new("CompositorNodeGroup")
        node.node_tree = new_group(self.node_type)
        label_nodes(node.node_tree)
        node.width = 180
        node.location = context.space_data.cursor_location
        shown.nodes.active = node
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        space = context.space_data
        space.cursor_location_from_region(event.mouse_region_x, event.mouse_region_y)
        result = self.execute(context)
        # It follows the pointer until a click, as every node does that is added.
        bpy.ops.node.translate_attach_remove_on_cancel("INVOKE_DEFAULT")
        return result


def _add_operator(node_type: NodeType) -> type[bpy.types.Operator]:
    attributes = {
        "bl_idname": f"mattelier.add_{node_type.name}",
        "bl_label": node_type.label,
        "bl_description": node_type.description,
        "node_type": node_type,
    }
    return type(f"Add{node_type.label}", (AddNode, bpy.types.Operator), attributes)


ADD_OPERATORS = tuple(_add_operator(node_type) for node_type in NODE_TYPES.values())


class AddMenu(bpy.types.Menu):
    bl_idname = "NODE_MT_mattelier_add"
    bl_label = "AI"

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.operator_context = "INVOKE_REGION_WIN"
        for operator in ADD_OPERATORS:
            self.layout.operator(operator.bl_idname, icon=operator.node_type.icon)


def _draw_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if getattr(context.space_data, "tree_type", "") == "CompositorNodeTree":
        menu.layout.menu(AddMenu.bl_idname)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (*ADD_OPERATORS, AddMenu)
)


def register() -> None:
    _register_classes()
    bpy.types.NODE_MT_add.append(_draw_menu)


def unregister() -> None:
    bpy.types.NODE_MT_add.remove(_draw_menu)
    _unregister_classes()
