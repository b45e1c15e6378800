# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist sets on a node; it lives on the node's group, in the .blend file.

Every node that shares the group shares its settings and its bake, as Blender's groups do. Plate,
mask, depth and the like are held by nodes inside the group and only named here: Blender loses
count of the users of datablocks that a node group's own properties point to, at each redraw of its
viewer.
"""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import (
    CollectionProperty,
    EnumProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from . import baked, engine
from .bokeh import BokehSettings, place_depth
from .inner import CLIP, PLATE
from .properties import held, rewire
from .rotoscope import RotoscopeSettings, SubjectSettings
from .upscale import UpscaleSettings
from .versions import BLEND_RELATIVE


def _place(settings: Settings, context: object = None) -> None:
    """A newly chosen plate begins where its numbers say, else where the scene begins."""
    from . import plate

    settings.frame_start = plate.fitting_start(settings, bpy.context.scene)  # wires
    if settings.kind == "bokeh":
        place_depth(settings)


def _models(settings: Settings, context: object, text: str) -> list[str]:
    from . import kinds

    names = engine.model_names(kinds.of(settings).models)
    return [name for name in names if text.lower() in name]


class Result(SubjectSettings, bpy.types.PropertyGroup):
    """What was baked: one for each subject of a Rotoscope node, one alone for other nodes."""

    name: StringProperty(name="Name", default="Subject", update=rewire)
    uid: StringProperty(options={"HIDDEN"})
    baked: StringProperty(options={"HIDDEN"}, description="Digest of the settings of the bake")
    guided: StringProperty(options={"HIDDEN"}, description="Digest of the guidance of the bake")

    @property
    def folder(self) -> str:
        """The folder that the node shows, as the .blend file keeps it; "" before the first bake.

        Its pictures alone know: Blender moves their paths along when a file is saved elsewhere, or
        a node is appended to another file.
        """
        image = self._image
        path = image.filepath.replace("\\", "/") if image else baked.NO_FILE
        return "" if path == baked.NO_FILE else path.rsplit("/", 2)[0]

    @property
    def place(self) -> Path | None:
        """That folder as a path, None before the first bake."""
        if not self.folder:
            return None
        return Path(bpy.path.abspath(self.folder, library=self._image.library)).absolute()

    @property
    def _image(self) -> bpy.types.Image | None:
        from . import kinds

        settings = self.id_data.mattelier
        first = kinds.of(settings).parts(settings)[0]
        node = self.id_data.nodes.get(baked.node_name(self, first))
        return node and node.image


class Settings(RotoscopeSettings, UpscaleSettings, BokehSettings, bpy.types.PropertyGroup):
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
    image_name: StringProperty(name="Plate", **held("image", "images"))
    clip_name: StringProperty(name="Plate", **held("clip", "movieclips"))
    frame_start: IntProperty(
        name="Start Frame",
        default=1,
        update=rewire,
        description="The scene frame on which the plate's first frame shows",
    )
    model: StringProperty(
        name="Model", default="default", search=_models, description="The network that is used"
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
        description="Folder of what is baked; // is where the .blend file lies",
    )
    objects: CollectionProperty(type=Result)
    active: IntProperty(name="Object")

    @property
    def image(self) -> bpy.types.Image | None:
        return self.id_data.nodes[PLATE].image

    @image.setter
    def image(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes[PLATE].image = image
        _place(self)

    @property
    def clip(self) -> bpy.types.MovieClip | None:
        return self.id_data.nodes[CLIP].clip

    @clip.setter
    def clip(self, clip: bpy.types.MovieClip | None) -> None:
        self.id_data.nodes[CLIP].clip = clip
        _place(self)


CLASSES = (Result, Settings)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.CompositorNodeTree.mattelier = PointerProperty(type=Settings)


def unregister() -> None:
    del bpy.types.CompositorNodeTree.mattelier
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
