# SPDX-License-Identifier: GPL-3.0-or-later
"""The Upscale node: a plate in, the same with more pixels and finer detail out."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

from ..data.failure import Failure
from ..data.plate import Plate
from ..node.node_type import PictureNodeType
from ..node.panels import SubPanel
from ..node.request_field import MODEL, RequestField, rounded
from ..node.settings import NodeSettings, rebuild_group


class UpscaleSettings:
    """What is set on an Upscale node."""

    scale: EnumProperty(
        name="Scale",
        items=[
            (str(times), f"{times} ×", f"{times} times as wide and high") for times in (2, 3, 4)
        ],
        update=rebuild_group,
    )
    use_denoise: BoolProperty(
        name="Denoise",
        description="Remove noise and compression, by a network made for photographs",
    )
    denoise: FloatProperty(
        name="Strength",
        subtype="FACTOR",
        default=0.5,
        min=0,
        max=1,
        description="How much noise and compression is removed",
    )


class Enlarging(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_enlarging"
    bl_label = "Enlarging"
    node_type = "upscale"

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings = group.mattelier
        column = layout.column()
        column.row().prop(settings, "scale", expand=True)
        column.prop(settings, "model")
        column.prop(settings, "use_denoise")
        if settings.use_denoise:
            column.prop(settings, "denoise")
        try:
            size = _enlarged(settings, settings.recent_plate())
        except Failure:
            return
        if all(size):
            column.label(text=f"Makes {size[0]} × {size[1]} pixels", icon="BLANK1")


class Upscale(PictureNodeType):
    """One output, larger than the plate."""

    name = "upscale"
    label = "Upscale"
    icon = "FULLSCREEN_ENTER"
    description = "Add a node that enlarges a plate, with the detail that belongs there"
    model_task = "upscale"
    settings = UpscaleSettings
    fields = (  # of the engine's UpscaleRequest
        MODEL,
        RequestField("scale", "scale", int),
        RequestField("denoise", "denoise", rounded(4), lambda settings: settings.use_denoise),
    )
    classes = (Enlarging,)

    def picture_size(self, settings: NodeSettings, plate: Plate | None) -> tuple[int, int]:
        return _enlarged(settings, plate) if plate else (0, 0)


def _enlarged(settings: NodeSettings, plate: Plate) -> tuple[int, int]:
    """Width and height of an enlarged plate."""
    times = int(settings.scale)
    return plate.size[0] * times, plate.size[1] * times
