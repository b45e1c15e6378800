# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist sets on a Rotoscope node and on each of its subjects."""

from __future__ import annotations

import colorsys

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    StringProperty,
)

from ...blend.versions import BLEND_RELATIVE
from ...engine.preferences import DEFAULT_TRACKER, search_trackers
from ...node.edge import EdgeSettings
from ...node.request_field import RequestField
from ...node.settings import (
    ResultSettings,
    datablock_name,
    held_group,
    rebuild_group,
    searching_groups,
    searching_results,
)
from . import tuned

NAME = "rotoscope"
TUNED_NODE = "Tuned Node"
_FIRST_HUE = 0.87
_TURN = 0.618034  # of the colour circle, from one subject to the next
MATTE_FIELDS = (
    RequestField("model", "network"),
    RequestField("quality", "quality"),
    RequestField("refine", "refine"),
)
"""Of the engine's MatteRequest."""
ROTO_FIELDS = (
    RequestField("tune", "tune"),
    RequestField(
        "tracker", "tracker", lambda name: None if name in ("", DEFAULT_TRACKER) else name
    ),
)
"""Of the engine's RotoRequest."""

_GUIDES = [
    ("NONE", "Automatic", "The engine finds the subject itself"),
    ("MASK", "Mask", "A mask drawn in Blender's mask editor, on one frame or keyed on several"),
    ("POINTS", "Points", "What you click at and box in the picture, on one frame or several"),
    ("SEQUENCE", "Mattes", "An image sequence of rough mattes, numbered as the plate is"),
    ("TRACKS", "Track Markers", "Markers of the clip: on the subject, or off it (name begins -)"),
]


class RotoscopeSettings(EdgeSettings):
    """What is set on a Rotoscope node."""

    network_from: EnumProperty(
        name="Network",
        items=[
            ("MODEL", "Model", "One of the engine's networks"),
            ("NODE", "Tuned by Node", "What another Rotoscope node's network has learnt"),
            ("FOLDER", "Tuned in Folder", "What a network has learnt for a shot of another file"),
        ],
    )
    tuned_group_name: StringProperty(
        name="Tuned by",
        description="A baked Rotoscope node of the same subject, in another shot or take",
        search=searching_groups(tuned.has_tuned),
        **datablock_name("tuned_group", "node_groups"),
    )
    tuned_subject: StringProperty(
        name="Subject",
        description="Which one of that node; empty: its first",
        search=searching_results("tuned_group"),
    )
    tuned_folder: StringProperty(
        name="Folder",
        subtype="DIR_PATH",
        options={"ANIMATABLE"} | BLEND_RELATIVE,
        description="Another shot's cache, or the folder of one tuned network in it",
    )

    tracker: StringProperty(
        name="Tracker",
        default=DEFAULT_TRACKER,
        search=search_trackers,
        description="What follows subjects from key frames; default: the engine's own tracking",
    )
    quality: EnumProperty(
        name="Quality",
        items=[
            ("fast", "Fast", "For a first look"),
            ("balanced", "Balanced", "For most shots"),
            ("best", "Best", "For hair and blur, several times slower"),
        ],
        default="balanced",
    )
    tune: IntProperty(
        name="Tune (Steps)",
        default=80,
        min=0,
        soft_max=1000,
        description="How long the network learns from the drawn key frames first; 0: not at all",
    )
    despill: FloatProperty(
        name="Despill",
        subtype="FACTOR",
        default=1,
        min=0,
        max=1,
        update=rebuild_group,
        description="How far soft edges are freed of the background's colour; acts at once",
    )
    refine: BoolProperty(
        name="Refine Edge",
        default=True,
        description="Follow the edge at full resolution. What was tracked is used again",
    )
    preview_size: EnumProperty(
        name="Preview Size",
        items=[
            ("25", "25 %", "A quarter of the plate's width and height"),
            ("50", "50 %", "Half of the plate's width and height"),
            ("100", "100 %", "As large as the plate"),
        ],
        description="How large the pictures of a preview are",
    )
    words: StringProperty(
        name="Words", description="What a subject is that is looked for: the red car"
    )
    cryptomatte: StringProperty(
        options={"HIDDEN"}, description="Empty: nobody has made a Cryptomatte"
    )
    use_foreground: BoolProperty(
        name="Foreground",
        default=True,
        update=rebuild_group,
        description="Also bake the subject's own colour, free of the background along soft edges",
    )

    @property
    def network(self) -> str:
        """What the engine is asked to begin with; raises Failure where it is not there."""
        return tuned.network(self)

    tuned_group = held_group(TUNED_NODE, tuned.has_tuned, "tuned_subject")


class SubjectSettings:
    """What is set on one subject of a Rotoscope node."""

    guide: EnumProperty(name="Guidance", items=_GUIDES, default="NONE", update=rebuild_group)
    pointed: StringProperty(options={"HIDDEN"}, description="Clicks and boxes by plate number")
    corrected: StringProperty(
        options={"HIDDEN"}, description="Digests of corrected mattes by plate number"
    )
    colour: FloatVectorProperty(
        name="Colour",
        subtype="COLOR",
        size=3,
        min=0,
        max=1,
        default=colorsys.hsv_to_rgb(_FIRST_HUE, 0.9, 1),
        description="What this subject's matte is tinted with over the picture",
    )
    mask_name: StringProperty(
        name="Mask", description="Where the subject is", **datablock_name("mask", "masks")
    )
    keys: EnumProperty(
        name="Key Frames",
        items=[
            ("KEYED", "Keyed Shapes", "Where the mask's shapes are keyed"),
            ("LISTED", "Listed", "The frames that you list"),
        ],
    )
    key_list: StringProperty(
        name="Frames", description="Scene frames on which the guidance holds: 1001-1100x20, 1150"
    )
    edge: EnumProperty(
        name="Edge",
        items=[
            ("ROUGH", "Rough", "What is drawn says where the subject is; its edge is found anew"),
            ("EXACT", "Exact", "What is drawn is the matte itself"),
        ],
    )
    exact_list: StringProperty(
        name="Exact on",
        description="Scene frames on which what is drawn is the matte itself: 1001, 1050-1060",
    )
    drawn_frame: IntProperty(
        name="Drawn on", description="The frame that a mask without keyed shapes was drawn on"
    )
    spline_tolerance: FloatProperty(
        name="Tolerance",
        subtype="PIXEL",
        default=1,
        min=0.25,
        soft_max=10,
        max=100,
        description="How far a mask of the mattes may be from their edge on any frame",
    )
    rough_name: StringProperty(
        name="Mattes",
        description="Rough mattes, numbered as the plate is; gaps are filled",
        **datablock_name("rough", "images"),
    )

    @property
    def mask(self) -> bpy.types.Mask | None:
        return self.id_data.nodes[mask_node(self)].mask

    @mask.setter
    def mask(self, mask: bpy.types.Mask | None) -> None:
        self.id_data.nodes[mask_node(self)].mask = mask
        self.drawn_frame = bpy.context.scene.frame_current
        self.guide_changed = True
        rebuild_group(self)

    @property
    def rough(self) -> bpy.types.Image | None:
        return self.id_data.nodes[rough_node(self)].image

    @rough.setter
    def rough(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes[rough_node(self)].image = image
        self.guide_changed = True
        rebuild_group(self)


def colour_of(number: int) -> tuple[float, float, float]:
    """The colour that the subject of that number begins with; neighbours differ."""
    return colorsys.hsv_to_rgb((_FIRST_HUE + number * _TURN) % 1, 0.9, 1)


def has_shapes(mask: bpy.types.Mask | None) -> bool:
    """Whether something is drawn in a mask."""
    return mask is not None and any(len(layer.splines) for layer in mask.layers)


def missing_guidance(item: ResultSettings) -> str:
    """What an artist does before a subject can be baked: "Draw a Mask"; "" where nothing."""
    if item.guide == "MASK" and not has_shapes(item.mask):
        return "Draw a Mask"
    if item.guide == "SEQUENCE" and item.rough is None:
        return "Choose the Mattes"
    if item.guide == "POINTS" and not item.pointed:
        return "Point in the Picture"
    return ""


def solved_together(item: ResultSettings) -> list[ResultSettings]:
    """The subjects of a node that share its pixels with this one, which is among them.

    Those that are guided: one that the engine finds by itself would be what others are, too, so
    it is solved alone.
    """
    guided = [one for one in item.id_data.mattelier.objects if _is_guided(one)]
    return guided if _is_guided(item) else [item]


def _is_guided(item: ResultSettings) -> bool:
    return bool(item.guide != "NONE" or item.corrected) and not missing_guidance(item)


def mask_node(item: ResultSettings) -> str:
    """The name of the node inside the group that holds a subject's mask."""
    return f"Mask {item.uid}"


def rough_node(item: ResultSettings) -> str:
    """The name of the node inside the group that holds a subject's rough mattes."""
    return f"Rough {item.uid}"
