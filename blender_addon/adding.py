# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding: our nodes to the compositor, files to a node, subjects to a Rotoscope node."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from . import kinds, tree
from .of_group import OfGroup
from .plate import Sequence
from .versions import BLEND_RELATIVE


class _AddNode:
    """An operator that adds a node to the compositor that is shown; its name tells the kind."""

    bl_options = {"REGISTER", "UNDO"}

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
        node.node_tree = tree.new(self.kind)
        node.label = kinds.ALL[self.kind].label
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


class AddRotoscope(_AddNode, bpy.types.Operator):
    """Add a node that cuts a subject out of a plate, over time"""

    bl_idname = "mattelier.add_rotoscope"
    bl_label = "Rotoscope"
    kind = "rotoscope"


class AddUpscale(_AddNode, bpy.types.Operator):
    """Add a node that enlarges a plate, with the detail that belongs there"""

    bl_idname = "mattelier.add_upscale"
    bl_label = "Upscale"
    kind = "upscale"


class AddBokeh(_AddNode, bpy.types.Operator):
    """Add a node that blurs a plate by its depth, as a wide lens does"""

    bl_idname = "mattelier.add_bokeh"
    bl_label = "Bokeh"
    kind = "bokeh"


class _OpenFiles:
    """An operator that opens what a file belongs to, for the node that is shown."""

    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"} | BLEND_RELATIVE)
    filter_image: BoolProperty(default=True, options={"HIDDEN"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return tree.is_ours(getattr(context.active_node, "node_tree", None))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.active_node.node_tree.mattelier
        try:
            self.open(settings, tree.relative(Path(bpy.path.abspath(self.filepath))))
        except RuntimeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class OpenPlate(_OpenFiles, bpy.types.Operator):
    """Open a movie, or the image sequence that a file belongs to"""

    bl_idname = "mattelier.open_plate"
    bl_label = "Open Plate"

    def open(self, settings: bpy.types.PropertyGroup, path: str) -> None:
        if settings.source == "CLIP":
            settings.clip = bpy.data.movieclips.load(path)
        else:
            settings.image = _image(path)


class OpenDepth(_OpenFiles, bpy.types.Operator):
    """Open the image sequence of a depth pass by one of its files"""

    bl_idname = "mattelier.open_depth"
    bl_label = "Open Depth Pass"

    def open(self, settings: bpy.types.PropertyGroup, path: str) -> None:
        image = _image(path)
        image.colorspace_settings.name = "Non-Color"
        settings.depth = image


def _image(path: str) -> bpy.types.Image:
    """A movie, or the image sequence that a file belongs to."""
    image = bpy.data.images.load(path)
    files = Sequence.of(Path(bpy.path.abspath(image.filepath)))
    if image.source == "FILE" and files and len(files.there()) > 1:
        image.source = "SEQUENCE"
    return image


class AddObject(OfGroup, bpy.types.Operator):
    """Matte one more subject of this plate; it has sockets of its own"""

    bl_idname = "mattelier.add_object"
    bl_label = "Add Subject"
    bl_options = {"REGISTER", "UNDO"}

    def act(self, context: bpy.types.Context) -> set[str]:
        tree.add_object(self.named())
        return {"FINISHED"}


class RemoveObject(OfGroup, bpy.types.Operator):
    """Remove this subject and its sockets; its mattes stay in the cache"""

    bl_idname = "mattelier.remove_object"
    bl_label = "Remove Subject"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def act(self, context: bpy.types.Context) -> set[str]:
        group = self.named()
        if len(group.mattelier.objects) > 1:
            tree.remove_object(group, self.index)
        return {"FINISHED"}


ADD = (AddRotoscope, AddUpscale, AddBokeh)
CLASSES = (*ADD, OpenPlate, OpenDepth, AddObject, RemoveObject)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
