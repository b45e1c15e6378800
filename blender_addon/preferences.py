# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: the engine, the cache of new nodes, Check Installation."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from . import engine
from .failure import Failure
from .versions import BLEND_RELATIVE


class Preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    engine: StringProperty(
        name="Engine",
        subtype="FILE_PATH",
        description="A Python that has Mattelier, or the mattelier command; empty: as installed",
    )
    cache: StringProperty(
        name="Cache of new nodes",
        subtype="DIR_PATH",
        default="//mattelier",
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
        from .mattelier_worker.client import WorkerError

        try:
            with engine.connect(chosen_engine()) as worker:
                told = worker.run("status", {}).report
        except (Failure, WorkerError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        models = ", ".join(
            f"{model['name']} ({model['state']})" for model in told.get("models", ())
        )
        self.report({"INFO"}, f"Mattelier {told['version']} answers; models: {models or 'none'}.")
        return {"FINISHED"}


def chosen_engine() -> str:
    """The preferences' engine; "" too where the add-on runs without preferences (--addons)."""
    found = _preferences()
    return found.engine if found else ""


def default_cache() -> str:
    found = _preferences()
    return found.cache if found else "//mattelier"


def _preferences() -> Preferences | None:
    addon = bpy.context.preferences.addons.get(__package__)
    return addon.preferences if addon else None


CLASSES = (Preferences, CheckInstallation)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
