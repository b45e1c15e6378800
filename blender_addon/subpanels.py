# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sidebar shows for nodes of one kind only."""

from __future__ import annotations

import bpy

from . import adding, masks
from .failure import Failure
from .panel import Part, found_lately, say
from .upscale import size_of


class Objects(bpy.types.UIList):
    bl_idname = "NODE_UL_mattelier_objects"

    def draw_item(
        self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0
    ) -> None:
        layout.prop(item, "name", text="", emboss=False, icon="USER")


class Guidance(Part, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_guidance"
    bl_label = "Guidance"
    kind = "rotoscope"

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        if len(settings.objects) > 1:
            layout.template_list(
                Objects.bl_idname, "", settings, "objects", settings, "active", rows=2
            )
        item = settings.objects[settings.active]
        column = layout.column()
        column.prop(item, "guide")
        if item.guide == "MASK":
            column.prop_search(item, "mask_name", bpy.data, "masks")
            button = column.operator(masks.DrawMask.bl_idname, icon="MOD_MASK")
            button.group, button.index = group.name, settings.active
            column.prop(item, "keys")
            if item.keys == "LISTED":
                column.prop(item, "key_list")
            else:
                column.prop(item, "drawn_frame")
        elif item.guide == "SEQUENCE":
            column.prop_search(item, "rough_name", bpy.data, "images")
        elif item.guide == "TRACKS":
            column.prop(item, "key_list")
        row = layout.row(align=True)
        row.operator(adding.AddObject.bl_idname, icon="ADD").group = group.name
        if len(settings.objects) > 1:
            button = row.operator(adding.RemoveObject.bl_idname, icon="REMOVE")
            button.group, button.index = group.name, settings.active


class Matting(Part, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_matting"
    bl_label = "Matting"
    kind = "rotoscope"

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        column = layout.column()
        for name in ("model", "quality", "tune", "edge_shift", "feather", "use_foreground"):
            column.prop(group.mattelier, name)


class Enlarging(Part, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_enlarging"
    bl_label = "Enlarging"
    kind = "upscale"

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        column = layout.column()
        column.row().prop(settings, "scale", expand=True)
        column.prop(settings, "model")
        column.prop(settings, "use_denoise")
        if settings.use_denoise:
            column.prop(settings, "denoise")
        try:
            size = size_of(settings, found_lately(settings))
        except Failure:
            return
        if all(size):
            column.label(text=f"Makes {size[0]} × {size[1]} pixels", icon="BLANK1")


class Depth(Part, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_depth"
    bl_label = "Depth"
    kind = "bokeh"

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        column = layout.column()
        column.prop(settings, "depth_from")
        if settings.depth_from == "FILES":
            row = column.row(align=True)
            row.prop_search(settings, "depth_name", bpy.data, "images")
            row.operator(adding.OpenDepth.bl_idname, text="", icon="FILE_FOLDER")
            column.prop(settings, "depth_start")
        column.prop(settings, "focus")
        if settings.focus == "POINT":
            column.prop(settings, "focus_point")
        elif settings.focus == "DISTANCE":
            column.prop(settings, "focus_distance")
            if settings.depth_from != "FILES":
                say(column, "A distance needs a depth pass that tells distances.", "INFO")
        if settings.uses_mattes:
            column.prop(settings, "mattes_name")
            if settings.mattes and len(settings.mattes.mattelier.objects) > 1:
                column.prop(settings, "mattes_subject")


class Lens(Part, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_lens"
    bl_label = "Lens"
    kind = "bokeh"

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        column = layout.column()
        column.row().prop(settings, "opened_by", expand=True)
        names = ("f_stop", "focal_length") if settings.opened_by == "F_STOP" else ("radius",)
        for name in (
            *names, "blades", "rotation", "cats_eye", "highlights", "foreground_blur"
        ):  # fmt: skip
            column.prop(settings, name)


CLASSES = (Objects, Guidance, Matting, Enlarging, Depth, Lens)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
