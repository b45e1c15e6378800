# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing a subject's mask over its plate, in Blender's own mask editor."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty

from .failure import Failure
from .of_group import OfGroup
from .plate import find


class DrawMask(OfGroup, bpy.types.Operator):
    """Draw this subject's mask over the plate, in Blender's mask editor (I keys its shape)"""

    bl_idname = "mattelier.draw_mask"
    bl_label = "Draw Mask"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def act(self, context: bpy.types.Context) -> set[str]:
        group = self.named()
        settings = group.mattelier
        item = settings.objects[self.index]
        find(settings)
        if item.mask is None:
            item.mask = bpy.data.masks.new(f"{group.name} {item.name}")
        if not bpy.app.background:
            _show(_editor(settings), settings, item)
        return {"FINISHED"}


def _editor(settings: bpy.types.PropertyGroup) -> bpy.types.Area:
    """An editor that draws masks: one that is open already, else one in a new window."""
    kind = "CLIP_EDITOR" if settings.source == "CLIP" else "IMAGE_EDITOR"
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == kind:
                return area
    if bpy.ops.wm.window_new() != {"FINISHED"}:
        raise Failure("Open an Image Editor, choose its Mask mode, and draw the mask there.")
    area = max(
        bpy.context.window_manager.windows[-1].screen.areas, key=lambda a: a.width * a.height
    )
    area.type = kind
    return area


def _show(
    area: bpy.types.Area, settings: bpy.types.PropertyGroup, item: bpy.types.PropertyGroup
) -> None:
    space = area.spaces.active
    if settings.source == "CLIP":
        space.mode = "MASK"
        space.clip = settings.clip
    else:
        space.ui_mode = "MASK"
        space.image = settings.image
        shown, plate = space.image_user, settings.id_data.nodes["Plate"]
        shown.frame_start = plate.frame_start
        shown.frame_offset = plate.frame_offset
        shown.frame_duration = plate.frame_duration
        shown.use_auto_refresh = True
    space.mask = item.mask


def register() -> None:
    bpy.utils.register_class(DrawMask)


def unregister() -> None:
    bpy.utils.unregister_class(DrawMask)
