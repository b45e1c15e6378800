# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sidebar shows for a Rotoscope node only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import bpy

from ...data.failure import Failure
from ...data.frames import format_frames
from ...data.recent import recent
from ...node.panels import SubPanel, draw_sentence
from ...node.settings import NodeSettings
from .clean_plate import MakeCleanPlate
from .corrected import corrected
from .correcting import CorrectMatte, RemoveCorrection
from .cryptomatte import MakeCryptomatte, is_outdated
from .finding import FindByWords, FindObjects
from .operators import AddSubject, DrawMask, RemoveSubject
from .pointed import Pointed
from .pointing import PointAtSubject, RemovePointed
from .settings import NAME
from .splines import MakeSplines
from .surfaces import clip_area


class Subjects(bpy.types.UIList):
    bl_idname = "NODE_UL_mattelier_objects"

    def draw_item(
        self, context, layout, data, item, icon, active_data, active_property, index=0, flag=0
    ) -> None:
        row = layout.row(align=True)
        swatch = row.row()
        swatch.ui_units_x = 1
        swatch.prop(item, "colour", text="")
        row.prop(item, "name", text="", emboss=False)


class Guidance(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_guidance"
    bl_label = "Guidance"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        if len(settings.objects) > 1:
            layout.template_list(
                Subjects.bl_idname, "", settings, "objects", settings, "active", rows=2
            )
        item = settings.objects[settings.active]
        column = layout.column()
        column.prop(item, "guide")
        if item.guide == "MASK":
            column.prop_search(item, "mask_name", bpy.data, "masks")
            button = column.operator(DrawMask.bl_idname, icon="MOD_MASK")
            button.group, button.index = group.name, settings.active
            column.prop(item, "keys")
            if item.keys == "LISTED":
                column.prop(item, "key_list")
            else:
                column.prop(item, "drawn_frame")
        elif item.guide == "POINTS":
            self._draw_pointed(column, context, settings)
        elif item.guide == "SEQUENCE":
            column.prop_search(item, "rough_name", bpy.data, "images")
        elif item.guide == "TRACKS":
            column.prop(item, "key_list")
        if item.guide in ("MASK", "SEQUENCE"):
            column.row().prop(item, "edge", expand=True)
            if item.edge == "ROUGH":
                column.prop(item, "exact_list")
        if item.stored_folder:
            self._draw_corrected(layout, settings)
        row = layout.row(align=True)
        row.operator(AddSubject.bl_idname, icon="ADD").group = group.name
        if len(settings.objects) > 1:
            button = row.operator(RemoveSubject.bl_idname, icon="REMOVE")
            button.group, button.index = group.name, settings.active
        column = layout.column(align=True)
        column.operator(FindObjects.bl_idname, icon="VIEWZOOM").group = group.name
        column = layout.column(align=True)
        column.prop(settings, "words", text="", placeholder="The red car")
        row = column.row(align=True)
        row.operator(FindByWords.bl_idname).group = group.name
        button = row.operator(FindByWords.bl_idname, text="Key from Words")
        button.group, button.index = group.name, settings.active

    def _draw_pointed(
        self, layout: bpy.types.UILayout, context: bpy.types.Context, settings: NodeSettings
    ) -> None:
        """What was pointed at, and on which scene frames."""
        _draw_pair(layout, settings, PointAtSubject, "RESTRICT_SELECT_OFF", RemovePointed)
        item = settings.objects[settings.active]
        _draw_frames(layout, settings, "Keys", lambda: Pointed.parse(item.pointed).frames)

    def _draw_corrected(self, layout: bpy.types.UILayout, settings: NodeSettings) -> None:
        """Which baked mattes were corrected."""
        _draw_pair(layout, settings, CorrectMatte, "BRUSH_DATA", RemoveCorrection)
        item = settings.objects[settings.active]
        _draw_frames(layout, settings, "Corrected", lambda: corrected(item))


def _draw_pair(
    layout: bpy.types.UILayout, settings: NodeSettings, does: type, icon: str, removes: type
) -> None:
    """An operator on the active subject, and beside it the one that takes its work away."""
    row = layout.row(align=True)
    buttons = [(does, does.bl_label, icon, "PICTURE"), (does, "", "IMAGE_BACKGROUND", "BACKDROP")]
    if clip_area(bpy.context.screen, settings) is not None:
        buttons += [(does, "", "TRACKER", "CLIP")]
    for operator, text, shown, editor in (*buttons, (removes, "", "X", "")):
        button = row.operator(operator.bl_idname, text=text, icon=shown)
        button.group, button.index = settings.id_data.name, settings.active
        if editor:
            button.editor = editor


def _draw_frames(
    layout: bpy.types.UILayout,
    settings: NodeSettings,
    title: str,
    find_numbers: Callable[[], Iterable[int]],
) -> None:
    """The scene frames of plate numbers, where there are any."""
    try:
        numbers = find_numbers()
    except Failure as failure:
        draw_sentence(layout, str(failure), "ERROR")
        return
    try:
        plate = settings.recent_plate()
    except Failure:
        return
    if frames := [plate.scene_frame(number) for number in numbers]:
        draw_sentence(layout, f"{title}: {format_frames(frames)}", "KEYFRAME_HLT")


class Matting(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_matting"
    bl_label = "Matting"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        column, settings = layout.column(), group.mattelier
        column.prop(settings, "network_from")
        names = {
            "MODEL": ["model"],
            "NODE": ["tuned_group_name"],
            "FOLDER": ["tuned_folder"],
        }[settings.network_from]
        if settings.network_from == "NODE" and settings.tuned_group is not None:
            names += ["tuned_subject"][: len(settings.tuned_group.mattelier.objects) > 1]
        for name in (*names, "tracker", "quality", "tune", "refine", "use_foreground"):
            column.prop(settings, name)


class Edge(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_edge"
    bl_label = "Edge (acts at once)"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        column = layout.column()
        column.prop(group.mattelier, "edge_shift")
        column.prop(group.mattelier, "feather")
        row = column.row()
        row.enabled = group.mattelier.use_foreground
        row.prop(group.mattelier, "despill")


class ToMask(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_to_mask"
    bl_label = "To Mask"
    bl_options = {"DEFAULT_CLOSED"}
    node_type = NAME
    of_bakes = True

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        item = settings.objects[settings.active]
        layout.prop(item, "spline_tolerance")
        button = layout.operator(MakeSplines.bl_idname, icon="CURVE_BEZCIRCLE")
        button.group, button.index = group.name, settings.active


class Cryptomatte(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_cryptomatte"
    bl_label = "Cryptomatte"
    bl_options = {"DEFAULT_CLOSED"}
    node_type = NAME
    of_bakes = True

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        layout.operator(MakeCryptomatte.bl_idname, icon="IMAGE_RGB_ALPHA").group = group.name
        settings = group.mattelier
        with contextlib.suppress(Failure):
            plate = settings.recent_plate()
            key = f"cryptomatte {group.name_full}"
            if recent(key, lambda: is_outdated(settings, plate)):
                draw_sentence(layout, "Some of it is old or gone; make it anew.", "FILE_REFRESH")


class CleanPlate(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_clean_plate"
    bl_label = "Clean Plate"
    bl_options = {"DEFAULT_CLOSED"}
    node_type = NAME
    of_bakes = True

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        button = layout.operator(MakeCleanPlate.bl_idname, icon="BRUSH_DATA")
        button.group, button.index = group.name, group.mattelier.active


CLASSES = (Subjects, Guidance, Matting, Edge, ToMask, Cryptomatte, CleanPlate)
