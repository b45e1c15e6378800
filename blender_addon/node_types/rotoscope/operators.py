# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist does with the subjects of a Rotoscope node: draw their masks, add, remove."""

from __future__ import annotations

import bpy

from ...data.failure import Failure
from ...node.group_operator import GroupOperator, ResultOperator
from ...node.groups import add_result, remove_result
from ...node.settings import PLATE, NodeSettings, ResultSettings
from .settings import colour_of


class AddSubject(GroupOperator, bpy.types.Operator):
    """Matte one more subject of this plate; it has sockets of its own"""

    bl_idname = "mattelier.add_object"
    bl_label = "Add Subject"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, context: bpy.types.Context) -> set[str]:
        group = self.find_group()
        add_result(group)
        number = len(group.mattelier.objects) - 1
        group.mattelier.objects[number].colour = colour_of(number)
        return {"FINISHED"}


class RemoveSubject(ResultOperator, bpy.types.Operator):
    """Remove this subject and its sockets; its mattes stay in the cache"""

    bl_idname = "mattelier.remove_object"
    bl_label = "Remove Subject"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, context: bpy.types.Context) -> set[str]:
        group = self.find_group()
        if len(group.mattelier.objects) > 1:
            remove_result(group, self.index)
        return {"FINISHED"}


class DrawMask(ResultOperator, bpy.types.Operator):
    """Draw this subject's mask over the plate, in Blender's mask editor (I keys its shape)"""

    bl_idname = "mattelier.draw_mask"
    bl_label = "Draw Mask"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, context: bpy.types.Context) -> set[str]:
        group = self.find_group()
        settings = group.mattelier
        item = settings.objects[self.index]
        settings.find_plate()
        item.guide = "MASK"
        if item.mask is None:
            item.mask = bpy.data.masks.new(f"{group.name} {item.name}")
        if not bpy.app.background:
            _show_mask(_mask_editor(settings), settings, item)
        return {"FINISHED"}


def _mask_editor(settings: NodeSettings) -> bpy.types.Area:
    """An editor that draws masks: one that is open already, else one in a new window."""
    editor = "CLIP_EDITOR" if settings.source == "CLIP" else "IMAGE_EDITOR"
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == editor:
                return area
    if bpy.ops.wm.window_new() != {"FINISHED"}:
        raise Failure("Open an Image Editor, choose its Mask mode, and draw the mask there.")
    area = max(
        bpy.context.window_manager.windows[-1].screen.areas, key=lambda a: a.width * a.height
    )
    area.type = editor
    return area


def _show_mask(area: bpy.types.Area, settings: NodeSettings, item: ResultSettings) -> None:
    space = area.spaces.active
    if settings.source == "CLIP":
        space.mode = "MASK"
        space.clip = settings.clip
    else:
        space.ui_mode = "MASK"
        space.image = settings.image
        user, plate = space.image_user, settings.id_data.nodes[PLATE]
        user.frame_start = plate.frame_start
        user.frame_offset = plate.frame_offset
        user.frame_duration = plate.frame_duration
        user.use_auto_refresh = True
    space.mask = item.mask


CLASSES = (AddSubject, RemoveSubject, DrawMask)
