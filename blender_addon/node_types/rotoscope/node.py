# SPDX-License-Identifier: GPL-3.0-or-later
"""The Rotoscope node: a plate and what guides its subjects in, mattes and clean colours out."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import bpy

from ...footage.bake_files import GUIDANCE_PREFIX
from ...footage.plate import Plate, image_file
from ...footage.sequence import Sequence as Files
from ...footage.stamps import file_stamp
from ...ground.failure import Failure
from ...ground.json_files import digest
from ...node.edge import build_edge
from ...node.group_builder import GroupBuilder
from ...node.node_type import BakeRequest, NodeType
from ...node.request_field import encode_request
from ...node.settings import NodeSettings, ResultSettings
from . import correcting, cryptomatte, operators, panels, pointing, splines
from .corrected import corrected, correction_node
from .guidance import exact_numbers, write_guidance
from .mask_edits import mark_edited_masks
from .settings import (
    MATTE_FIELDS,
    NAME,
    ROTO_FIELDS,
    RotoscopeSettings,
    SubjectSettings,
    has_shapes,
    mask_node,
    rough_node,
)

_MATTE = "matte"
_FOREGROUND = "foreground"


class Rotoscope(NodeType):
    """Three outputs for each subject: premultiplied, matte, straight colour."""

    name = NAME
    label = "Rotoscope"
    description = "Add a node that cuts a subject out of a plate, over time"
    icon = "MOD_MASK"
    result = "Subject"
    noun = "matte"
    task = "roto"
    model_task = "matte"
    matte_pass = _MATTE
    has_report = True
    sockets = (
        ("Image", "NodeSocketColor"),
        ("Matte", "NodeSocketFloat"),
        ("Foreground", "NodeSocketColor"),
    )
    guide_operator = (operators.DrawMask.bl_idname, "Draw a Mask", "MOD_MASK")
    settings = RotoscopeSettings
    result_settings = SubjectSettings
    classes = tuple(
        found
        for module in (operators, splines, pointing, correcting, cryptomatte, panels)
        for found in module.CLASSES
    )
    handlers = ((bpy.app.handlers.depsgraph_update_post, mark_edited_masks),)

    def passes(self, settings: NodeSettings) -> tuple[str, ...]:
        return (_MATTE, _FOREGROUND) if settings.use_foreground else (_MATTE,)

    def cache_inputs(self, item: ResultSettings, plate: Plate) -> list[object]:
        settings = item.id_data.mattelier
        source = {"MASK": item.mask_name, "SEQUENCE": item.rough_name}.get(item.guide, "")
        return [
            [settings.model, settings.quality, settings.tune, settings.use_foreground],
            [settings.refine],
            [item.guide, source],
        ]

    def frame_inputs(self, item: ResultSettings, plate: Plate) -> object:
        guided = self._guide_inputs(item, plate)
        return [guided, item.corrected] if item.corrected else guided

    def _guide_inputs(self, item: ResultSettings, plate: Plate) -> object:
        if item.guide == "NONE":
            return None
        if item.guide == "POINTS":
            return item.pointed
        edge = [item.edge, item.exact_list] if item.guide != "TRACKS" else []
        if item.guide == "SEQUENCE":
            return edge
        listed = item.key_list if item.keys == "LISTED" or item.guide == "TRACKS" else ""
        return [plate.start - plate.first, item.keys, listed, item.drawn_frame, edge]

    def source_stamps(self, item: ResultSettings, plate: Plate) -> Mapping[int, str]:
        stamps = super().source_stamps(item, plate)
        if item.guide != "SEQUENCE" or item.rough is None:
            return stamps
        files = Files.of_file(image_file(item.rough))
        rough = [[n, file_stamp(files.file(n))] for n in files.scan()] if files else []
        guided = digest(rough)  # one matte reaches many frames; the engine knows which
        return {number: f"{stamp} {guided}" for number, stamp in stamps.items()}

    def next_step(self, item: ResultSettings) -> str:
        if item.guide == "MASK" and not has_shapes(item.mask):
            return "Draw a Mask"
        if item.guide == "SEQUENCE" and item.rough is None:
            return "Choose the Mattes"
        if item.guide == "POINTS" and not item.pointed:
            return "Point in the Picture"
        return ""

    def request(
        self, item: ResultSettings, plate: Plate, folder: Path, numbers: Sequence[int]
    ) -> BakeRequest:
        settings = item.id_data.mattelier
        scratch = folder / f".{GUIDANCE_PREFIX}{secrets.token_hex(4)}"
        try:
            scratch.mkdir()
            guidance = write_guidance(item, plate, scratch)
            masks = folder / (GUIDANCE_PREFIX + guidance.digest)
            if (guidance.files or guidance.corrected) and not masks.is_dir():
                os.replace(scratch, masks)
        except OSError as error:
            raise Failure(f"{folder} cannot be written: {error.strerror or error}.") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        exact = exact_numbers(item, plate)
        keys = [
            {
                "frame": number,
                "mask": str(masks / name),
                "edge": "exact" if number in exact else "rough",
                "object": item.uid,
            }
            for number, name in guidance.files.items()
        ]
        keys += [
            {"frame": number, "mask": str(masks / name), "edge": "matte", "object": item.uid}
            for number, name in guidance.corrected.items()
        ]
        keys += [
            {"frame": number, **said, "object": item.uid}
            for number, said in guidance.points.items()
        ]
        track = f"track-{digest([Path(plate.pattern).name, plate.space])}"
        options = {
            "output": str(folder),
            "objects": [item.uid],
            "keys": keys,
            "track_folder": str(folder.parents[1] / track),
            "outputs": list(self.passes(settings)),
            "matte": encode_request(MATTE_FIELDS, settings),
            **encode_request(ROTO_FIELDS, settings),
        }
        return BakeRequest(options, guidance.digest)

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        builder.node("CompositorNodeMask", mask_node(item), -1, row)
        builder.node("CompositorNodeImage", rough_node(item), -1, row + 1)
        with contextlib.suppress(Failure):  # told where it is baked
            for number in corrected(item):
                builder.node("CompositorNodeImage", correction_node(item, number), -2, row)
        settings = item.id_data.mattelier
        matte = builder.baked(item, _MATTE, row, data=True).outputs[0]
        colour = plate = builder.straight(f"Straight {item.uid}", plate_node.outputs[0], row)
        if settings.use_foreground:
            colour = builder.baked(item, _FOREGROUND, row + 1).outputs[0]
        if settings.use_foreground and settings.despill < 1:
            despill = f"Despill {item.uid}"
            colour = builder.mix(despill, settings.despill, plate, colour, 1, row)
        return build_edge(builder, item, (matte, matte), (colour, plate), row)
