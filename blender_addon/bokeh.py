# SPDX-License-Identifier: GPL-3.0-or-later
"""The Bokeh node: a plate and its depth in, the same through a wide lens out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    StringProperty,
)

from . import footage, rotoscope
from .failure import Failure
from .footage import Footage
from .inner import Inner
from .kind import Asked, PictureKind
from .plate import Plate, find, of_image
from .properties import held

if TYPE_CHECKING:
    from .settings import Result, Settings

_DEPTH = "Depth"
_MATTES = "Mattes"
_ROUND = 3  # an iris with fewer blades is round, as in Blender's cameras


def _is_rotoscope(group: bpy.types.NodeTree) -> bool:
    return (
        group.bl_idname == "CompositorNodeTree" and group.mattelier.kind == rotoscope.Rotoscope.name
    )


def _rotoscopes(settings: Settings, context: object, text: str) -> list[str]:
    names = [group.name for group in bpy.data.node_groups if _is_rotoscope(group)]
    return [name for name in names if text.lower() in name.lower()]


def _subjects(settings: Settings, context: object, text: str) -> list[str]:
    names = [item.name for item in settings.mattes.mattelier.objects] if settings.mattes else []
    return [name for name in names if text.lower() in name.lower()]


class BokehSettings:
    """What is set on a Bokeh node; a bake has one setting for all frames, so none has keys."""

    depth_from: EnumProperty(
        name="Depth",
        items=[
            ("MATTE", "Matte", "The subject near, the ground falling off from it, the rest far"),
            ("FILES", "Depth Pass", "Files of a render's depth pass: distances, as EXR"),
        ],
        options=set(),
    )
    depth_name: StringProperty(
        name="Files",
        description="The depth pass as an image sequence, or one file for all frames",
        options=set(),
        **held("depth", "images"),
    )
    depth_start: IntProperty(
        name="Start Frame",
        default=1,
        options=set(),
        description="The scene frame on which the first file of the depth pass shows",
    )
    mattes_name: StringProperty(
        name="Mattes of",
        description="A Rotoscope node that cuts the subject out; empty: the engine finds it",
        search=_rotoscopes,
        options=set(),
        **held("mattes", "node_groups"),
    )
    mattes_subject: StringProperty(
        name="Subject",
        description="Which one of that node; empty: its first",
        search=_subjects,
        options=set(),
    )
    focus: EnumProperty(
        name="Focus on",
        items=[
            ("SUBJECT", "Subject", "What the matte shows is sharp"),
            ("POINT", "Point", "What shows at a pixel of the plate is sharp"),
            ("DISTANCE", "Distance", "What is that far away is sharp"),
        ],
        options=set(),
    )
    focus_point: IntVectorProperty(
        name="Point",
        size=2,
        min=0,
        subtype="XYZ",
        options=set(),
        description="X and Y of the sharp pixel, as the Image Editor tells them",
    )
    focus_distance: FloatProperty(
        name="Distance",
        subtype="DISTANCE",
        default=10,
        min=0.001,
        options=set(),
        description="From the camera to what is sharp, in the depth pass's units",
    )
    opened_by: EnumProperty(
        name="Blur by",
        items=[
            ("RADIUS", "Radius", "The radius of what is most blurred"),
            ("F_STOP", "F-Stop", "As a full-frame camera would; for depth in metres"),
        ],
        options=set(),
    )
    radius: FloatProperty(
        name="Radius",
        subtype="PIXEL",
        default=20,
        min=0,
        max=500,
        soft_max=100,
        options=set(),
        description="Radius of the most blurred part",
    )
    f_stop: FloatProperty(
        name="F-Stop",
        default=2.8,
        min=0.05,
        max=128,
        soft_min=0.7,
        soft_max=22,
        options=set(),
        description="Smaller numbers open the lens wider",
    )
    focal_length: FloatProperty(
        name="Focal Length",
        subtype="DISTANCE_CAMERA",
        default=50,
        min=1,
        max=5000,
        options=set(),
        description="Of the lens, in millimetres",
    )
    blades: IntProperty(
        name="Blades",
        min=0,
        max=16,
        options=set(),
        description="Of the iris; fewer than 3: round",
    )
    rotation: FloatProperty(
        name="Rotation",
        subtype="ANGLE",
        min=-math.tau,
        max=math.tau,
        options=set(),
        description="Of the iris",
    )
    cats_eye: FloatProperty(
        name="Cat's Eye",
        subtype="FACTOR",
        min=0,
        max=1,
        options=set(),
        description="How much the lens narrows the iris towards the corners",
    )
    highlights: BoolProperty(
        name="Highlights",
        options=set(),
        description="Give clipped lights their brightness back, so that they become discs",
    )
    foreground_blur: BoolProperty(
        name="Foreground Blur",
        options=set(),
        description="Blur also what is nearer than the focus",
    )

    @property
    def depth(self) -> bpy.types.Image | None:
        return self.id_data.nodes[_DEPTH].image

    @depth.setter
    def depth(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes[_DEPTH].image = image
        place_depth(self)

    @property
    def mattes(self) -> bpy.types.NodeTree | None:
        return self.id_data.nodes[_MATTES].node_tree

    @mattes.setter
    def mattes(self, group: bpy.types.NodeTree | None) -> None:
        if group is not None and not _is_rotoscope(group):
            group = None
        self.id_data.nodes[_MATTES].node_tree = group
        self.mattes_subject = ""

    @property
    def uses_mattes(self) -> bool:
        """Whether the subject's matte decides anything."""
        return self.depth_from != "FILES" or self.focus == "SUBJECT"


def place_depth(settings: Settings) -> None:
    """A newly chosen depth pass begins where most of the plate's frames have their depth."""
    if settings.depth is None:
        return
    try:
        plate = find(settings)
        depth = of_image(settings.depth, 0, "depth pass")
    except Failure:
        return
    numbers = depth.numbers.keys()
    alike = len(numbers & plate.numbers.keys())
    as_scene = len(numbers & {plate.scene_frame(number) for number in plate.numbers})
    first = depth.first
    settings.depth_start = first if as_scene > alike else plate.scene_frame(first)


class Bokeh(PictureKind):
    """One output: the plate through a wide lens."""

    name = "bokeh"
    label = "Bokeh"
    icon = "CAMERA_DATA"

    def decided(self, item: Result, plate: Plate) -> list[object]:
        settings = item.id_data.mattelier
        return [
            self._lens(settings),
            [settings.focus, list(settings.focus_point)] if settings.focus == "POINT" else [],
            [settings.depth_from],
            *(used.told for used in self._footage(settings, plate)),
        ]

    def source(self, settings: Settings) -> bpy.types.NodeTree | None:
        return settings.mattes if settings.uses_mattes else None

    def changed(self, item: Result, plate: Plate) -> Mapping[int, float]:
        # The engine pulls the focus, and judges what is far, by all frames of a shot.
        used = self._footage(item.id_data.mattelier, plate)
        newest = max((time for part in used for _, time in part.times.values()), default=0.0)
        return {number: max(time, newest) for number, time in plate.numbers.items()}

    def ask(self, item: Result, plate: Plate, place: Path, numbers: Sequence[int]) -> Asked:
        settings = item.id_data.mattelier
        files, guided = footage.given(self._footage(settings, plate), plate, place, numbers)
        x, y = settings.focus_point
        if settings.focus == "POINT" and not (x < plate.size[0] and y < plate.size[1]):
            shape = f"{plate.size[0]} × {plate.size[1]} pixels"
            raise Failure(f"The point {x}, {y} lies outside the plate of {shape}.")
        point = {"x": x, "y": plate.size[1] - 1 - y} if settings.focus == "POINT" else None
        depth = {"file": files.get("depth")}
        options = {**self._lens(settings), "depth": depth, "focus": point}
        request = self.frames(options, place, plate)
        return Asked({**request, "mattes": files.get("matte")}, guided)

    def _lens(self, settings: Settings) -> dict[str, object]:
        by_stop = settings.opened_by == "F_STOP"
        distance = round(settings.focus_distance, 5) if settings.focus == "DISTANCE" else None
        return {
            "distance": distance,
            "aperture": round(settings.f_stop, 4) if by_stop else None,
            "focal_length": round(settings.focal_length, 3) if by_stop else None,
            "radius": None if by_stop else round(settings.radius, 3),
            "blades": settings.blades if settings.blades >= _ROUND else 0,
            "rotation": round(math.degrees(settings.rotation), 3),
            "cats_eye": round(settings.cats_eye, 4),
            "highlights": settings.highlights,
            "foreground_blur": settings.foreground_blur,
        }

    def _footage(self, settings: Settings, plate: Plate) -> Iterator[Footage]:
        """What is used beside the plate.

        Raises
        ------
        Failure
            It is not chosen, or not there.
        """
        if settings.depth_from == "FILES":
            if settings.depth is None:
                raise Failure("Choose the files of the depth pass, or another depth.")
            yield Footage.of_depth("depth", settings.depth, settings.depth_start, plate)
        if settings.uses_mattes and settings.mattes is not None:
            yield Footage.of_mattes("matte", settings, plate)

    def wire(
        self, inner: Inner, item: Result, source: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        # These two show nothing; they hold what the settings name.
        inner.node("CompositorNodeImage", _DEPTH, -1, row)
        inner.node("CompositorNodeGroup", _MATTES, -1, row + 1)
        size = inner.plate.size if inner.plate else (0, 0)
        return (inner.picture(item, self.name, size, row),)
