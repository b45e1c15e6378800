# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects that the engine finds in a frame: all that it tells apart, or what words mean.

Each becomes a subject of the node, guided by a rough mask of Blender's own that is keyed on that
frame, as if an artist had drawn it.
"""

from __future__ import annotations

from typing import NamedTuple

import bpy
from bpy.props import IntProperty, StringProperty

from ...data.failure import Failure
from ...data.frames import format_frames
from ...data.names import unused_name
from ...data.recent import forget
from ...engine.connection import ask_task
from ...node.engine_operator import EngineOperator
from ...node.groups import add_result
from ...node.request_field import encode_request
from ...node.settings import ResultSettings
from .guidance import listed_keys
from .over_picture import picture_of_frame, picture_to_ask
from .settings import MATTE_FIELDS, colour_of
from .splines import add_key, make_key_mask

_MOST = 20  # subjects that are added at once
_SURE = 0.7  # below that people had better look
_TOLERANCE_PX = 1.5  # of a rough mask, in the picture that is asked about


class _Found(NamedTuple):
    """Something in the frame.

    Attributes
    ----------
    name : str
        Its kind; "" where the engine knows none.
    score : float or None
        How sure the engine is, 0…1; None where it does not say.
    curves : mapping
        Its outline, as the engine traces it.
    """

    name: str
    score: float | None
    curves: dict[str, object]


class _FindSubjects(EngineOperator):
    """Asks the engine about the current frame, and adds what it finds.

    Attributes
    ----------
    task : str
        The worker's.
    """

    task = ""

    def find_options(self) -> dict[str, object]:
        """What is asked for; raises Failure where that cannot be."""
        return {}

    def named(self, number: int, report: dict[str, object]) -> tuple[str, float | None]:
        """Name and score of the picture of that number in an answer."""
        raise NotImplementedError

    def begin(self, context: bpy.types.Context) -> None:
        settings = self.find_group().mattelier
        plate = settings.find_plate()
        self._frame = context.scene.frame_current
        self._number = plate.shown_number(self._frame)
        self._plate = plate
        self._options = self.find_options()
        image = picture_of_frame(settings, plate, self._frame)
        try:
            picture = picture_to_ask(image).pixels()
        finally:
            bpy.data.images.remove(image)
        self._picture = picture._replace(strips=list(picture.strips))

    def ask(self, engine: str) -> None:
        answer = ask_task(engine, self.task, self._options, {"picture": self._picture})
        self._note = str(answer.report.get("note") or "")
        self._count = len(answer.pictures)
        self._found = []
        for number, matte in enumerate(list(answer.pictures.values())[:_MOST]):
            name, score = self.named(number, answer.report)
            mask = matte._replace(strips=list(matte.strips))
            options = {"tolerance": _TOLERANCE_PX}
            curves = ask_task(engine, "outline", options, {"mask": mask}).report
            self._found.append(_Found(name, score, curves))

    def show(self, context: bpy.types.Context) -> None:
        settings = self.find_group().mattelier
        drawn = [one for one in self._found if one.curves["splines"]]
        if not drawn:
            raise Failure(
                f"Nothing was found on frame {self._frame}, so nothing was added. "
                f"{self._note}".strip()
            )
        names = [self._add(settings, one) for one in drawn]
        forget()
        told = [f"Frame {self._frame}: {', '.join(map(_describe, names, drawn))}."]
        if self._count > _MOST:
            told.append(f"{self._count} were found; the surest {_MOST} were looked at.")
        if thin := len(self._found) - len(drawn):
            told.append(f"{thin} too thin for a mask left out.")
        unsure = any(one.score is not None and one.score < _SURE for one in drawn)
        warns = unsure or self._note or len(told) > 1
        self.report({"WARNING" if warns else "INFO"}, " ".join([*told, self._note]).strip())

    def _add(self, settings: bpy.types.PropertyGroup, found: _Found) -> str:
        """One more subject, or the one that nobody has said anything of yet; gives its name."""
        (*_, item) = settings.objects
        if not (len(settings.objects) == 1 and _is_untouched(item)):
            add_result(self.find_group())
            (*_, item) = settings.objects
            item.colour = colour_of(len(settings.objects) - 1)
        others = {one.name for one in settings.objects if one.uid != item.uid}
        item.name = unused_name(found.name.capitalize() or "Object", others)
        self._make_mask(item, found)
        return item.name

    def _make_mask(self, item: ResultSettings, found: _Found) -> None:
        """Let a rough mask of what was found guide a subject."""
        name = f"{item.id_data.name} {item.name}"
        item.mask = make_key_mask(name, found.curves, self._plate, self._number)
        item.guide, item.keys, item.edge = "MASK", "KEYED", "ROUGH"


class FindObjects(_FindSubjects, bpy.types.Operator):
    """Let the engine tell the things in this frame apart; each becomes a subject with a key"""

    bl_idname = "mattelier.find_objects"
    bl_label = "Find Objects in This Frame"
    bl_options = {"REGISTER"}
    waiting = "looking for objects"
    task = "objects"

    def named(self, number: int, report: dict[str, object]) -> tuple[str, float | None]:
        one = report["objects"][number]
        return str(one["label"]), float(one["score"])


class FindByWords(_FindSubjects, bpy.types.Operator):
    """Let the engine find in this frame what the words mean; it becomes a subject with a key"""

    bl_idname = "mattelier.find_by_words"
    bl_label = "Subject from Words"
    bl_options = {"REGISTER"}
    waiting = "looking for what the words mean"
    task = "matte"

    words: StringProperty(
        name="Words",
        options={"SKIP_SAVE"},
        description="What the subject is; empty: as the panel has it",
    )
    index: IntProperty(
        default=-1,
        options={"HIDDEN", "SKIP_SAVE"},
        description="The subject that they mean, which gets a key; -1: another one",
    )

    @classmethod
    def description(cls, context: bpy.types.Context, options: bpy.types.OperatorProperties) -> str:
        if options.index < 0:
            return f"{cls.__doc__}"
        return "Let the engine find in this frame what the words mean: a rough key of this subject"

    def begin(self, context: bpy.types.Context) -> None:
        self._uid = ""
        if self.index >= 0:
            item = self.find_group().mattelier.objects[self.index]
            self._uid = item.uid
            if item.mask is not None and item.edge == "EXACT":
                raise Failure(
                    f"The keys of “{item.name}” are exact, and words give rough ones; set its edge "
                    "to Rough, and list the exact frames."
                )
        super().begin(context)

    def find_options(self) -> dict[str, object]:
        settings = self.find_group().mattelier
        words = (self.words or settings.words).strip()
        if not words:
            raise Failure("Say in words what the subject is, such as “the red car”.")
        self._words = words
        return {**encode_request(MATTE_FIELDS, settings), "hint": {"text": words}}

    def named(self, number: int, report: dict[str, object]) -> tuple[str, float | None]:
        return self._words, None

    def _add(self, settings: bpy.types.PropertyGroup, found: _Found) -> str:
        if not self._uid:
            return super()._add(settings, found)
        item = next((one for one in settings.objects if one.uid == self._uid), None)
        if item is None:
            raise Failure("The subject is gone; nothing was changed.")
        if item.mask is None:
            self._make_mask(item, found)
            return item.name
        if item.keys == "LISTED":
            item.key_list = format_frames({*listed_keys(item), self._frame})
        add_key(item.mask, found.curves, self._plate, self._number, item.drawn_frame)
        item.guide, item.guide_changed = "MASK", True
        return item.name


def _is_untouched(item: ResultSettings) -> bool:
    """Whether nobody has said yet what a subject is, nor baked it."""
    return item.guide == "NONE" and not (item.corrected or item.stored_folder)


def _describe(name: str, found: _Found) -> str:
    if found.score is None:
        return name
    unsure = ", unsure" if found.score < _SURE else ""
    return f"{name} ({found.score:.0%}{unsure})"


CLASSES = (FindObjects, FindByWords)
