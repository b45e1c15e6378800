# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist opens and sets for a Bokeh node only."""

from __future__ import annotations

import bpy

from ...node.open_files import OpenFiles, load_image
from ...node.panels import SubPanel, draw_sentence
from ...node.settings import NodeSettings
from .settings import NAME


class OpenDepth(OpenFiles, bpy.types.Operator):
    """Open the image sequence of a depth pass by one of its files"""

    bl_idname = "mattelier.open_depth"
    bl_label = "Open Depth Pass"

    def open(self, settings: NodeSettings, path: str) -> None:
        image = load_image(path)
        image.colorspace_settings.name = "Non-Color"
        settings.depth = image


class Depth(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_depth"
    bl_label = "Depth"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        column = layout.column()
        column.prop(settings, "depth_from")
        if settings.depth_from == "FILES":
            row = column.row(align=True)
            row.prop_search(settings, "depth_name", bpy.data, "images")
            row.operator(OpenDepth.bl_idname, text="", icon="FILE_FOLDER")
            column.prop(settings, "depth_start")
        elif settings.depth_from == "NODE":
            column.prop(settings, "depth_group_name")
        column.prop(settings, "focus")
        if settings.focus == "POINT":
            column.prop(settings, "focus_point")
        elif settings.focus == "DISTANCE":
            column.prop(settings, "focus_distance")
            if settings.depth_from != "FILES":
                draw_sentence(column, "A distance needs a depth pass that tells distances.", "INFO")
        if settings.uses_mattes:
            column.prop(settings, "mattes_name")
            if settings.mattes and len(settings.mattes.mattelier.objects) > 1:
                column.prop(settings, "mattes_subject")


class Lens(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_lens"
    bl_label = "Lens"
    node_type = NAME

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


CLASSES = (OpenDepth, Depth, Lens)
