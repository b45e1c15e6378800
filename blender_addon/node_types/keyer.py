# SPDX-License-Identifier: GPL-3.0-or-later
"""The Keyer node: a plate before a green or blue screen in, the subject alone out."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, FloatVectorProperty, StringProperty

from ..blend.versions import MATH_NODE, set_mask_size
from ..node.edge import EdgeSettings, build_edge
from ..node.group_builder import GroupBuilder
from ..node.node_type import PictureNodeType
from ..node.panels import SubPanel
from ..node.request_field import RequestField, rounded
from ..node.settings import NodeSettings, ResultSettings, datablock_name, rebuild_group

NAME = "key"
_GARBAGE = "Garbage"
_HOLDOUT = "Hold-out"


class KeyerSettings(EdgeSettings):
    """What is set on a Keyer node; all but the screen and the despill acts at once."""

    screen: EnumProperty(
        name="Screen",
        items=[
            ("auto", "Automatic", "Green or blue, as the plate shows it"),
            ("green", "Green", "Its colour is sampled in the plate"),
            ("blue", "Blue", "Its colour is sampled in the plate"),
            ("COLOUR", "Colour", "The colour that you choose"),
        ],
    )
    screen_colour: FloatVectorProperty(
        name="Colour",
        subtype="COLOR_GAMMA",
        size=3,
        min=0,
        max=1,
        default=(0.28, 0.65, 0.38),
        description="The screen's colour as it shows in the plate, under its usual light",
    )
    screen_despill: FloatProperty(
        name="Despill",
        subtype="FACTOR",
        default=1,
        min=0,
        max=1,
        description="How much of the screen's light on the subject is taken away",
    )
    clip_black: FloatProperty(
        name="Clip Black",
        subtype="FACTOR",
        min=0,
        max=0.99,
        update=rebuild_group,
        description="Alpha up to here becomes 0; acts at once",
    )
    clip_white: FloatProperty(
        name="Clip White",
        subtype="FACTOR",
        default=1,
        min=0.01,
        max=1,
        update=rebuild_group,
        description="Alpha from here on becomes 1; acts at once",
    )
    garbage_name: StringProperty(
        name="Garbage",
        description="A mask of what is left out; acts at once",
        **datablock_name("garbage", "masks"),
    )
    holdout_name: StringProperty(
        name="Hold-out",
        description="A mask of what is kept, whatever its colour (core matte); acts at once",
        **datablock_name("holdout", "masks"),
    )

    @property
    def screen_name(self) -> str:
        """The screen as the engine's request names it."""
        if self.screen != "COLOUR":
            return self.screen
        return "#" + "".join(f"{round(255 * value):02x}" for value in self.screen_colour)

    @property
    def garbage(self) -> bpy.types.Mask | None:
        return self.id_data.nodes[_GARBAGE].mask

    @garbage.setter
    def garbage(self, mask: bpy.types.Mask | None) -> None:
        self.id_data.nodes[_GARBAGE].mask = mask
        rebuild_group(self)

    @property
    def holdout(self) -> bpy.types.Mask | None:
        return self.id_data.nodes[_HOLDOUT].mask

    @holdout.setter
    def holdout(self, mask: bpy.types.Mask | None) -> None:
        self.id_data.nodes[_HOLDOUT].mask = mask
        rebuild_group(self)


class Screen(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_screen"
    bl_label = "Screen"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        column = layout.column()
        column.prop(settings, "screen")
        if settings.screen == "COLOUR":
            column.prop(settings, "screen_colour")
        column.prop(settings, "screen_despill")


class Matte(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_screen_matte"
    bl_label = "Matte (acts at once)"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        column = layout.column()
        for name in ("garbage_name", "holdout_name"):
            column.prop_search(group.mattelier, name, bpy.data, "masks")
        for name in ("clip_black", "clip_white", "edge_shift", "feather"):
            column.prop(group.mattelier, name)


class Keyer(PictureNodeType):
    """Three outputs: premultiplied, matte, straight colour without the screen's light."""

    name = NAME
    label = "Keyer"
    icon = "EYEDROPPER"
    description = "Add a node that keys a green or blue screen"
    sockets = (
        ("Image", "NodeSocketColor"),
        ("Matte", "NodeSocketFloat"),
        ("Foreground", "NodeSocketColor"),
    )
    settings = KeyerSettings
    fields = (  # of the engine's KeyingRequest
        RequestField("screen", "screen_name"),
        RequestField("despill", "screen_despill", rounded(4)),
    )
    classes = (Screen, Matte)

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        masks = [builder.node("CompositorNodeMask", name, -1, row) for name in (_HOLDOUT, _GARBAGE)]
        keyed = builder.baked(item, self.name, row)
        colour = builder.straight(f"Straight {item.uid}", keyed.outputs[0], row)
        plate = builder.straight(f"Plate {item.uid}", plate_node.outputs[0], row)
        baked = keyed.outputs["Alpha"]
        matte = _clipped(builder, item.id_data.mattelier, baked, row)
        for node, with_mask in zip(masks, (_with, _without), strict=True):
            if builder.plate is not None:
                set_mask_size(node, builder.plate.size)
            if node.mask is not None:
                matte = with_mask(builder, matte, node.outputs[0], row)
        return build_edge(builder, item, (baked, matte), (colour, plate), row)


def _clipped(
    builder: GroupBuilder, settings: NodeSettings, matte: bpy.types.NodeSocket, row: int
) -> bpy.types.NodeSocket:
    """A matte that is 0 up to clip black, and 1 from clip white on."""
    low, high = settings.clip_black, max(settings.clip_white, settings.clip_black + 0.001)
    if (low, high) == (0, 1):
        return matte
    raised = _math(builder, "Clip Black", "SUBTRACT", (matte, low), row)
    return _math(builder, "Clip White", "DIVIDE", (raised, high - low), row, clamp=True)


def _without(
    builder: GroupBuilder, matte: bpy.types.NodeSocket, mask: bpy.types.NodeSocket, row: int
) -> bpy.types.NodeSocket:
    rest = _math(builder, "Not Garbage", "SUBTRACT", (1.0, mask), row)
    return _math(builder, "Without Garbage", "MULTIPLY", (matte, rest), row)


def _with(
    builder: GroupBuilder, matte: bpy.types.NodeSocket, mask: bpy.types.NodeSocket, row: int
) -> bpy.types.NodeSocket:
    return _math(builder, "With Hold-out", "MAXIMUM", (matte, mask), row)


def _math(
    builder: GroupBuilder,
    name: str,
    operation: str,
    values: tuple[float | bpy.types.NodeSocket, float | bpy.types.NodeSocket],
    row: int,
    *,
    clamp: bool = False,
) -> bpy.types.NodeSocket:
    """Two mattes or numbers, by one of Blender's operations."""
    node = builder.node(MATH_NODE, name, 1, row)
    node.operation, node.use_clamp = operation, clamp
    for value, end in zip(values, node.inputs, strict=False):
        if isinstance(value, bpy.types.NodeSocket):
            builder.link(value, end)
        else:
            end.default_value = value
    return node.outputs[0]
