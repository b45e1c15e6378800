# SPDX-License-Identifier: GPL-3.0-or-later
"""The Match node: files of an element in, the same with the look of the plate that it goes into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import bpy
from bpy.props import FloatProperty, StringProperty

from ..blend.plates import plate_of_image
from ..data.failure import Failure
from ..data.json_files import digest
from ..data.plate import Plate
from ..data.stamps import file_stamp
from ..node.group_builder import GroupBuilder
from ..node.node_type import BakeRequest, PictureNodeType
from ..node.open_files import OpenFiles, load_image
from ..node.panels import SubPanel, draw_sentence
from ..node.request_field import RequestField, rounded
from ..node.settings import NodeSettings, ResultSettings, datablock_name

NAME = "enhance"
_MATCHED = "Matched Plate"


class MatchSettings:
    """What is set on a Match node."""

    matched_name: StringProperty(
        name="Match to",
        description="The plate that the element goes into; the frame in its middle is measured",
        options=set(),
        **datablock_name("matched", "images"),
    )
    match_look: FloatProperty(
        name="Light and Colour",
        subtype="FACTOR",
        default=0.3,
        min=0,
        max=1,
        options=set(),
        description="How far the element's tones and colours become those of the plate as a whole",
    )
    match_grain: FloatProperty(
        name="Grain",
        subtype="FACTOR",
        default=1,
        min=0,
        max=1,
        options=set(),
        description="How much of the plate's grain is added, where the element has less",
    )
    match_softness: FloatProperty(
        name="Softness",
        subtype="FACTOR",
        default=1,
        min=0,
        max=1,
        options=set(),
        description="How far the element becomes as soft as the plate's sharpest edges",
    )

    @property
    def matched(self) -> bpy.types.Image | None:
        node = self.id_data.nodes.get(_MATCHED)
        return node and node.image

    @matched.setter
    def matched(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes[_MATCHED].image = image


class OpenMatched(OpenFiles, bpy.types.Operator):
    """Open the plate that the element is to match by one of its files"""

    bl_idname = "mattelier.open_matched"
    bl_label = "Open Plate to Match"

    def open(self, settings: NodeSettings, path: str) -> None:
        settings.matched = load_image(path)


class Matching(SubPanel, bpy.types.Panel):
    bl_idname = "NODE_PT_mattelier_matching"
    bl_label = "Match"
    node_type = NAME

    def draw(self, context: bpy.types.Context) -> None:
        group, layout = self.begin(context)
        settings, column = group.mattelier, layout.column()
        row = column.row(align=True)
        row.prop_search(settings, "matched_name", bpy.data, "images")
        row.operator(OpenMatched.bl_idname, text="", icon="FILE_FOLDER")
        for name in ("match_look", "match_grain", "match_softness"):
            column.prop(settings, name)
        draw_sentence(column, "The plate above is the element: its files, with alpha.", "INFO")


class Match(PictureNodeType):
    """One output: the element, with its alpha, as if the plate's camera had seen it."""

    name = NAME
    label = "Match"
    icon = "MOD_HUE_SATURATION"
    description = "Add a node that gives an element the light, grain and softness of its plate"
    settings = MatchSettings
    fields = (  # of the engine's EnhanceRequest
        RequestField("match_strength", "match_look", rounded(4)),
        RequestField("match_grain", "match_grain", rounded(4)),
        RequestField("match_softness", "match_softness", rounded(4)),
    )
    classes = (OpenMatched, Matching)

    def cache_inputs(self, item: ResultSettings, plate: Plate) -> list[object]:
        matched = _matched_file(item.id_data.mattelier)
        return [*super().cache_inputs(item, plate), matched.name]

    def source_stamps(self, item: ResultSettings, plate: Plate) -> Mapping[int, str]:
        matched = digest(file_stamp(_matched_file(item.id_data.mattelier)))
        stamps = super().source_stamps(item, plate)
        return {number: f"{stamp} {matched}" for number, stamp in stamps.items()}

    def next_step(self, item: ResultSettings) -> str:
        return "" if item.id_data.mattelier.matched else "Choose the Plate to Match"

    def request(
        self, item: ResultSettings, plate: Plate, folder: Path, numbers: Sequence[int]
    ) -> BakeRequest:
        wishes = super().request(item, plate, folder, numbers).options
        options = {**wishes["options"], "match": str(_matched_file(item.id_data.mattelier))}
        return BakeRequest({**wishes, "options": options})

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        builder.node("CompositorNodeImage", _MATCHED, -1, row)  # shows nothing: holds the plate
        return super().build(builder, item, plate_node, row)


def _matched_file(settings: NodeSettings) -> Path:
    """The plate's frame that is measured; a movie, of which the engine takes the middle.

    Raises
    ------
    Failure
        There is none, or the engine would take its colours for others.
    """
    image = settings.matched
    if image is None:
        raise Failure("Choose the plate that the element is to match.")
    matched = plate_of_image(image, 1, "plate to match")
    if matched.engine_space is not None:
        raise Failure(
            f"The plate to match is in {matched.space}; the match reads files of sRGB and float "
            "files of Linear Rec.709 alone."
        )
    return matched.source(matched.numbers[len(matched.numbers) // 2])
