# SPDX-License-Identifier: GPL-3.0-or-later
"""The Rotoscope node: a plate and what guides its subjects in, mattes and clean colours out."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from . import guidance
from .baked import GUIDE
from .failure import Failure
from .inner import Inner
from .kind import Asked, Kind
from .plate import Plate
from .properties import held, rewire
from .versions import set_option

if TYPE_CHECKING:
    from .settings import Result, Settings

MATTE = "matte"
_FOREGROUND = "foreground"

GUIDES = [
    ("NONE", "Automatic", "The engine finds the subject itself"),
    ("MASK", "Mask", "A mask drawn in Blender's mask editor, on one frame or keyed on several"),
    ("SEQUENCE", "Mattes", "An image sequence of rough mattes, numbered as the plate is"),
    ("TRACKS", "Track Markers", "Markers of the clip: on the subject, or off it (name begins -)"),
]


class RotoscopeSettings:
    """What is set on a Rotoscope node."""

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
        name="Tune (Seconds)",
        min=0,
        soft_max=1800,
        description="How long to train the network on the key frames of this shot; 0: not at all",
    )
    edge_shift: FloatProperty(
        name="Edge Shift",
        subtype="PIXEL",
        soft_min=-20,
        soft_max=20,
        min=-500,
        max=500,
        description="Move the finished edge, outwards where positive",
    )
    feather: FloatProperty(
        name="Feather",
        subtype="PIXEL",
        min=0,
        soft_max=50,
        max=500,
        description="Soften the finished edge",
    )
    use_foreground: BoolProperty(
        name="Foreground",
        default=True,
        update=rewire,
        description="Also bake the subject's own colour, free of the background along soft edges",
    )


class SubjectSettings:
    """What is set on one subject of a Rotoscope node."""

    guide: EnumProperty(name="Guidance", items=GUIDES, default="NONE")
    mask_name: StringProperty(
        name="Mask", description="Where the subject is", **held("mask", "masks")
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
    drawn_frame: IntProperty(
        name="Drawn on", description="The frame that a mask without keyed shapes was drawn on"
    )
    rough_name: StringProperty(
        name="Mattes",
        description="Rough mattes, numbered as the plate is; gaps are filled",
        **held("rough", "images"),
    )
    guide_changed: BoolProperty(options={"HIDDEN"})

    @property
    def mask(self) -> bpy.types.Mask | None:
        return self.id_data.nodes[f"Mask {self.uid}"].mask

    @mask.setter
    def mask(self, mask: bpy.types.Mask | None) -> None:
        self.id_data.nodes[f"Mask {self.uid}"].mask = mask
        self.drawn_frame = bpy.context.scene.frame_current
        self.guide_changed = True

    @property
    def rough(self) -> bpy.types.Image | None:
        return self.id_data.nodes[f"Rough {self.uid}"].image

    @rough.setter
    def rough(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes[f"Rough {self.uid}"].image = image
        self.guide_changed = True


class Rotoscope(Kind):
    """Three outputs for each subject: premultiplied, matte, straight colour."""

    name = "rotoscope"
    label = "Rotoscope"
    icon = "MOD_MASK"
    result = "Subject"
    noun = "matte"
    task = "roto"
    models = "matte"
    sockets = (
        ("Image", "NodeSocketColor"),
        ("Matte", "NodeSocketFloat"),
        ("Foreground", "NodeSocketColor"),
    )

    def parts(self, settings: Settings) -> tuple[str, ...]:
        return (MATTE, _FOREGROUND) if settings.use_foreground else (MATTE,)

    def decided(self, item: Result, plate: Plate) -> list[object]:
        settings = item.id_data.mattelier
        named = {"MASK": item.mask_name, "SEQUENCE": item.rough_name}.get(item.guide, "")
        return [
            [settings.model, settings.quality, settings.tune, settings.use_foreground],
            [round(settings.edge_shift, 3), round(settings.feather, 3)],
            [item.guide, named],
        ]

    def placed(self, item: Result, plate: Plate) -> object:
        if item.guide not in ("MASK", "TRACKS"):
            return None
        listed = item.key_list if item.keys == "LISTED" or item.guide == "TRACKS" else ""
        return [plate.start - plate.first, item.keys, listed, item.drawn_frame]

    def ask(self, item: Result, plate: Plate, place: Path, numbers: Sequence[int]) -> Asked:
        settings = item.id_data.mattelier
        drawn = place / f".{GUIDE}{secrets.token_hex(4)}"
        try:
            drawn.mkdir()
            guide = guidance.write(item, plate, drawn)
            masks = place / (GUIDE + guide.digest)
            if guide.files and not masks.is_dir():
                os.replace(drawn, masks)
        except OSError as error:
            raise Failure(f"{place} cannot be written: {error.strerror or error}.") from error
        finally:
            shutil.rmtree(drawn, ignore_errors=True)
        request = {
            "output": str(place),
            "keys": [
                *({"frame": n, "mask": str(masks / name)} for n, name in guide.files.items()),
                *({"frame": n, "points": points} for n, points in guide.points.items()),
            ],
            "outputs": list(self.parts(settings)),
            "matte": {
                "model": settings.model or "default",
                "quality": settings.quality,
                "edge_shift": settings.edge_shift,
                "feather": settings.feather,
            },
            "tune": settings.tune,
        }
        return Asked(request, guide.digest)

    def wire(
        self, inner: Inner, item: Result, source: bpy.types.Node, row: int
    ) -> tuple[bpy.types.NodeSocket, ...]:
        inner.node("CompositorNodeMask", f"Mask {item.uid}", -1, row)
        inner.node("CompositorNodeImage", f"Rough {item.uid}", -1, row + 1)
        matte = inner.baked(item, MATTE, row, data=True).outputs[0]
        colour = source.outputs[0]
        if item.id_data.mattelier.use_foreground:
            colour = inner.baked(item, _FOREGROUND, row + 1).outputs[0]
        colour = inner.sized(item, colour, inner.plate.size if inner.plate else (0, 0), row)
        cut = inner.node("CompositorNodeSetAlpha", f"Premultiply {item.uid}", 2, row)
        set_option(cut, "mode", "Type", "APPLY")
        inner.link(colour, cut.inputs[0])
        inner.link(matte, cut.inputs[1])
        return cut.outputs[0], matte, colour
