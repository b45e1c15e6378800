# SPDX-License-Identifier: GPL-3.0-or-later
"""The Rotoscope node: a plate and what guides its subjects in, mattes and clean colours out."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import bpy

from ...blend.plates import image_file
from ...data.bake_files import GUIDANCE_PREFIX
from ...data.failure import Failure
from ...data.json_files import digest
from ...data.plate import Plate
from ...data.sequence import Sequence as Files
from ...data.stamps import file_stamp
from ...node.edge import build_edge
from ...node.group_builder import GroupBuilder
from ...node.node_type import BakeRequest, NodeType
from ...node.request_field import encode_request
from ...node.settings import NodeSettings, ResultSettings
from . import clean_plate, correcting, cryptomatte, finding, operators, panels, pointing, splines
from .corrected import corrected, correction_node
from .guidance import Guidance, exact_numbers, write_guidance
from .mask_edits import mark_edited_masks
from .settings import (
    MATTE_FIELDS,
    NAME,
    ROTO_FIELDS,
    TUNED_NODE,
    RotoscopeSettings,
    SubjectSettings,
    mask_node,
    missing_guidance,
    rough_node,
    solved_together,
)
from .tuned import track_folder

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
    has_preview = True
    sockets = (
        ("Image", "NodeSocketColor"),
        ("Matte", "NodeSocketFloat"),
        ("Foreground", "NodeSocketColor"),
    )
    settings = RotoscopeSettings
    result_settings = SubjectSettings
    classes = tuple(
        found
        for module in (
            operators,
            splines,
            pointing,
            correcting,
            cryptomatte,
            clean_plate,
            finding,
            panels,
        )
        for found in module.CLASSES
    )
    handlers = ((bpy.app.handlers.depsgraph_update_post, mark_edited_masks),)

    def preview_options(self, settings: NodeSettings) -> dict[str, object]:
        matte = {**encode_request(MATTE_FIELDS, settings), "refine": False}
        proxy = int(settings.preview_size) / 100
        return {"outputs": ["preview"], "matte": matte, "proxy": proxy}

    def passes(self, settings: NodeSettings) -> tuple[str, ...]:
        return (_MATTE, _FOREGROUND) if settings.use_foreground else (_MATTE,)

    def cache_inputs(self, item: ResultSettings, plate: Plate) -> list[object]:
        settings = item.id_data.mattelier
        tracker = encode_request(ROTO_FIELDS, settings)["tracker"]
        return [
            [_network_name(settings), settings.quality, settings.tune, settings.use_foreground],
            # What was baked before trackers could be chosen stays as fresh as it was.
            [settings.refine, *([tracker] if tracker else [])],
            [item.guide, _source_name(item)],
        ]

    def frame_inputs(self, item: ResultSettings, plate: Plate) -> object:
        own = self._own_inputs(item, plate)
        others = [one for one in solved_together(item) if one.uid != item.uid]
        if not others:
            return own
        found = [[o.uid, o.guide, _source_name(o), self._own_inputs(o, plate)] for o in others]
        return [own, found]

    def _own_inputs(self, item: ResultSettings, plate: Plate) -> object:
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
        rough = [
            [[n, file_stamp(files.file(n))] for n in files.scan()]
            for one in solved_together(item)
            if one.guide == "SEQUENCE" and one.rough is not None
            if (files := Files.of_file(image_file(one.rough)))
        ]
        if not rough:
            return stamps
        # One matte reaches many frames; the engine knows which.
        guided = digest(rough[0] if len(rough) == 1 else rough)
        return {number: f"{stamp} {guided}" for number, stamp in stamps.items()}

    def baked_after(self, settings: NodeSettings) -> Iterable[bpy.types.NodeTree]:
        if settings.network_from == "NODE" and settings.tuned_group is not None:
            yield settings.tuned_group

    def next_step(self, item: ResultSettings) -> str:
        return missing_guidance(item)

    def guide_buttons(self, item: ResultSettings) -> list[tuple[str, str, str]]:
        point = (pointing.PointAtSubject.bl_idname, "Point in the Picture", "RESTRICT_SELECT_OFF")
        draw = (operators.DrawMask.bl_idname, "Draw a Mask", "MOD_MASK")
        return {"NONE": [point, draw], "POINTS": [point], "MASK": [draw]}.get(item.guide, [])

    def request(
        self, item: ResultSettings, plate: Plate, folder: Path, numbers: Sequence[int]
    ) -> BakeRequest:
        settings = item.id_data.mattelier
        scratch = folder / f".{GUIDANCE_PREFIX}{secrets.token_hex(4)}"
        try:
            scratch.mkdir()
            found = {}
            for one in solved_together(item):
                (scratch / one.uid).mkdir()
                found[one.uid] = write_guidance(one, plate, scratch / one.uid)
            guided = _digest_of(found)
            masks = folder / (GUIDANCE_PREFIX + guided)
            if any(one.files or one.corrected for one in found.values()) and not masks.is_dir():
                os.replace(scratch, masks)
        except OSError as error:
            raise Failure(f"{folder} cannot be written: {error.strerror or error}.") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        keys = [
            key
            for one in solved_together(item)
            for key in _keys(one, plate, found, masks / one.uid)
        ]
        options = {
            "output": str(folder),
            "objects": list(found),
            "written": [item.uid],
            "keys": keys,
            "track_folder": str(track_folder(folder, plate)),
            "outputs": list(self.passes(settings)),
            "matte": encode_request(MATTE_FIELDS, settings),
            **encode_request(ROTO_FIELDS, settings),
        }
        return BakeRequest(options, guided)

    def renew(self, settings: NodeSettings, numbers: Iterable[int], engine: str) -> str:
        return cryptomatte.renew(settings, numbers, engine)

    def build(
        self, builder: GroupBuilder, item: ResultSettings, plate_node: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        builder.node("CompositorNodeGroup", TUNED_NODE, -1)  # shows nothing
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


def _network_name(settings: NodeSettings) -> str:
    """What tells a network from others, wherever its folder lies."""
    network = settings.network
    return network if settings.network_from == "MODEL" else Path(network).name


def _source_name(item: ResultSettings) -> str:
    """The datablock that guides a subject."""
    return {"MASK": item.mask_name, "SEQUENCE": item.rough_name}.get(item.guide, "")


def _digest_of(found: Mapping[str, Guidance]) -> str:
    digests = [[uid, guidance.digest] for uid, guidance in found.items()]
    return digests[0][1] if len(digests) == 1 else digest(digests)


def _keys(
    item: ResultSettings, plate: Plate, found: Mapping[str, Guidance], folder: Path
) -> Iterator[dict[str, object]]:
    """The engine's keys of one subject, whose files lie in that folder.

    Parameters
    ----------
    found : mapping
        The guidance of all that are solved together: what is said to be one is none of the others.
    """
    guidance, exact = found[item.uid], exact_numbers(item, plate)
    for number, name in guidance.files.items():
        edge = "exact" if number in exact else "rough"
        mask = str(folder / name)
        yield {"frame": number, "mask": mask, "edge": edge, "object": item.uid}
    for number, name in guidance.corrected.items():
        mask = str(folder / name)
        yield {"frame": number, "mask": mask, "edge": "matte", "object": item.uid}
    for number, said in guidance.points.items():
        others = [
            {**click, "positive": False}
            for uid, other in found.items()
            for click in other.points.get(number, {}).get("points", ())
            if uid != item.uid and click["positive"]
        ]
        points = [*said["points"], *others]
        yield {"frame": number, **said, "points": points, "object": item.uid}
