# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes inside a group: made where they are missing, and removed where they are left over.

They are Blender's own, so that a file renders where this add-on is not installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..footage.bake_files import NO_FILE, pass_files
from ..footage.plate import Plate
from ..ground.versions import NEEDS_CANVAS, set_option

if TYPE_CHECKING:
    from .settings import ResultSettings

_DATA = "Non-Color"
_LINEAR = "Linear Rec.709"
_CANVAS = "Canvas"


class GroupBuilder:
    """The nodes of a group while it is built; those that nobody asked for are removed.

    Parameters
    ----------
    plate : Plate or None
        None where it cannot be found.
    folders : mapping
        Folders that results are to show from now on, by their uid; "" for none.
    """

    def __init__(
        self, group: bpy.types.NodeTree, plate: Plate | None, folders: Mapping[str, str]
    ) -> None:
        self.group = group
        self.plate = plate
        self._folders = folders
        self._used: set[str] = set()

    def node(self, idname: str, name: str, column: int = 0, row: int = 0) -> bpy.types.Node:
        """The node of that name."""
        self._used.add(name)
        node = self.group.nodes.get(name)
        if node is None:
            node = self.group.nodes.new(idname)
            node.name = name
            node.location = (260 * column, -340 * row)
        return node

    def link(self, start: bpy.types.NodeSocket, end: bpy.types.NodeSocket) -> None:
        if not any(link.from_socket == start for link in end.links):
            self.group.links.new(start, end)

    def remove_unused(self) -> None:
        """Remove all nodes that were not asked for."""
        for node in [node for node in self.group.nodes if node.name not in self._used]:
            self.group.nodes.remove(node)

    def set_frames(self, node: bpy.types.Node, start: int) -> None:
        """A node's frames; its file's number is the scene frame − start + 1 + offset."""
        plate = self.plate
        node.frame_start = start
        if plate is not None:
            node.frame_duration = plate.last - plate.first + 1
            node.frame_offset = plate.first - 1
            node.use_cyclic = plate.still

    def baked(
        self, item: ResultSettings, pass_name: str, row: int, *, data: bool = False
    ) -> bpy.types.Node:
        """The node that shows one pass of what was baked; `data` are no colours."""
        node = self.node("CompositorNodeImage", item.image_node(pass_name), 0, row)
        image = node.image
        if image is None or _shown_elsewhere(image, node):
            image = image.copy() if image else _empty_image(pass_name)
            image.source = "SEQUENCE"
            node.image = image
        image.name = f".{item.name} {pass_name}"
        plate = self.plate
        folder = self._folders.get(item.uid, item.stored_folder)
        if not folder:
            path = NO_FILE
        elif plate is None:
            path = image.filepath
        else:
            path = str(pass_files(Path(folder), plate, pass_name).file(plate.first))
        path = path.replace("\\", "/") if path.startswith("//") else path
        if image.filepath != path:
            image.filepath = path
        space = plate.space if plate and plate.is_scene_linear else _LINEAR
        space = _DATA if data else space
        if image.colorspace_settings.name != space:
            image.colorspace_settings.name = space
        node.use_auto_refresh = True
        self.set_frames(node, plate.start if plate else self.group.mattelier.frame_start)
        return node

    def with_size(
        self, item: ResultSettings, colour: bpy.types.NodeSocket, size: tuple[int, ...], row: int
    ) -> bpy.types.NodeSocket:
        """A picture with a size where its file is missing, too; the alpha of that is 1.

        Parameters
        ----------
        size : (int, int)
            Of its files.
        """
        if not NEEDS_CANVAS:
            return colour
        canvas = self.node("CompositorNodeImage", _CANVAS, 0, 1)
        if canvas.image is None or _shown_elsewhere(canvas.image, canvas):
            canvas.image = bpy.data.images.new(f".{_CANVAS}", 32, 32)
        if all(size):
            image = canvas.image
            image.generated_width, image.generated_height = size
        # A mix of which the second colour only shows, in the size of the first.
        mix = self.node("CompositorNodeMixRGB", f"Sized {item.uid}", 1, row)
        mix.inputs[0].default_value = 1
        self.link(canvas.outputs[0], mix.inputs[1])
        self.link(colour, mix.inputs[2])
        return mix.outputs[0]

    def picture(
        self, item: ResultSettings, pass_name: str, size: tuple[int, ...], row: int
    ) -> bpy.types.NodeSocket:
        """A baked picture with its own alpha; empty where its file is missing."""
        node = self.baked(item, pass_name, row)
        if not NEEDS_CANVAS:
            return node.outputs[0]
        with_alpha = self.node("CompositorNodeSetAlpha", f"Alpha {item.uid}", 2, row)
        set_option(with_alpha, "mode", "Type", "REPLACE_ALPHA")
        self.link(self.with_size(item, node.outputs[0], size, row), with_alpha.inputs[0])
        self.link(node.outputs["Alpha"], with_alpha.inputs[1])
        return with_alpha.outputs[0]


def _empty_image(name: str) -> bpy.types.Image:
    image = bpy.data.images.new(name, 1, 1, float_buffer=True)
    image.alpha_mode = "PREMUL"  # as EXR files are
    return image


def _shown_elsewhere(image: bpy.types.Image, node: bpy.types.Node) -> bool:
    """Whether a copied group still shares the picture with the group that it was copied from."""
    return any(
        other.bl_idname == "CompositorNodeImage" and other.image == image and other != node
        for group in bpy.data.node_groups
        if group.bl_idname == "CompositorNodeTree" and group.mattelier.kind
        for other in group.nodes
    )
