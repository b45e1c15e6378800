# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist sets on a Rotoscope node; it lives on the node's group, in the .blend file.

Every node that shares the group shares its settings and its mattes, as Blender's groups do. Plate,
mask and rough mattes are held by nodes inside the group and only named here: Blender loses count of
the users of datablocks that a node group's own properties point to, at each redraw of its viewer.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import engine
from .versions import BLEND_RELATIVE

GUIDES = [
    ("NONE", "Automatic", "The engine finds the subject itself"),
    ("MASK", "Mask", "A mask drawn in Blender's mask editor, on one frame or keyed on several"),
    ("SEQUENCE", "Mattes", "An image sequence of rough mattes, numbered as the plate is"),
    ("TRACKS", "Track Markers", "Markers of the clip: on the subject, or off it (name begins -)"),
]


def _wire(settings: Settings, context: object) -> None:
    from . import tree

    tree.wire(settings.id_data)


def _wire_object(item: RotoObject, context: object) -> None:
    _wire(item.id_data.mattelier, context)


def _place(settings: Settings, context: object = None) -> None:
    """A newly chosen plate begins where its numbers say, else where the scene begins."""
    from . import plate

    settings.frame_start = plate.fitting_start(settings, bpy.context.scene)  # wires


def _held(attribute: str, collection: str) -> dict[str, Callable]:
    """Getter and setter of the name of what a node holds, for a property that is a name."""

    def get(owner: Settings | RotoObject) -> str:
        held = getattr(owner, attribute)
        return held.name if held else ""

    def put(owner: Settings | RotoObject, name: str) -> None:
        setattr(owner, attribute, getattr(bpy.data, collection).get(name))

    return {"get": get, "set": put}


def _models(settings: Settings, context: object, text: str) -> list[str]:
    return [name for name in engine.model_names() if text.lower() in name]


class RotoObject(bpy.types.PropertyGroup):
    """One subject of a plate, with its guidance and what was baked for it."""

    name: StringProperty(name="Name", default="Subject", update=_wire_object)
    uid: StringProperty(options={"HIDDEN"})
    guide: EnumProperty(name="Guidance", items=GUIDES, default="NONE")
    mask_name: StringProperty(
        name="Mask", description="Where the subject is", **_held("mask", "masks")
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
        **_held("rough", "images"),
    )
    folder: StringProperty(options={"HIDDEN"}, description="Where this object's mattes lie")
    baked: StringProperty(options={"HIDDEN"}, description="Digest of the settings of the bake")
    guided: StringProperty(options={"HIDDEN"}, description="Digest of the guidance of the bake")
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


class Settings(bpy.types.PropertyGroup):
    """A node's settings; `kind` is "" on groups that are not ours."""

    kind: StringProperty(options={"HIDDEN"})
    source: EnumProperty(
        name="Plate from",
        items=[
            ("IMAGE", "Image", "An image sequence, or a movie opened as an image"),
            ("CLIP", "Movie Clip", "A clip, as motion tracking uses it"),
        ],
        update=_place,
    )
    image_name: StringProperty(name="Plate", **_held("image", "images"))
    clip_name: StringProperty(name="Plate", **_held("clip", "movieclips"))
    frame_start: IntProperty(
        name="Start Frame",
        default=1,
        update=_wire,
        description="The scene frame on which the plate's first frame shows",
    )
    model: StringProperty(
        name="Model", default="default", search=_models, description="The network that mattes"
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
        update=_wire,
        description="Also bake the subject's own colour, free of the background along soft edges",
    )
    when_missing: EnumProperty(
        name="On the Farm",
        items=[
            ("STOP", "Stop if Missing", "A render without window ends with exit code 3"),
            ("BAKE", "Bake if Missing", "A render without window bakes what it needs first"),
        ],
    )
    cache: StringProperty(
        name="Cache",
        subtype="DIR_PATH",
        default="//mattelier",
        options={"ANIMATABLE"} | BLEND_RELATIVE,
        description="Folder of the mattes; // is where the .blend file lies",
    )
    objects: CollectionProperty(type=RotoObject)
    active: IntProperty(name="Object")

    @property
    def image(self) -> bpy.types.Image | None:
        return self.id_data.nodes["Plate"].image

    @image.setter
    def image(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes["Plate"].image = image
        _place(self)

    @property
    def clip(self) -> bpy.types.MovieClip | None:
        return self.id_data.nodes["Clip"].clip

    @clip.setter
    def clip(self, clip: bpy.types.MovieClip | None) -> None:
        self.id_data.nodes["Clip"].clip = clip
        _place(self)


CLASSES = (RotoObject, Settings)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.CompositorNodeTree.mattelier = PointerProperty(type=Settings)


def unregister() -> None:
    del bpy.types.CompositorNodeTree.mattelier
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
