# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that wait for an answer of the engine while the window stays alive."""

from __future__ import annotations

import threading

import bpy

from ..data.failure import Failure
from ..engine.preferences import engine_choice
from .group_operator import GroupOperator

_TICK_SECONDS = 0.1


class EngineOperator(GroupOperator):
    """An operator on one of our groups that asks the engine, and shows what it said.

    Attributes
    ----------
    waiting : str
        What the status bar says meanwhile.
    """

    waiting = ""

    def begin(self, context: bpy.types.Context) -> None:
        """Note what is to be asked: Blender's data are not for threads."""
        raise NotImplementedError

    def ask(self, engine: str) -> None:
        """Ask the engine; in a thread of its own, without Blender's data."""
        raise NotImplementedError

    def show(self, context: bpy.types.Context) -> None:
        """Show what it said."""
        raise NotImplementedError

    def apply(self, context: bpy.types.Context) -> set[str]:
        self._prepare(context)
        self._ask()
        return self._finish(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background:
            return self.execute(context)
        return self.report_failure(self._start, context)

    def _start(self, context: bpy.types.Context) -> set[str]:
        self._prepare(context)
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(f"Mattelier: {self.waiting}")
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type != "TIMER" or self._thread.is_alive():
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)
        return self.report_failure(self._finish, context)

    def _prepare(self, context: bpy.types.Context) -> None:
        self._failure = ""
        self._engine = engine_choice()
        self.begin(context)

    def _ask(self) -> None:
        try:
            self.ask(self._engine)
        except Failure as failure:
            self._failure = str(failure)

    def _finish(self, context: bpy.types.Context) -> set[str]:
        if self._failure:
            raise Failure(self._failure)
        self.show(context)
        if not bpy.app.background:
            bpy.ops.ed.undo_push(message=self.bl_label)
        return {"FINISHED"}
