# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking nodes from a window, which stays alive meanwhile; and stopping it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..baking import bake as baking
from ..baking.job import Job, frames_to_bake, in_waves, prepare
from ..baking.preview import prepare_preview
from ..blend.versions import compositor
from ..data.failure import Failure
from ..data.frames import format_frames
from ..data.recent import forget
from ..node import groups
from ..node.group_operator import GroupOperator
from ..node.settings import ResultSettings

_TICK_SECONDS = 0.1
_REFRESH_SECONDS = 1.0


class _EngineRun(GroupOperator):
    """Has the engine make frames, while the window stays alive.

    Attributes
    ----------
    prepare : callable
        Makes the job of a result and the plate's numbers.
    done : str
        What was done, for people.
    """

    prepare: Callable[[ResultSettings, Iterable[int]], Job]
    done: str

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

    only: StringProperty(
        options={"HIDDEN", "SKIP_SAVE"}, description="One of the node's results, by its uid"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("A bake is running")
        return baking.current is None

    def apply(self, context: bpy.types.Context) -> set[str]:
        self._plan_waves(context)
        while self._prepare_next(context):
            self.bake.run()
            self._show_begun()
            if self.bake.error:
                break
        return self._finish(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return (
            self.execute(context)
            if bpy.app.background
            else self.report_failure(self._start_modal, context)
        )

    def _start_modal(self, context: bpy.types.Context) -> set[str]:
        context.window.cursor_set("WAIT")
        try:
            self._plan_waves(context)
            if not self._prepare_next(context):
                return self._finish(context)
        finally:
            context.window.cursor_set("DEFAULT")
        self._start_bake()
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
            self._update(context)
            return {"PASS_THROUGH"}
        self._show_begun()
        if not (self.bake.cancelled or self.bake.error):
            try:
                if self._prepare_next(context):
                    self._start_bake()
                    return {"PASS_THROUGH"}
            except Failure as failure:
                self.bake.error = str(failure)
        self._stop_waiting(context)
        return self._finish(context)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends, or opens another file."""
        self.bake.cancel()
        self._show_begun()
        self._stop_waiting(context)

    def _plan_waves(self, context: bpy.types.Context) -> None:
        """Note what is to be baked: by name, as undo takes away what it finds."""
        if self.everywhere:
            used = groups.with_sources(groups.groups_shown_by(compositor(context.scene)))
        else:
            used = [self.find_group()]
        items = [item for item in groups.results_of(used) if self.only in ("", item.uid)]
        waves = in_waves(items)
        self.waves = [[(item.id_data.name, item.uid) for item in wave] for wave in waves]
        self.bake = baking.Bake(())
        self.baked = 0
        self.absent: set[int] = set()

    def _prepare_next(self, context: bpy.types.Context) -> bool:
        """Prepare the next wave that has something to bake; whether there is one."""
        while self.waves:
            wave = self.waves.pop(0)
            editable = groups.results_of(groups.editable_groups())
            items = [item for item in editable if (item.id_data.name, item.uid) in wave]
            jobs = [
                self.prepare(item, frames_to_bake(item, self.frames, context.scene))
                for item in items
            ]
            for job in jobs:
                if not job.numbers:
                    job.show()
            for job in jobs:
                self.absent.update(map(job.plate.scene_frame, job.absent))
            if any(job.numbers for job in jobs):
                self.bake = baking.Bake(jobs)
                self.baked += self.bake.total
                return True
        return False

    def _start_bake(self) -> None:
        self.shown, self.refreshed = -1, 0.0
        baking.current = self.bake
        self.bake.start()

    def _show_begun(self) -> None:
        for job in self.bake.begun:
            job.show()

    def _update(self, context: bpy.types.Context) -> None:
        bake = self.bake
        context.window_manager.progress_update(round(100 * bake.fraction))
        context.workspace.status_text_set(
            f"Mattelier: {bake.stage}, {bake.fraction:.0%}   Esc: cancel, keeping finished frames"
        )
        if bake.index >= 0 and time.monotonic() - self.refreshed > _REFRESH_SECONDS:
            self.refreshed = time.monotonic()
            if bake.frames != self.shown:
                self.shown = bake.frames
                bake.jobs[bake.index].note_made()
                bake.jobs[bake.index].show()
        redraw_editors()

    def _stop_waiting(self, context: bpy.types.Context) -> None:
        baking.current = None
        manager = context.window_manager
        manager.event_timer_remove(self.timer)
        manager.progress_end()
        if context.workspace is not None:
            context.workspace.status_text_set(None)
        if self.bake.begun:
            bpy.ops.ed.undo_push(message="Bake")
        redraw_editors()

    def _finish(self, context: bpy.types.Context) -> set[str]:
        forget()
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
            message = f"{self.done} {self.baked} frame{'s'[: self.baked > 1]}."
            self.report({"INFO"}, " ".join(filter(None, (message, bake.note))))
        if self.absent:
            frames = format_frames(self.absent)
            self.report({"WARNING"}, f"The plate has no frame there: {frames}.")
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


def redraw_editors() -> None:
    """Draw the node editors anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "NODE_EDITOR":
                area.tag_redraw()


class Bake(_EngineRun, bpy.types.Operator):
    """Let the engine make the frames that are not fresh"""

    bl_idname = "mattelier.bake"
    bl_label = "Bake"
    prepare = staticmethod(prepare)
    done = "Baked"

    @classmethod
    def description(cls, context: bpy.types.Context, options: bpy.types.OperatorProperties) -> str:
        frames = {"PLATE": "all frames", "SCENE": "the scene's range", "CURRENT": "this frame"}
        whose = " of this subject" if options.only else ""
        return f"Make those of {frames[options.frames]} that are not fresh{whose}"


class Preview(_EngineRun, bpy.types.Operator):
    """Track the subjects, and show them small on a checkerboard, in an image editor. Nothing is \
baked, and a bake goes on from what was tracked"""

    bl_idname = "mattelier.preview"
    bl_label = "Preview"
    prepare = staticmethod(prepare_preview)
    done = "Previewed"


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


register, _unregister_classes = bpy.utils.register_classes_factory((Bake, Preview, Cancel))


def unregister() -> None:
    if baking.current is not None:
        baking.current.cancel()
    _unregister_classes()
