# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels in the sidebar that every type of node has; its own ones come with each type."""

from __future__ import annotations

import bpy

from ..baking import bake as baking
from ..baking import cache
from ..baking.freshness import State, state
from ..data.failure import Failure
from ..data.frames import format_frames
from ..data.plate import Plate
from ..data.recent import recent
from ..node.groups import is_ours, linked_sentence, next_step, result_to_guide
from ..node.panels import NODE_PANEL, NodePanel, SubPanel, draw_sentence
from ..node.settings import NodeSettings
from . import operators
from .bake_operator import Bake, Cancel, Preview


class Node(NodePanel, bpy.types.Panel):
    bl_idname = NODE_PANEL
    bl_label = ""  # the header tells the type

    def draw_header(self, context: bpy.types.Context) -> None:
        node_type = context.active_node.node_tree.mattelier.node_type
        self.layout.label(text=node_type.label, icon=node_type.icon)

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        if group.library is not None:
            draw_sentence(layout, linked_sentence(group), "LINKED")
            layout = layout.column()
            layout.enabled = False
        column = layout.column()
        column.row().prop(settings, "source", expand=True)
        name, collection = {
            "CLIP": ("clip_name", "movieclips"),
            "IMAGE": ("image_name", "images"),
        }[settings.source]
        row = column.row(align=True)
        row.prop_search(settings, name, bpy.data, collection)
        row.operator(operators.OpenPlate.bl_idname, text="", icon="FILE_FOLDER")
        plate = _draw_plate(column, settings)
        if settings.source == "IMAGE":
            column.prop(settings, "frame_start")
        if plate is not None and operators.MatchScene.differs(plate, context.scene):
            button = column.operator(operators.MatchScene.bl_idname, icon="SCENE_DATA")
            button.group = group.name
        _draw_state(layout, context, group, plate)


def _draw_plate(layout: bpy.types.UILayout, settings: NodeSettings) -> Plate | None:
    """A line about the plate, which it gives."""
    try:
        plate = settings.recent_plate()
    except Failure as failure:
        if settings.plate_datablock is not None:
            draw_sentence(layout, str(failure), "ERROR")
        return None
    layout.label(text=plate.shown_name, icon="BLANK1")
    if plate.gaps:
        draw_sentence(layout, f"The plate lacks {format_frames(plate.gaps)}", "ERROR")
    return plate


def _draw_state(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    group: bpy.types.NodeTree,
    plate: Plate | None,
) -> None:
    settings = group.mattelier
    bake = baking.current
    if bake is not None:
        layout.progress(factor=bake.fraction, text=f"{bake.stage} ({bake.fraction:.0%})")
        layout.operator(Cancel.bl_idname, icon="CANCEL")
        return
    if plate is not None:
        for item in settings.objects:
            key = f"state {group.name_full} {item.uid}"
            name = f"{item.name}: " if len(settings.objects) > 1 else ""
            try:
                found = recent(key, lambda item=item: state(item, plate))
            except Failure as failure:
                draw_sentence(layout, str(failure), "ERROR")
            else:
                row = layout.row()
                _draw_result(row.column(), name, settings.node_type.noun, found, plate)
                if name and found.to_bake:
                    button = row.operator(Bake.bl_idname, text="", icon="RENDER_ANIMATION")
                    button.group, button.only = group.name, item.uid
    row = layout.row(align=True)
    row.scale_y = 1.3
    row.enabled = plate is not None
    _draw_bake(row, group, "PLATE", "Bake", "RENDER_ANIMATION")
    row = layout.row(align=True)
    row.enabled = plate is not None
    _draw_bake(row, group, "SCENE", "Bake Range")
    _draw_bake(row, group, "CURRENT", "Bake This Frame")
    if settings.node_type.has_preview:
        row = layout.row(align=True)
        row.enabled = plate is not None
        row.operator(Preview.bl_idname, icon="HIDE_OFF").group = group.name
        row.prop(settings, "preview_size", text="")


def _draw_result(
    layout: bpy.types.UILayout, name: str, noun: str, state: State, plate: Plate
) -> None:
    fresh, stale, missing = len(state.fresh), len(state.stale), len(state.missing)
    if not stale and not missing:
        layout.label(text=f"{name}all {fresh} {noun}s are fresh", icon="CHECKMARK")
        return
    if stale:
        layout.label(text=f"{name}{stale} stale: {state.reason}", icon="FILE_REFRESH")
    if missing:
        where = format_frames(plate.scene_frame(number) for number in state.missing)
        text = f"{name}no {noun}s yet" if not fresh + stale else f"{name}{missing} missing: {where}"
        layout.label(text=text, icon="ERROR")


def _draw_bake(
    layout: bpy.types.UILayout,
    group: bpy.types.NodeTree,
    which: str,
    text: str,
    icon: str = "NONE",
) -> None:
    button = layout.operator(Bake.bl_idname, text=text, icon=icon)
    button.group, button.frames = group.name, which


class Cache(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_cache"
    bl_label = "Cache"
    bl_order = 2  # below those of the types, and Look Over
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        layout.prop(settings, "cache")
        layout.prop(settings, "when_missing")
        try:
            size = recent(
                f"size {group.name_full}",
                lambda: sum(
                    cache.folder_size(cache.result_folder(item)) for item in settings.objects
                ),
            )
            layout.label(text=f"{size / 1e6:.1f} MB for this node", icon="DISK_DRIVE")
        except Failure as failure:
            draw_sentence(layout, str(failure), "ERROR")
        row = layout.row(align=True)
        row.operator(operators.Clear.bl_idname, icon="TRASH").group = group.name
        row.operator(operators.Purge.bl_idname).group = group.name
        if settings.node_type.has_report:
            layout.operator(operators.OpenReport.bl_idname, icon="URL").group = group.name


def _draw_next_step(header: bpy.types.Header, context: bpy.types.Context) -> None:
    """What is to be done next with the active node, in the header of the compositor."""
    if getattr(context.space_data, "tree_type", "") != "CompositorNodeTree":
        return
    node = context.active_node
    group = getattr(node, "node_tree", None)
    if not is_ours(group) or group.library is not None:
        return
    row = header.layout.row(align=True)
    if baking.current is not None:
        row.label(text=f"{baking.current.stage} ({baking.current.fraction:.0%})")
        row.operator(Cancel.bl_idname, text="", icon="CANCEL")
        return
    step, settings = next_step(group), group.mattelier
    if step in ("Open a Plate", "Find the Plate"):
        row.operator(operators.OpenPlate.bl_idname, text=step, icon="FILE_FOLDER")
        return
    if step:
        item = result_to_guide(group)
        for idname, text, icon in settings.node_type.guide_buttons(item):
            button = row.operator(idname, text=text, icon=icon)
            button.group, button.index = group.name, list(settings.objects).index(item)
    if step in ("", "Bake"):
        _draw_bake(row, group, "PLATE", "Bake", "RENDER_ANIMATION")


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((Node, Cache))


def register() -> None:
    _register_classes()
    bpy.types.NODE_HT_header.append(_draw_next_step)


def unregister() -> None:
    bpy.types.NODE_HT_header.remove(_draw_next_step)
    _unregister_classes()
