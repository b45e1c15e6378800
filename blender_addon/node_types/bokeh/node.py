# SPDX-License-Identifier: GPL-3.0-or-later
"""The Bokeh node: a plate and its depth in, the same through a wide lens out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import bpy

from ...data.failure import Failure
from ...data.json_files import digest
from ...data.plate import Plate
from ...data.stamps import file_stamp
from ...node.group_builder import GroupBuilder
from ...node.node_type import BakeRequest, PictureNodeType
from ...node.settings import NodeSettings, ResultSettings
from . import panels
from .footage import Footage, depth_footage, engine_patterns, matte_footage, node_depth_footage
from .settings import (
    DEPTH_GROUP_NODE,
    DEPTH_NODE,
    FIELDS,
    MATTES_NODE,
    NAME,
    BokehSettings,
    place_depth,
)


class Bokeh(PictureNodeType):
    """One output: the plate through a wide lens."""

    name = NAME
    label = "Bokeh"
    icon = "CAMERA_DATA"
    description = "Add a node that blurs a plate by its depth, as a wide lens does"
    settings = BokehSettings
    fields = FIELDS
    classes = panels.CLASSES

    def cache_inputs(self, item: ResultSettings, plate: Plate) -> list[object]:
        settings = item.id_data.mattelier
        return [
            *super().cache_inputs(item, plate),
            [settings.focus, list(settings.focus_point)] if settings.focus == "POINT" else [],
            [settings.depth_from],
            *(footage.cache_inputs for footage in _footage(settings, plate)),
        ]

    def source_groups(self, settings: NodeSettings) -> Iterable[bpy.types.NodeTree]:
        if settings.depth_from == "NODE" and settings.depth_group is not None:
            yield settings.depth_group
        if settings.uses_mattes and settings.mattes is not None:
            yield settings.mattes

    def source_stamps(self, item: ResultSettings, plate: Plate) -> Mapping[int, str]:
        # The engine pulls the focus, and judges what is far, by all frames of a shot.
        used = _footage(item.id_data.mattelier, plate)
        files = [[n, file_stamp(file)] for footage in used for n, file in footage.files.items()]
        stamps = super().source_stamps(item, plate)
        return {number: f"{stamp} {digest(files)}" for number, stamp in stamps.items()}

    def on_new_plate(self, settings: NodeSettings) -> None:
        place_depth(settings)

    def request(
        self, item: ResultSettings, plate: Plate, folder: Path, numbers: Sequence[int]
    ) -> BakeRequest:
        settings = item.id_data.mattelier
        patterns, links = engine_patterns(_footage(settings, plate), plate, folder, numbers)
        lens = super().request(item, plate, folder, numbers).options
        depth = {"file": patterns.get("depth")}
        focus = _focus_pixel(settings, plate)
        options = {**lens["options"], "depth": depth, "focus": focus}
        return BakeRequest({**lens, "options": options, "mattes": patterns.get("matte")}, links)

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        # These three show nothing; they hold what the settings name.
        builder.node("CompositorNodeImage", DEPTH_NODE, -1, row)
        builder.node("CompositorNodeGroup", MATTES_NODE, -1, row + 1)
        builder.node("CompositorNodeGroup", DEPTH_GROUP_NODE, -1, row + 2)
        return super().build(builder, item, plate_node, row)


def _focus_pixel(settings: NodeSettings, plate: Plate) -> dict[str, int] | None:
    """The sharp pixel, from the top left; raises Failure where the plate has none such."""
    if settings.focus != "POINT":
        return None
    x, y = settings.focus_point
    width, height = plate.size
    if not (x < width and y < height):
        raise Failure(f"The point {x}, {y} lies outside the plate of {width} × {height} pixels.")
    return {"x": x, "y": height - 1 - y}


def _footage(settings: NodeSettings, plate: Plate) -> Iterator[Footage]:
    """What is used beside the plate.

    Raises
    ------
    Failure
        It is not chosen, or not there.
    """
    if settings.depth_from == "FILES":
        if settings.depth is None:
            raise Failure("Choose the files of the depth pass, or another depth.")
        yield depth_footage("depth", settings.depth, settings.depth_start, plate)
    if settings.depth_from == "NODE":
        if settings.depth_group is None:
            raise Failure("Choose the Depth node whose depth is used, or another depth.")
        yield node_depth_footage("depth", settings.depth_group, plate)
    if settings.uses_mattes and settings.mattes is not None:
        yield matte_footage("matte", settings, plate)
