# SPDX-License-Identifier: GPL-3.0-or-later
"""Pointing at the subject in the picture; what was said becomes a key of the frame."""

from __future__ import annotations

import bpy

from ...data.failure import Failure
from ...data.plate import Plate
from ...data.recent import forget
from ...engine.pointing import PointingSession
from ...engine.preferences import engine_choice
from ...node.group_operator import ResultOperator
from ...node.request_field import encode_request
from ...node.settings import ResultSettings, rebuild_group
from .over_picture import PictureOperator, picture_to_ask
from .overlay import Place, draw_box, draw_dot
from .pointed import Gestures, Pointed
from .settings import MATTE_FIELDS

_DRAG_PX = 6
_GRAB_PX = 8
_THIS, _NOT_THIS, _BOX = (0.3, 1, 0.3, 1), (1, 0.25, 0.2, 1), (1, 0.8, 0.2, 1)


class PointAtSubject(PictureOperator, bpy.types.Operator):
    """Say what is meant in the picture of this frame; what you say becomes a key"""

    bl_idname = "mattelier.point"
    bl_label = "Point in the Picture"
    bl_options = {"REGISTER"}
    help = (
        "Click: this   Shift-click: not this   Drag: box   Click a point: take it away   "
        "Backspace: undo   Enter: keep as key   Esc: cancel"
    )

    def begin(self, item: ResultSettings, plate: Plate) -> PointingSession:
        self._gestures = Pointed.parse(item.pointed).on(self._number)
        self._others = [
            (click, tuple(one.colour))
            for one in item.id_data.mattelier.objects
            if one.uid != item.uid and one.guide == "POINTS"
            for click in Pointed.parse(one.pointed).on(self._number).clicks
            if click.positive
        ]
        self._start_place: Place | None = None
        session = PointingSession(
            engine_choice(),
            picture_to_ask(self._image),
            encode_request(MATTE_FIELDS, item.id_data.mattelier),
        )
        self._ask(session)
        return session

    def press(self, at: Place, event: bpy.types.Event) -> None:
        self._start_place = at

    def release(self, at: Place, event: bpy.types.Event) -> None:
        press, self._start_place = self._start_place, None
        start, end = self.to_plate(press), self.to_plate(at)
        width, height = self._size
        if max(abs(a - b) for a, b in zip(press, at, strict=True)) >= _DRAG_PX:
            start, end = ((min(max(x, 0), width), min(max(y, 0), height)) for x, y in (start, end))
            if abs(start[0] - end[0]) >= 1 and abs(start[1] - end[1]) >= 1:
                self._say(self._gestures.boxed(start, end))
        elif 0 <= end[0] < width and 0 <= end[1] < height:
            reach = self.plate_length(_GRAB_PX)
            self._say(self._gestures.clicked(*end, not event.shift, reach))

    def take_back(self) -> None:
        self._say(self._gestures.undone())

    def _say(self, gestures: Gestures) -> None:
        self._gestures = gestures
        self._ask(self._session)

    def _ask(self, session: PointingSession) -> None:
        if self._gestures:
            others = [click for click, _ in self._others]
            session.ask(self._gestures.key(session.width / self._size[0], others))

    def shows_matte(self) -> bool:
        return bool(self._gestures)

    def draw_own(self) -> None:
        for click, colour in self._others:
            draw_dot(self.to_region(click.x, click.y), (*colour, 1))
        for click in self._gestures.clicks:
            draw_dot(self.to_region(click.x, click.y), _THIS if click.positive else _NOT_THIS)
        box = self._gestures.box
        if box is not None:
            end = self.to_region(box.x + box.width, box.y + box.height)
            draw_box(self.to_region(box.x, box.y), end, _BOX)
        if self._start_place is not None:
            draw_box(self._start_place, self._place, _BOX)

    def keep(self, item: ResultSettings) -> str:
        keep_key(item, self._number, self._gestures)
        said = "is a key now" if self._gestures else "is no key any more"
        return f"Frame {self._frame} {said}."


class RemovePointed(ResultOperator, bpy.types.Operator):
    """Take away what was pointed at on this frame"""

    bl_idname = "mattelier.remove_pointed"
    bl_label = "Remove Key"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, context: bpy.types.Context) -> set[str]:
        settings = self.find_group().mattelier
        item = settings.objects[self.index]
        number = settings.find_plate().number(context.scene.frame_current)
        try:
            pointed = Pointed.parse(item.pointed)
        except Failure as failure:
            _keep(item, Pointed({}))
            self.report({"WARNING"}, str(failure))
            return {"FINISHED"}
        if not pointed.on(number):
            raise Failure("Nothing was pointed at on this frame.")
        keep_key(item, number, Gestures())
        return {"FINISHED"}


def keep_key(item: ResultSettings, number: int, gestures: Gestures) -> None:
    """Let a subject be guided by what was pointed at, with these gestures on a plate's number."""
    _keep(item, Pointed.parse(item.pointed).with_key(number, gestures))


def _keep(item: ResultSettings, pointed: Pointed) -> None:
    item.pointed = pointed.dump()
    item.guide = "POINTS"
    item.guide_changed = True
    forget()
    rebuild_group(item)


CLASSES = (PointAtSubject, RemovePointed)
