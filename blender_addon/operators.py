# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist can do with our nodes: bake, cancel, clear, look at the report."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty

from . import bake as baking
from . import cache, engine, preferences, tree
from .failure import Failure
from .job import in_waves, prepare
from .of_group import OfGroup
from .plate import find
from .versions import compositor

_TICK_SECONDS = 0.1
_REFRESH_SECONDS = 1.0


class Bake(OfGroup, bpy.types.Operator):
    """Let the engine make the frames that are not fresh"""

    bl_idname = "mattelier.bake"
    bl_label = "Bake"

    frames: EnumProperty(
        items=[
            ("PLATE", "Plate", "All frames of the plate"),
            ("SCENE", "Scene Range", "The frames that the scene, or its preview range, shows"),
            ("CURRENT", "This Frame", "The current frame"),
        ],
        options={"SKIP_SAVE"},
    )
    then: EnumProperty(
        items=[
            ("NOTHING", "Nothing", ""),
            ("FRAME", "Render", "Render this frame afterwards"),
            ("ANIMATION", "Render Animation", "Render the animation afterwards"),
        ],
        options={"SKIP_SAVE"},
    )
    everywhere: BoolProperty(
        options={"HIDDEN", "SKIP_SAVE"}, description="All nodes that the scene's compositor shows"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("A bake is running")
        return baking.current is None

    @classmethod
    def description(cls, context: bpy.types.Context, given: bpy.types.OperatorProperties) -> str:
        frames = {"PLATE": "all frames", "SCENE": "the scene's range", "CURRENT": "this frame"}
        return f"Make those of {frames[given.frames]} that are not fresh"

    def act(self, context: bpy.types.Context) -> set[str]:
        self._plan(context)
        while self._next(context):
            self.bake.run()
            self._show_begun()
            if self.bake.error:
                break
        return self._ended(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.execute(context) if bpy.app.background else self.tried(self._begin, context)

    def _begin(self, context: bpy.types.Context) -> set[str]:
        context.window.cursor_set("WAIT")
        try:
            self._plan(context)
            if not self._next(context):
                return self._ended(context)
        finally:
            context.window.cursor_set("DEFAULT")
        self._start()
        manager = context.window_manager
        manager.progress_begin(0, 100)
        self.timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS":
            self.bake.cancel()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        if self.bake.running and not self.bake.cancelled:
            self._tick(context)
            return {"PASS_THROUGH"}
        self._show_begun()
        if not (self.bake.cancelled or self.bake.error):
            try:
                if self._next(context):
                    self._start()
                    return {"PASS_THROUGH"}
            except Failure as failure:
                self.bake.error = str(failure)
        self._leave(context)
        return self._ended(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends, or opens another file."""
        self.bake.cancel()
        self._show_begun()
        self._leave(context)

    def _plan(self, context: bpy.types.Context) -> None:
        """Note what is to be baked: by name, as undo takes away what it finds."""
        if self.everywhere:
            groups = tree.with_sources(tree.used_in(compositor(context.scene)))
        else:
            groups = [self.named()]
        waves = in_waves(tree.results(groups))
        self.waves = [[(item.id_data.name, item.uid) for item in wave] for wave in waves]
        self.bake = baking.Bake((), preferences.chosen_engine())
        self.baked = 0

    def _next(self, context: bpy.types.Context) -> bool:
        """Prepare the next wave that has something to bake; whether there is one."""
        while self.waves:
            wave = self.waves.pop(0)
            items = [
                item for item in tree.results(tree.ours()) if (item.id_data.name, item.uid) in wave
            ]
            jobs = [prepare(item, chosen(item, self.frames, context.scene)) for item in items]
            for job in jobs:
                if not job.numbers:
                    job.show()
            if any(job.numbers for job in jobs):
                self.bake = baking.Bake(jobs, preferences.chosen_engine())
                self.baked += self.bake.total
                return True
        return False

    def _start(self) -> None:
        self.shown, self.refreshed = -1, 0.0
        baking.current = self.bake
        self.bake.start()

    def _show_begun(self) -> None:
        for job in self.bake.begun:
            job.show()

    def _tick(self, context: bpy.types.Context) -> None:
        bake = self.bake
        context.window_manager.progress_update(round(100 * bake.fraction))
        context.workspace.status_text_set(
            f"Mattelier: {bake.stage}, {bake.fraction:.0%}   Esc: cancel, keeping finished frames"
        )
        if bake.index >= 0 and time.monotonic() - self.refreshed > _REFRESH_SECONDS:
            self.refreshed = time.monotonic()
            if bake.frames != self.shown:
                self.shown = bake.frames
                bake.jobs[bake.index].show()
        redraw()

    def _leave(self, context: bpy.types.Context) -> None:
        baking.current = None
        manager = context.window_manager
        manager.event_timer_remove(self.timer)
        manager.progress_end()
        if context.workspace is not None:
            context.workspace.status_text_set(None)
        if self.bake.begun:
            bpy.ops.ed.undo_push(message="Bake")
        redraw()

    def _ended(self, context: bpy.types.Context) -> set[str]:
        cache.forget()
        bake = self.bake
        if bake.error:
            more = f" (log: {bake.log})" if bake.log else ""
            self.report({"ERROR"}, bake.error + more)
            return {"CANCELLED"}
        if bake.cancelled:
            self.report({"INFO"}, "The bake was cancelled; finished frames are kept.")
            return {"CANCELLED"}
        if not self.baked:
            self.report({"INFO"}, "All these frames are fresh.")
        else:
            told = f"Baked {self.baked} frame{'s'[: self.baked > 1]}."
            self.report({"INFO"}, " ".join(filter(None, (told, bake.note))))
        if self.then != "NOTHING":
            animation = self.then == "ANIMATION"
            if bpy.app.background:
                bpy.ops.render.render(animation=animation)
            else:  # afterwards: Blender does not let go of an operator that begins a render
                bpy.app.timers.register(lambda: _render(animation), first_interval=0.01)
        return {"FINISHED"}


def _render(animation: bool) -> None:
    """Render in a window, as F12 does."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.render.render("INVOKE_DEFAULT", animation=animation)


def chosen(item: bpy.types.PropertyGroup, which: str, scene: bpy.types.Scene) -> Iterable[int]:
    """The plate's numbers that a choice of frames means; raises Failure as `plate.find`."""
    plate = find(item.id_data.mattelier)
    if which == "PLATE":
        return plate.numbers
    if which == "CURRENT":
        first = last = scene.frame_current
    elif scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    else:
        first, last = scene.frame_start, scene.frame_end
    return range(plate.number(first), plate.number(last) + 1)


def redraw() -> None:
    """Draw the node editors anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "NODE_EDITOR":
                area.tag_redraw()


class Cancel(bpy.types.Operator):
    """Stop the bake; finished frames are kept"""

    bl_idname = "mattelier.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return baking.current is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        baking.current.cancel()
        return {"FINISHED"}


class Clear(OfGroup, bpy.types.Operator):
    """Remove the frames that this node shows"""

    bl_idname = "mattelier.clear"
    bl_label = "Clear Bake"

    poll = Bake.poll

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def act(self, context: bpy.types.Context) -> set[str]:
        group = self.named()
        for item in group.mattelier.objects:
            cache.clear(item)
            tree.show(item, None)
        tree.refresh(group)
        return {"FINISHED"}


class Purge(OfGroup, bpy.types.Operator):
    """Remove what was baked for this node with earlier settings"""

    bl_idname = "mattelier.purge"
    bl_label = "Purge Old Bakes"

    poll = Bake.poll

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def act(self, context: bpy.types.Context) -> set[str]:
        in_use = {place for item in tree.results(tree.ours()) if (place := item.place)}
        freed = sum(cache.purge(item, in_use) for item in self.named().mattelier.objects)
        self.report({"INFO"}, f"{freed / 1e6:.1f} MB were freed.")
        return {"FINISHED"}


class OpenReport(OfGroup, bpy.types.Operator):
    """Make the quality report of the last bake and show it in the browser"""

    bl_idname = "mattelier.open_report"
    bl_label = "Open QC Report"

    def act(self, context: bpy.types.Context) -> set[str]:
        settings = self.named().mattelier
        place = settings.objects[settings.active].place
        manifest = cache.manifest(place) if place else None
        if manifest is None:
            raise Failure("There is nothing to report on yet; bake first.")
        from .mattelier_worker.client import WorkerError

        try:
            with engine.connect(preferences.chosen_engine()) as worker:
                made = worker.run("qc", {"manifest": str(manifest)}).report["report"]
        except WorkerError as error:
            raise Failure(str(error)) from error
        bpy.ops.wm.url_open(url=Path(made).as_uri())
        return {"FINISHED"}


CLASSES = (Bake, Cancel, Clear, Purge, OpenReport)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    if baking.current is not None:
        baking.current.cancel()
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
