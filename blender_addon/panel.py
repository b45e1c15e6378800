# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the nodes are found and set: the Add menu's entry AI, and the panel in the sidebar.

`subpanels` holds what only nodes of one kind have.
"""

from __future__ import annotations

import bpy

from . import adding, cache, frames, kinds, operators, tree
from . import bake as baking
from .failure import Failure
from .plate import Plate, find


class AddMenu(bpy.types.Menu):
    bl_idname = "NODE_MT_mattelier_add"
    bl_label = "AI"

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.operator_context = "INVOKE_REGION_WIN"
        for operator in adding.ADD:
            self.layout.operator(operator.bl_idname, icon=kinds.ALL[operator.kind].icon)


def _draw_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if getattr(context.space_data, "tree_type", "") == "CompositorNodeTree":
        menu.layout.menu(AddMenu.bl_idname)


class OfNode:
    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Node"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        node = context.active_node
        return node is not None and tree.is_ours(getattr(node, "node_tree", None))

    def begin(self, context: bpy.types.Context) -> tuple[bpy.types.NodeTree, bpy.types.UILayout]:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        return context.active_node.node_tree, layout


class Node(OfNode, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_node"
    bl_label = ""  # the header tells the kind

    def draw_header(self, context: bpy.types.Context) -> None:
        kind = kinds.of(context.active_node.node_tree.mattelier)
        self.layout.label(text=kind.label, icon=kind.icon)

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        layout.enabled = group.library is None
        column = layout.column()
        column.row().prop(settings, "source", expand=True)
        name, kind = {"CLIP": ("clip_name", "movieclips"), "IMAGE": ("image_name", "images")}[
            settings.source
        ]
        row = column.row(align=True)
        row.prop_search(settings, name, bpy.data, kind)
        row.operator(adding.OpenPlate.bl_idname, text="", icon="FILE_FOLDER")
        plate = _plate(column, settings)
        if settings.source == "IMAGE":
            column.prop(settings, "frame_start")
        _draw_state(layout, context, group, plate)


def _plate(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> Plate | None:
    """The plate, told in a line."""
    try:
        plate = found_lately(settings)
    except Failure as failure:
        if (settings.clip if settings.source == "CLIP" else settings.image) is not None:
            say(layout, str(failure), "ERROR")
        return None
    layout.label(text=f"Frames {plate.first}-{plate.last} of {plate.file.name}", icon="BLANK1")
    if plate.gaps:
        say(layout, f"The plate lacks {frames.written(plate.gaps)}", "ERROR")
    return plate


def found_lately(settings: bpy.types.PropertyGroup) -> Plate:
    """A node's plate as it was a moment ago; raises as `plate.find`."""
    chosen = settings.clip if settings.source == "CLIP" else settings.image
    name = f"{settings.id_data.name_full} {chosen and chosen.name_full} {settings.frame_start}"
    return cache.lately(f"plate {name}", lambda: find(settings))


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
        layout.operator(operators.Cancel.bl_idname, icon="CANCEL")
        return
    if plate is not None:
        for item in settings.objects:
            key = f"state {group.name_full} {item.uid}"
            name = f"{item.name}: " if len(settings.objects) > 1 else ""
            try:
                state = cache.lately(key, lambda item=item: cache.state(item, plate))
            except Failure as failure:
                say(layout, str(failure), "ERROR")
            else:
                noun = kinds.of(settings).noun
                _draw_one_state(layout, name, noun, state, plate)
    row = layout.row(align=True)
    row.scale_y = 1.3
    row.enabled = plate is not None
    _bake(row, group, "PLATE", "Bake", "RENDER_ANIMATION")
    row = layout.row(align=True)
    row.enabled = plate is not None
    _bake(row, group, "SCENE", "Bake Range")
    _bake(row, group, "CURRENT", "Bake This Frame")


def _draw_one_state(
    layout: bpy.types.UILayout, name: str, noun: str, state: cache.State, plate: Plate
) -> None:
    fresh, stale, missing = len(state.fresh), len(state.stale), len(state.missing)
    if not stale and not missing:
        layout.label(text=f"{name}all {fresh} {noun}s are fresh", icon="CHECKMARK")
        return
    if stale:
        layout.label(text=f"{name}{stale} stale: {state.why}", icon="FILE_REFRESH")
    if missing:
        where = frames.written(plate.scene_frame(number) for number in state.missing)
        text = f"{name}no {noun}s yet" if not fresh + stale else f"{name}{missing} missing: {where}"
        layout.label(text=text, icon="ERROR")


def _bake(
    layout: bpy.types.UILayout,
    group: bpy.types.NodeTree,
    which: str,
    text: str,
    icon: str = "NONE",
) -> None:
    button = layout.operator(operators.Bake.bl_idname, text=text, icon=icon)
    button.group, button.frames = group.name, which


def say(layout: bpy.types.UILayout, sentence: str, icon: str) -> None:
    """A sentence in lines that fit the sidebar."""
    line = ""
    for word in sentence.split():
        if len(line) + len(word) > 34:
            layout.label(text=line, icon=icon)
            line, icon = "", "BLANK1"
        line = f"{line} {word}".strip()
    layout.label(text=line, icon=icon)


class Part(OfNode):
    """A panel below that of the node, of all kinds or only of the one named `kind`."""

    bl_parent_id = Node.bl_idname
    kind = ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and (
            cls.kind in ("", context.active_node.node_tree.mattelier.kind)
        )


class Cache(Part, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_cache"
    bl_label = "Cache"
    bl_order = 1  # below those of the kinds
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        layout.prop(settings, "cache")
        layout.prop(settings, "when_missing")
        try:
            size = cache.lately(
                f"size {group.name_full}",
                lambda: sum(cache.size(cache.home(item)) for item in settings.objects),
            )
            layout.label(text=f"{size / 1e6:.1f} MB for this node", icon="DISK_DRIVE")
        except Failure as failure:
            say(layout, str(failure), "ERROR")
        row = layout.row(align=True)
        row.operator(operators.Clear.bl_idname, icon="TRASH").group = group.name
        row.operator(operators.Purge.bl_idname).group = group.name
        if settings.kind == "rotoscope":
            layout.operator(operators.OpenReport.bl_idname, icon="URL").group = group.name


CLASSES = (AddMenu, Node, Cache)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.NODE_MT_add.append(_draw_menu)


def unregister() -> None:
    bpy.types.NODE_MT_add.remove(_draw_menu)
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
