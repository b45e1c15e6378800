# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the frames that somebody should look at, and going from one to the next."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty

from ..baking import bake as baking
from ..baking import cache
from ..data.failure import Failure
from ..data.frames import format_frames
from ..engine.connection import run_task
from ..node.engine_operator import EngineOperator
from ..node.group_operator import GroupOperator
from ..node.groups import is_ours, results_with
from ..node.marks import mark, unsure_frames
from ..node.panels import SubPanel, draw_sentence
from ..node.settings import ResultSettings


class FindUnsure(EngineOperator, bpy.types.Operator):
    """Let the engine measure what was baked, and mark the frames to look at on the timeline"""

    bl_idname = "mattelier.find_unsure"
    bl_label = "Find Unsure Frames"
    waiting = "looking over the mattes"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("A bake is running")
        return baking.current is None

    def begin(self, context: bpy.types.Context) -> None:
        self._manifests, self._flags = {}, {}
        for item in self.find_group().mattelier.objects:
            manifest = cache.manifest(item.folder) if item.folder else None
            if manifest is not None:
                self._manifests[item.uid] = str(manifest)
        if not self._manifests:
            raise Failure("There is nothing to look over yet; bake first.")

    def ask(self, engine: str) -> None:
        for uid, manifest in self._manifests.items():
            report = run_task(engine, "qc", {"manifest": manifest})
            self._flags[uid] = report["flags"].get(uid, {})

    def show(self, context: bpy.types.Context) -> None:
        frames: set[int] = set()
        for uid, reasons in self._flags.items():
            for item in results_with(uid):
                mark(item, item.id_data.mattelier.find_plate(), reasons, context.scene)
                frames.update(unsure_frames(item) or ())
        message = f"{len(frames)} frames to look at." if frames else "No frame stands out."
        self.report({"INFO"}, message)


class NextUnsure(GroupOperator, bpy.types.Operator):
    """Go to the next frame that somebody should look at; after the last one, to the first"""

    bl_idname = "mattelier.next_unsure"
    bl_label = "Next Unsure Frame"

    backwards: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    def apply(self, context: bpy.types.Context) -> set[str]:
        items = self.find_group().mattelier.objects
        frames = sorted({frame for item in items for frame in unsure_frames(item) or ()})
        if not frames:
            raise Failure("No frame is marked; look the mattes over first.")
        now = context.scene.frame_current
        if self.backwards:
            there = [frame for frame in frames if frame < now] or frames
            context.scene.frame_set(there[-1])
        else:
            there = [frame for frame in frames if frame > now] or frames
            context.scene.frame_set(there[0])
        return {"FINISHED"}


class LookOver(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_look_over"
    bl_label = "Look Over"
    bl_order = 1  # below those of the types
    of_bakes = True

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        return context.active_node.node_tree.mattelier.node_type.has_report

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        layout.operator(FindUnsure.bl_idname, icon="VIEWZOOM").group = group.name
        for item in group.mattelier.objects:
            _draw_unsure(layout, item)
        if any(unsure_frames(item) for item in group.mattelier.objects):
            row = layout.row(align=True)
            for backwards, text, icon in (
                (True, "Previous", "PREV_KEYFRAME"),
                (False, "Next", "NEXT_KEYFRAME"),
            ):
                button = row.operator(NextUnsure.bl_idname, text=text, icon=icon)
                button.group, button.backwards = group.name, backwards


def _draw_unsure(layout: bpy.types.UILayout, item: ResultSettings) -> None:
    frames = unsure_frames(item)
    if frames is None:
        return
    name = f"{item.name}: " if len(item.id_data.mattelier.objects) > 1 else ""
    if frames:
        draw_sentence(layout, f"{name}look at {format_frames(frames)}", "MARKER_HLT")
    else:
        draw_sentence(layout, f"{name}no frame stands out", "CHECKMARK")


def _draw_in_markers(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    """In the timeline's menu of markers, for the active node of the scene's compositor."""
    tree = getattr(context.scene, "compositing_node_group", None) or getattr(
        context.scene, "node_tree", None
    )
    node = tree.nodes.active if tree is not None else None
    group = getattr(node, "node_tree", None)
    if is_ours(group) and any(unsure_frames(item) for item in group.mattelier.objects):
        menu.layout.separator()
        menu.layout.operator(NextUnsure.bl_idname).group = group.name


_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    (FindUnsure, NextUnsure, LookOver)
)


def _marker_menus() -> list[type[bpy.types.Menu]]:
    """The timeline is an editor of its own before 5.0, and a dope sheet since."""
    names = ("TIME_MT_marker", "DOPESHEET_MT_marker")
    return [getattr(bpy.types, name) for name in names if hasattr(bpy.types, name)]


def register() -> None:
    _register_classes()
    for menu in _marker_menus():
        menu.append(_draw_in_markers)


def unregister() -> None:
    for menu in _marker_menus():
        menu.remove(_draw_in_markers)
    _unregister_classes()
