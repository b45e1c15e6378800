# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist sets on a Bokeh node."""

from __future__ import annotations

import math

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    StringProperty,
)

from ...blend.plates import plate_of_image
from ...data.failure import Failure
from ...node.groups import is_ours
from ...node.request_field import RequestField, rounded
from ...node.settings import (
    NodeSettings,
    datablock_name,
    held_group,
    searching_groups,
    searching_results,
)

NAME = "bokeh"
DEPTH_NODE = "Depth"
DEPTH_GROUP_NODE = "Depth Node"
MATTES_NODE = "Mattes"
_MIN_BLADES = 3  # an iris with fewer is round, as in Blender's cameras


def _by_f_stop(settings: NodeSettings) -> bool:
    return settings.opened_by == "F_STOP"


FIELDS = (
    RequestField(
        "distance", "focus_distance", rounded(5), lambda settings: settings.focus == "DISTANCE"
    ),
    RequestField("aperture", "f_stop", rounded(4), _by_f_stop),
    RequestField("focal_length", "focal_length", rounded(3), _by_f_stop),
    RequestField("radius", "radius", rounded(3), lambda settings: not _by_f_stop(settings)),
    RequestField("blades", "blades", lambda count: count if count >= _MIN_BLADES else 0),
    RequestField("rotation", "rotation", lambda angle: round(math.degrees(angle), 3)),
    RequestField("cats_eye", "cats_eye", rounded(4)),
    RequestField("highlights", "highlights"),
    RequestField("foreground_blur", "foreground_blur"),
)
"""Of the engine's BokehRequest, but its depth and the pixel in focus."""


def _has_mattes(group: bpy.types.NodeTree, own: bpy.types.NodeTree) -> bool:
    return is_ours(group) and bool(group.mattelier.node_type.matte_pass)


def _has_depth(group: bpy.types.NodeTree, own: bpy.types.NodeTree) -> bool:
    return is_ours(group) and bool(group.mattelier.node_type.depth_pass)


class BokehSettings:
    """What is set on a Bokeh node; a bake has one setting for all frames, so none has keys."""

    depth_from: EnumProperty(
        name="Depth",
        items=[
            ("MATTE", "Matte", "The subject near, the ground falling off from it, the rest far"),
            ("FILES", "Depth Pass", "Files of a render's depth pass: distances, as EXR"),
            ("NODE", "Depth Node", "What a Depth node has baked: nearness, by a network"),
        ],
        options=set(),
    )
    depth_name: StringProperty(
        name="Files",
        description="The depth pass as an image sequence, or one file for all frames",
        options=set(),
        **datablock_name("depth", "images"),
    )
    depth_start: IntProperty(
        name="Start Frame",
        default=1,
        options=set(),
        description="The scene frame on which the first file of the depth pass shows",
    )
    depth_group_name: StringProperty(
        name="Depth of",
        description="A Depth node, of this plate or of another that shows on the same frames",
        search=searching_groups(_has_depth),
        options=set(),
        **datablock_name("depth_group", "node_groups"),
    )
    mattes_name: StringProperty(
        name="Mattes of",
        description="A Rotoscope node that cuts the subject out; empty: the engine finds it",
        search=searching_groups(_has_mattes),
        options=set(),
        **datablock_name("mattes", "node_groups"),
    )
    mattes_subject: StringProperty(
        name="Subject",
        description="Which one of that node; empty: its first",
        search=searching_results("mattes"),
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
        return self.id_data.nodes[DEPTH_NODE].image

    @depth.setter
    def depth(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes[DEPTH_NODE].image = image
        place_depth(self)

    depth_group = held_group(DEPTH_GROUP_NODE, _has_depth)
    mattes = held_group(MATTES_NODE, _has_mattes, "mattes_subject")

    @property
    def uses_mattes(self) -> bool:
        """Whether the subject's matte decides anything."""
        return self.depth_from == "MATTE" or self.focus == "SUBJECT"


def place_depth(settings: NodeSettings) -> None:
    """A newly chosen depth pass begins where most of the plate's frames have their depth."""
    if settings.depth is None:
        return
    try:
        plate = settings.find_plate()
        depth = plate_of_image(settings.depth, 0, "depth pass")
    except Failure:
        return
    numbers = set(depth.numbers)
    alike = len(numbers.intersection(plate.numbers))
    as_scene = len(numbers & {plate.scene_frame(number) for number in plate.numbers})
    first = depth.first
    settings.depth_start = first if as_scene > alike else plate.scene_frame(first)
