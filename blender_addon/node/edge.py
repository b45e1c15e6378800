# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge of a baked matte, moved and softened by Blender's own nodes: at once, without a bake."""

from __future__ import annotations

import bpy
from bpy.props import FloatProperty

from .group_builder import GroupBuilder
from .settings import ResultSettings, rebuild_group


class EdgeSettings:
    """What is set on the edge of a node that bakes mattes."""

    edge_shift: FloatProperty(
        name="Edge Shift",
        subtype="PIXEL",
        soft_min=-20,
        soft_max=20,
        min=-500,
        max=500,
        update=rebuild_group,
        description="Move the finished edge, outwards where positive; acts at once",
    )
    feather: FloatProperty(
        name="Feather",
        subtype="PIXEL",
        min=0,
        soft_max=50,
        max=500,
        update=rebuild_group,
        description="Soften the finished edge; acts at once",
    )


def build_edge(
    builder: GroupBuilder,
    item: ResultSettings,
    mattes: tuple[bpy.types.NodeSocket, bpy.types.NodeSocket],
    colours: tuple[bpy.types.NodeSocket, bpy.types.NodeSocket],
    row: int,
) -> tuple[bpy.types.NodeSocket, ...]:
    """The premultiplied picture, its matte and its straight colour.

    Parameters
    ----------
    mattes : (socket, socket)
        As baked, and as it shall be before its edge is moved.
    colours : (socket, socket)
        Straight: the subject's, and the plate's, which shows where the matte has grown; the same
        where no other was baked.
    """
    settings = item.id_data.mattelier
    (baked, matte), (colour, plate) = mattes, colours
    is_clean = colour != plate
    if settings.edge_shift:
        matte = builder.shifted(item, matte, settings.edge_shift, row)
    if is_clean and matte != baked:
        colour = builder.taken_in(item, colour, plate, (baked, matte), row)
    size = builder.plate.size if builder.plate else (0, 0)
    # The matte has the plate's own alpha in it, and cutting multiplies alpha as well.
    colour = builder.opaque(item, colour, size, row)
    if settings.feather:
        hard, matte = matte, builder.feathered(item, matte, settings.feather, row)
        if is_clean:
            colour = builder.extended(item, colour, (hard, matte), settings.feather, row)
    return builder.cut(f"Premultiply {item.uid}", colour, matte, row), matte, colour
