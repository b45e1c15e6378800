# SPDX-License-Identifier: GPL-3.0-or-later
"""What every type of node has: its plate, its cache, and the results that it bakes.

The classes that Blender knows are put together of these and of what each type of node adds; see
`settings` on the add-on's upper floor.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ..blend.paths import absolute
from ..blend.plates import plate_of_clip, plate_of_image
from ..blend.versions import BLEND_RELATIVE
from ..data.bake_files import NO_FILE
from ..data.failure import Failure
from ..data.names import names_with
from ..data.plate import Plate
from ..data.recent import recent
from ..engine.connection import model_names
from ..engine.preferences import DEFAULT_CACHE

PLATE = "Plate"
CLIP = "Clip"


def rebuild_group(owner: NodeSettings | ResultSettings, context: object = None) -> None:
    """Make the nodes inside the group follow the settings; for `update` of a property."""
    owner.id_data.mattelier.rebuild_group()


def datablock_name(attribute: str, collection: str) -> dict[str, Callable]:
    """Getter and setter of a property that is the name of a datablock, which a node holds.

    Parameters
    ----------
    attribute : str
        Of the property's owner: the datablock itself.
    collection : str
        Of `bpy.data`.
    """

    def get_name(owner: NodeSettings | ResultSettings) -> str:
        datablock = getattr(owner, attribute)
        return datablock.name if datablock else ""

    def set_name(owner: NodeSettings | ResultSettings, name: str) -> None:
        setattr(owner, attribute, getattr(bpy.data, collection).get(name))

    return {"get": get_name, "set": set_name}


Search = Callable[["NodeSettings", object, str], list[str]]


def searching_groups(is_wanted: Callable[[bpy.types.NodeTree, bpy.types.NodeTree], bool]) -> Search:
    """The `search` of a property that names a group; see `held_group`."""

    def search(settings: NodeSettings, context: object, text: str) -> list[str]:
        own = settings.id_data
        groups = [group for group in bpy.data.node_groups if is_wanted(group, own)]
        return names_with(text, (group.name for group in groups))

    return search


def searching_results(attribute: str) -> Search:
    """The `search` of a property that names a result of the group in another attribute."""

    def search(settings: NodeSettings, context: object, text: str) -> list[str]:
        group = getattr(settings, attribute)
        return names_with(text, (item.name for item in group.mattelier.objects) if group else ())

    return search


def held_group(
    node_name: str,
    is_wanted: Callable[[bpy.types.NodeTree, bpy.types.NodeTree], bool],
    result_name: str = "",
) -> property:
    """A group that one of the nodes inside the settings' own group holds; None where none is.

    Parameters
    ----------
    is_wanted : callable
        Whether a group, the first, may be held by another; one that may not is left out.
    result_name : str
        The property that names one of its results, which another group does not have.
    """

    def get(settings: NodeSettings) -> bpy.types.NodeTree | None:
        node = settings.id_data.nodes.get(node_name)  # files of earlier versions have none
        return node and node.node_tree

    def put(settings: NodeSettings, group: bpy.types.NodeTree | None) -> None:
        own = settings.id_data
        settings.rebuild_group()
        found = group if group is not None and is_wanted(group, own) else None
        own.nodes[node_name].node_tree = found
        if result_name:
            setattr(settings, result_name, "")

    return property(get, put)


def _place_plate(settings: NodeSettings, context: object = None) -> None:
    """A newly chosen plate begins where its numbers say, else where the scene begins."""
    settings.frame_start = settings.best_start(bpy.context.scene)  # rebuilds the group
    settings.node_type.on_new_plate(settings)


def _search_models(settings: NodeSettings, context: object, text: str) -> list[str]:
    return names_with(text, model_names(settings.node_type.model_task))


class ResultSettings:
    """What was baked: one for each subject of a Rotoscope node, one alone for other nodes."""

    name: StringProperty(name="Name", default="Subject", update=rebuild_group)
    uid: StringProperty(options={"HIDDEN"})
    baked: StringProperty(options={"HIDDEN"}, description="Digest of the settings of the bake")
    guided: StringProperty(options={"HIDDEN"}, description="Digest of the guidance of the bake")
    guide_changed: BoolProperty(options={"HIDDEN"})
    unsure: StringProperty(options={"HIDDEN"}, description="Frames to look at; empty: unknown")
    marks: StringProperty(options={"HIDDEN"}, description="The markers on the timeline for them")

    @property
    def stored_folder(self) -> str:
        """The folder that the node shows, as the .blend file keeps it; "" before the first bake.

        Its pictures alone know: Blender moves their paths along when a file is saved elsewhere, or
        a node is appended to another file.
        """
        image = self._image
        path = image.filepath.replace("\\", "/") if image else NO_FILE
        return "" if path == NO_FILE else path.rsplit("/", 2)[0]

    @property
    def folder(self) -> Path | None:
        """That folder as a path, None before the first bake."""
        return absolute(self.stored_folder, self._image.library) if self.stored_folder else None

    def image_node(self, pass_name: str) -> str:
        """The name of the node inside the group that shows a pass."""
        return f"{pass_name.capitalize()} {self.uid}"

    @property
    def _image(self) -> bpy.types.Image | None:
        first = self.id_data.mattelier.passes[0]
        node = self.id_data.nodes.get(self.image_node(first))
        return node and node.image


class NodeSettings:
    """A node's settings; they live on its group, in the .blend file.

    Every node that shares the group shares its settings and its bake, as Blender's groups do.
    Plate, mask, depth and the like are held by nodes inside the group and only named here: Blender
    loses count of the users of datablocks that a node group's own properties point to, at each
    redraw of its viewer.

    Attributes
    ----------
    kind : str
        Name of the type of node; "" on groups that are not ours.
    node_type : NodeType or None
        That type; None on groups that are not ours. The class that Blender knows has it.
    objects : collection of ResultSettings
        All that the node bakes. The class that Blender knows has it.
    """

    kind: StringProperty(options={"HIDDEN"})
    source: EnumProperty(
        name="Plate from",
        items=[
            ("IMAGE", "Image", "An image sequence, or a movie opened as an image"),
            ("CLIP", "Movie Clip", "A clip, as motion tracking uses it"),
        ],
        update=_place_plate,
    )
    image_name: StringProperty(name="Plate", **datablock_name("image", "images"))
    clip_name: StringProperty(name="Plate", **datablock_name("clip", "movieclips"))
    frame_start: IntProperty(
        name="Start Frame",
        default=1,
        update=rebuild_group,
        description="The scene frame on which the plate's first frame shows",
    )
    model: StringProperty(
        name="Model",
        default="default",
        search=_search_models,
        description="The network that is used",
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
        default=DEFAULT_CACHE,
        options={"ANIMATABLE"} | BLEND_RELATIVE,
        description="Folder of what is baked; // is where the .blend file lies",
    )
    active: IntProperty(name="Object")

    def rebuild_group(self) -> None:
        """Make the nodes inside the group follow the settings."""
        raise NotImplementedError

    @property
    def passes(self) -> tuple[str, ...]:
        """The sequences that the node bakes, named as their folders are."""
        return self.node_type.passes(self)

    @property
    def image(self) -> bpy.types.Image | None:
        return self.id_data.nodes[PLATE].image

    @image.setter
    def image(self, image: bpy.types.Image | None) -> None:
        self.id_data.nodes[PLATE].image = image
        _place_plate(self)

    @property
    def clip(self) -> bpy.types.MovieClip | None:
        return self.id_data.nodes[CLIP].clip

    @clip.setter
    def clip(self, clip: bpy.types.MovieClip | None) -> None:
        self.id_data.nodes[CLIP].clip = clip
        _place_plate(self)

    @property
    def plate_datablock(self) -> bpy.types.Image | bpy.types.MovieClip | None:
        """What the plate's files are named by."""
        return self.clip if self.source == "CLIP" else self.image

    def find_plate(self) -> Plate:
        """The plate that the node is set to.

        Raises
        ------
        Failure
            None is chosen, or its files are not there.
        """
        if self.source == "CLIP":
            return plate_of_clip(self.clip)
        if self.image is None:
            raise Failure("Choose a plate: an image sequence, or a movie.")
        return plate_of_image(self.image, self.frame_start, "plate")

    def recent_plate(self) -> Plate:
        """The plate as it was a moment ago; raises as `find_plate`."""
        chosen = self.plate_datablock
        name = f"{self.id_data.name_full} {chosen and chosen.name_full} {self.frame_start}"
        return recent(f"plate {name}", self.find_plate)

    def best_start(self, scene: bpy.types.Scene) -> int:
        """Where the plate begins best: on its own number where the scene shows it, else with it."""
        try:
            plate = self.find_plate()
        except Failure:
            return self.frame_start
        if self.source == "CLIP":
            return plate.start
        if scene.frame_start <= plate.first <= scene.frame_end:
            return plate.first
        return scene.frame_start
