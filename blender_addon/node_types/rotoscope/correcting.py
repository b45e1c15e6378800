# SPDX-License-Identifier: GPL-3.0-or-later
"""Strokes over a baked matte correct it; the corrected matte becomes a key of the frame."""

from __future__ import annotations

import tempfile
from pathlib import Path

import bpy

from ...data.bake_files import pass_files
from ...data.failure import Failure
from ...data.plate import Plate
from ...engine.connection import run_task
from ...engine.pointing import EngineSession
from ...engine.preferences import engine_choice
from ...node.group_operator import ResultOperator
from ...node.settings import ResultSettings
from .corrected import (
    corrected,
    keep_correction,
    remove_all_corrections,
    remove_correction,
    write_correction,
)
from .over_picture import PictureOperator
from .overlay import Place, draw_circle, draw_path

_TASK = "correct"
_FIRST_RADIUS_PX = 15.0  # of the brush, on the screen
_LEAST_RADIUS_PX = 2.0
_STEP = 1.25  # from one size of the brush to the next
_SIZES = {"LEFT_BRACKET": 1 / _STEP, "RIGHT_BRACKET": _STEP}
_SPACING = 0.25  # of the radius, between a stroke's points
_ADD, _TAKE = (0.3, 1, 0.3, 1), (1, 0.25, 0.2, 1)
_DIGITS = 2


class CorrectMatte(PictureOperator, bpy.types.Operator):
    """Paint over this frame's baked matte where it is wrong; the matte becomes a key"""

    bl_idname = "mattelier.correct"
    bl_label = "Correct the Matte"
    bl_options = {"REGISTER"}
    help = (
        "Drag: subject   Shift-drag: not   [ and ]: brush size   Backspace: undo   "
        "Enter: keep as key   Esc: cancel"
    )

    def begin(self, item: ResultSettings, plate: Plate) -> EngineSession:
        self._radius = _FIRST_RADIUS_PX
        self._strokes: list[dict[str, object]] = []
        self._drawn: list[dict[str, object]] = []  # on the way: its strokes are asked about, too
        self._scratch = tempfile.TemporaryDirectory(prefix="mattelier")
        self._options = _question(item, plate, self._number, Path(self._scratch.name))
        session = EngineSession(engine_choice(), _TASK)
        session.ask(self._options)
        return session

    def press(self, at: Place, event: bpy.types.Event) -> None:
        kind = "not" if event.shift else "sure"
        radius = max(round(self.plate_length(self._radius), _DIGITS), 0.5)
        self._drawn = [{"kind": kind, "points": [self._point(at)], "radius": radius}]
        self._ask()

    def drag(self, at: Place) -> None:
        stroke, point = self._drawn[0], self._point(at)
        last = stroke["points"][-1]
        step = max(abs(point["x"] - last["x"]), abs(point["y"] - last["y"]))
        if step >= _SPACING * stroke["radius"]:
            stroke["points"].append(point)
            self._ask()

    def release(self, at: Place, event: bpy.types.Event) -> None:
        self._strokes += self._drawn
        self._drawn = []
        self._ask()

    def key(self, event: bpy.types.Event) -> bool:
        self._radius = max(self._radius * _SIZES.get(event.type, 1), _LEAST_RADIUS_PX)
        return event.type in _SIZES

    def take_back(self) -> None:
        del self._strokes[-1:]
        self._ask()

    def draw_own(self) -> None:
        for stroke in self._drawn:
            colour = _ADD if stroke["kind"] == "sure" else _TAKE
            draw_path([self.to_region(one["x"], one["y"]) for one in stroke["points"]], colour)
        draw_circle(self._place, self._radius, (1, 1, 1, 1))

    def keep(self, item: ResultSettings) -> str:
        if not self._strokes:
            return "Nothing was painted, so the matte stays as it is."
        file = Path(self._scratch.name, "corrected.exr")
        options = {**self._options, "strokes": self._strokes, "output": str(file)}
        run_task(engine_choice(), _TASK, options)
        keep_correction(item, self._number, file)
        return f"Frame {self._frame} is a key now; bake to carry it to the others."

    def _point(self, at: Place) -> dict[str, float]:
        x, y = self.to_plate(at)
        return {"x": round(x, _DIGITS), "y": round(y, _DIGITS)}

    def _ask(self) -> None:
        # A copy: the stroke on the way goes on while the question waits in its thread.
        on_the_way = [{**one, "points": list(one["points"])} for one in self._drawn]
        self._session.ask({**self._options, "strokes": [*self._strokes, *on_the_way]})


def _question(item: ResultSettings, plate: Plate, number: int, scratch: Path) -> dict[str, object]:
    """The frame and the matte that is corrected: a key's where it is one, else the baked one."""
    is_key = number in corrected(item)
    if is_key:
        matte = scratch / "key.exr"
        write_correction(item, number, matte)
    else:
        folder = item.folder
        matte = pass_files(folder, plate, "matte").file(number) if folder else None
        if matte is None or not matte.is_file():
            raise Failure(f"There is no matte on frame {plate.scene_frame(number)}; bake it first.")
    return {
        "plate": plate.pattern,
        "frame": number,
        "matte": str(matte),
        "has_plate_alpha": not is_key,
        "colorspace": plate.engine_space,
    }


class RemoveCorrection(ResultOperator, bpy.types.Operator):
    """Let the engine find this frame's matte again"""

    bl_idname = "mattelier.remove_correction"
    bl_label = "Remove Correction"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, context: bpy.types.Context) -> set[str]:
        settings = self.find_group().mattelier
        item = settings.objects[self.index]
        try:
            corrected(item)
        except Failure as failure:
            remove_all_corrections(item)
            self.report({"WARNING"}, str(failure))
            return {"FINISHED"}
        remove_correction(item, settings.find_plate().number(context.scene.frame_current))
        return {"FINISHED"}


CLASSES = (CorrectMatte, RemoveCorrection)
