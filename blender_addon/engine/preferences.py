# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: the engine and its networks, and what new nodes begin with."""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import BoolProperty, StringProperty

from ..blend.versions import BLEND_RELATIVE
from ..data.addon import PACKAGE
from ..data.failure import Failure
from ..data.names import names_with
from .connection import model_names, run_task, tracker_names
from .models import TASKS, Models, columns

DEFAULT_CACHE = "//mattelier"
_DEFAULT_MODEL = "default"
DEFAULT_TRACKER = "default"
_REDRAW_SECONDS = 0.2
_models = Models()


def _search_mattes(owner: Preferences, context: object, text: str) -> list[str]:
    return names_with(text, model_names("matte"))


def search_trackers(owner: object, context: object, text: str) -> list[str]:
    """The `search` of a property that names a tracker."""
    return names_with(text, tracker_names())


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
    model: StringProperty(
        name="Network of new nodes",
        default=_DEFAULT_MODEL,
        search=_search_mattes,
        description="The network that mattes of new Rotoscope nodes are made by",
    )
    tracker: StringProperty(
        name="Tracker of new nodes",
        default=DEFAULT_TRACKER,
        search=search_trackers,
        description="What follows the subjects of new Rotoscope nodes; default: the engine itself",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "engine")
        layout.prop(self, "cache")
        layout.prop(self, "model")
        layout.prop(self, "tracker")
        row = layout.row()
        row.operator(CheckInstallation.bl_idname, icon="CHECKMARK")
        row.operator(ListModels.bl_idname, icon="FILE_REFRESH")
        _draw_models(layout)


def _draw_models(layout: bpy.types.UILayout) -> None:
    if _models.busy:
        layout.label(text=f"{_models.busy}…", icon="SORTTIME")
    if _models.failure:
        layout.label(text=_models.failure, icon="ERROR")
    task, table = "", layout
    for model in _models.of_nodes():
        if model["task"] != task:
            task = model["task"]
            table = layout.box().column()
            table.label(text=TASKS[task])
        name, size, licence, state = columns(model)
        here = model["state"] == "ready"
        row = table.split(factor=0.32)
        row.label(text=name, icon="CHECKMARK" if here else "BLANK1")
        row = row.split(factor=0.16)
        row.label(text=size)
        row = row.split(factor=0.66)
        row.label(text=licence)
        if here:
            row.label(text=state)
        else:
            row.enabled = not _models.busy
            text = "Get" if model["state"] == "absent" else f"Get ({state})"
            row.operator(GetModel.bl_idname, text=text, icon="IMPORT").model = name


class _AskForModels:
    """An operator that asks the engine about its networks."""

    def _ask(self, busy: str, options: dict[str, object]) -> set[str]:
        if _models.busy:
            self.report({"ERROR"}, f"{_models.busy}; wait until that is done.")
            return {"CANCELLED"}
        engine = engine_choice()
        if not bpy.app.background:
            goes_on = _models.start(engine, busy, options)
            bpy.app.timers.register(lambda: _redraw_while(goes_on))
            return {"FINISHED"}
        _models.ask(engine, busy, options)
        if _models.failure:
            self.report({"ERROR"}, _models.failure)
            return {"CANCELLED"}
        return {"FINISHED"}


def _redraw_while(goes_on: Callable[[], bool]) -> float | None:
    """Draw the preferences anew; called by Blender's timer until None is given."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
    return _REDRAW_SECONDS if goes_on() else None


class ListModels(_AskForModels, bpy.types.Operator):
    """Ask the engine which networks there are, how large and under which licence"""

    bl_idname = "mattelier.list_models"
    bl_label = "List Networks"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self._ask("Asking the engine", {"action": "list"})


class GetModel(_AskForModels, bpy.types.Operator):
    """Let the engine fetch this network from where it is published"""

    bl_idname = "mattelier.get_model"
    bl_label = "Get Network"

    model: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    accept_licence: BoolProperty(
        name="I have read its licence and accept it", options={"SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=480)

    def draw(self, context: bpy.types.Context) -> None:
        model, layout = _models.named(self.model), self.layout
        layout.label(text=str(model.get("title", self.model)))
        for text in (*filter(None, columns(model)[1:3]), str(model.get("source", ""))):
            layout.label(text=text)
        if model.get("needs_acceptance"):
            layout.prop(self, "accept_licence")

    def execute(self, context: bpy.types.Context) -> set[str]:
        options = {
            "action": "get",
            "name": self.model,
            "accept_licence": self.accept_licence,
        }
        return self._ask(f"Fetching {self.model}", options)


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


def default_model() -> str:
    """The network that new nodes make mattes by."""
    preferences = _preferences()
    return (preferences.model or _DEFAULT_MODEL) if preferences else _DEFAULT_MODEL


def default_tracker() -> str:
    """What follows the subjects of new nodes."""
    preferences = _preferences()
    return (preferences.tracker or DEFAULT_TRACKER) if preferences else DEFAULT_TRACKER


def _preferences() -> Preferences | None:
    addon = bpy.context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None


register, unregister = bpy.utils.register_classes_factory(
    (Preferences, CheckInstallation, ListModels, GetModel)
)
