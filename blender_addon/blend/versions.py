# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the versions of Blender: compositor trees, node options, property flags."""

from __future__ import annotations

import math

import bpy

_SIGMAS_OF_BLUR = 3  # standard deviations in the size of a Gaussian blur

_GROUPS = bpy.app.version >= (5, 0, 0)  # the compositor's tree is a datablock of its own
_MENU_NAMES = {
    "APPLY": "Apply Mask",
    "REPLACE_ALPHA": "Replace Alpha",
    "PREMUL_TO_STRAIGHT": "To Straight",
    "STEP": "Steps",
    "DISTANCE": "Distance",
    "FIXED": "Fixed",
}

MIX_NODE = "ShaderNodeMixRGB" if _GROUPS else "CompositorNodeMixRGB"
"""Its inputs are a factor and two values, colours or floats."""
MATH_NODE = "ShaderNodeMath" if _GROUPS else "CompositorNodeMath"

# Until 4.4 a picture whose file is missing has no size, and shows as opaque black whatever follows.
NEEDS_CANVAS = bpy.app.version < (4, 5, 0)

# Lets a path begin with // ; older versions allow that of all paths.
BLEND_RELATIVE = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


def compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    """A scene's compositor tree, or None when it has none."""
    if _GROUPS:
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def new_compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """An empty compositor tree for a scene."""
    if _GROUPS:
        tree = bpy.data.node_groups.new(scene.name, "CompositorNodeTree")
        scene.compositing_node_group = tree
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
    return tree


def output_socket(tree: bpy.types.NodeTree) -> bpy.types.NodeSocket:
    """The socket whose picture a render of the tree gives; made where it is missing."""
    idname = "NodeGroupOutput" if _GROUPS else "CompositorNodeComposite"
    if _GROUPS and not any(
        item.item_type == "SOCKET" and item.in_out == "OUTPUT" for item in tree.interface.items_tree
    ):
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    node = next((node for node in tree.nodes if node.bl_idname == idname), None)
    return (node or tree.nodes.new(idname)).inputs[0]


def set_option(node: bpy.types.Node, name: str, socket: str, value: str) -> None:
    """Set what was a node's property before 5.0 and is a menu socket since."""
    if hasattr(node, name):
        setattr(node, name, value)
    else:
        node.inputs[socket].default_value = _MENU_NAMES[value]


def set_dilation(node: bpy.types.Node, shape: str, pixels: int) -> None:
    """Let a Dilate/Erode node grow what is bright; shrink it where negative.

    Parameters
    ----------
    shape : "STEP" or "DISTANCE"
        A square or a disc.
    """
    set_option(node, "mode", "Type", shape)
    if "Size" in node.inputs:
        node.inputs["Size"].default_value = pixels
    else:
        node.distance = pixels


def set_blur(node: bpy.types.Node, sigma: float) -> None:
    """Let a Blur node blur by a Gaussian; it has this type by default."""
    radius = _SIGMAS_OF_BLUR * sigma
    size = node.inputs["Size"]
    if hasattr(size.default_value, "__len__"):
        size.default_value = (radius, radius)
    else:  # whole pixels, and a factor
        node.size_x = node.size_y = math.ceil(radius)
        size.default_value = radius / math.ceil(radius)


def set_mask_size(node: bpy.types.Node, size: tuple[int, int]) -> None:
    """Let a Mask node draw its mask in so many pixels, whatever size the scene has."""
    set_option(node, "size_source", "Size Source", "FIXED")
    for name, socket, pixels in zip(("size_x", "size_y"), ("Size X", "Size Y"), size, strict=True):
        if hasattr(node, name):
            setattr(node, name, max(pixels, 1))
        else:
            node.inputs[socket].default_value = max(pixels, 1)
