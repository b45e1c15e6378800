# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: the engine, the cache of new nodes, Check Installation."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..ground.addon import PACKAGE
from ..ground.failure import Failure
from ..ground.versions import BLEND_RELATIVE
from .connection import run_task

DEFAULT_CACHE = "//mattelier"


class Preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    engine: StringProperty(
        name="Engine",
        subtype="FILE_PATH",
        description="A Python that has Mattelier, or the mattelier command; empty: as installed",
    )
    cache: StringProperty(
        name="Cache of new nodes",
        subtype="DIR_PATH",
        default=DEFAULT_CACHE,
        options={"ANIMATABLE"} | BLEND_RELATIVE,
        description="Folder of what is baked; // is where the .blend file lies",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "engine")
        layout.prop(self, "cache")
        layout.operator(CheckInstallation.bl_idname, icon="CHECKMARK")


class CheckInstallation(bpy.types.Operator):
    """Start the engine and ask for its state"""

    bl_idname = "mattelier.check_installation"
    bl_label = "Check Installation"

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            report = run_task(engine_choice(), "status", {})
        except Failure as failure:
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}
        models = ", ".join(
            f"{model['name']} ({model['state']})" for model in report.get("models", ())
        )
        self.report({"INFO"}, f"Mattelier {report['version']} answers; models: {models or 'none'}.")
        return {"FINISHED"}


def engine_choice() -> str:
    """The preferences' engine; "" too where the add-on runs without preferences (--addons)."""
    preferences = _preferences()
    return preferences.engine if preferences else ""


def default_cache() -> str:
    preferences = _preferences()
    return preferences.cache if preferences else DEFAULT_CACHE


def _preferences() -> Preferences | None:
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None


register, unregister = bpy.utils.register_classes_factory((Preferences, CheckInstallation))
