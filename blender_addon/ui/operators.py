# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist can do with our nodes: open a plate, clear what was baked, look at the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ..baking import cache
from ..blend.plates import read_size
from ..data.failure import Failure
from ..data.plate import Plate
from ..engine.connection import run_task
from ..engine.preferences import engine_choice
from ..node import groups
from ..node.group_operator import GroupOperator
from ..node.open_files import OpenFiles, load_image
from ..node.settings import NodeSettings
from .bake_operator import Bake


class OpenPlate(OpenFiles, bpy.types.Operator):
    """Open a movie, or the image sequence that a file belongs to"""

    bl_idname = "mattelier.open_plate"
    bl_label = "Open Plate"

    def open(self, settings: NodeSettings, path: str) -> None:
        if settings.source == "CLIP":
            settings.clip = bpy.data.movieclips.load(path)
        else:
            settings.image = load_image(path)


class MatchScene(GroupOperator, bpy.types.Operator):
    """Let the scene have the range and the size of this node's plate"""

    bl_idname = "mattelier.match_scene"
    bl_label = "Set Scene to Plate"
    bl_options = {"REGISTER", "UNDO"}

    @staticmethod
    def differs(plate: Plate, scene: bpy.types.Scene) -> bool:
        """Whether the scene shows other frames than a plate, or another size."""
        shown, own = _scene_settings(scene), _plate_settings(plate)
        known = 3 if all(plate.size) else 2  # Blender may not have looked at the plate yet
        return shown[:known] != own[:known]

    def apply(self, context: bpy.types.Context) -> set[str]:
        plate = self.find_group().mattelier.find_plate()
        scene = context.scene
        first, last, size = _plate_settings(replace(plate, size=read_size(plate)))
        scene.frame_start, scene.frame_end = first, max(first, last)
        scene.render.resolution_x, scene.render.resolution_y = size
        scene.render.resolution_percentage = 100
        if not first <= scene.frame_current <= last:
            scene.frame_set(first)
        return {"FINISHED"}


def _plate_settings(plate: Plate) -> tuple[int, int, tuple[int, int]]:
    return plate.scene_frame(plate.first), plate.scene_frame(plate.last), tuple(plate.size)


def _scene_settings(scene: bpy.types.Scene) -> tuple[int, int, tuple[int, int]]:
    render = scene.render
    size = tuple(
        side * render.resolution_percentage // 100
        for side in (render.resolution_x, render.resolution_y)
    )
    return scene.frame_start, scene.frame_end, size


class Clear(GroupOperator, bpy.types.Operator):
    """Remove the frames that this node shows"""

    bl_idname = "mattelier.clear"
    bl_label = "Clear Bake"

    poll = Bake.poll

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def apply(self, context: bpy.types.Context) -> set[str]:
        group = self.find_group()
        for item in group.mattelier.objects:
            cache.clear(item)
            groups.show_nothing(item)
        groups.refresh(group)
        return {"FINISHED"}


class Purge(GroupOperator, bpy.types.Operator):
    """Remove what was baked for this node with earlier settings"""

    bl_idname = "mattelier.purge"
    bl_label = "Purge Old Bakes"

    poll = Bake.poll

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def apply(self, context: bpy.types.Context) -> set[str]:
        baked = groups.results_of(groups.editable_groups())
        in_use = {folder for item in baked if (folder := item.folder)}
        freed = sum(cache.purge(item, in_use) for item in self.find_group().mattelier.objects)
        self.report({"INFO"}, f"{freed / 1e6:.1f} MB were freed.")
        return {"FINISHED"}


class OpenReport(GroupOperator, bpy.types.Operator):
    """Make the quality report of the last bake and show it in the browser"""

    bl_idname = "mattelier.open_report"
    bl_label = "Open QC Report"

    def apply(self, context: bpy.types.Context) -> set[str]:
        settings = self.find_group().mattelier
        folder = settings.objects[settings.active].folder
        manifest = cache.manifest(folder) if folder else None
        if manifest is None:
            raise Failure("There is nothing to report on yet; bake first.")
        report = run_task(engine_choice(), "qc", {"manifest": str(manifest)})
        bpy.ops.wm.url_open(url=Path(str(report["report"])).as_uri())
        return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (OpenPlate, MatchScene, Clear, Purge, OpenReport)
)
