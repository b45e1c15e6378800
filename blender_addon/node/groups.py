# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of our nodes: image files in, the sockets of their type out."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import bpy

from ..blend.paths import relative
from ..blend.versions import compositor
from ..data.failure import Failure
from ..data.plate import Plate
from ..engine.preferences import default_cache, default_model, default_tracker
from .group_builder import GroupBuilder
from .marks import clear_marks
from .node_type import NodeType
from .settings import CLIP, PLATE, ResultSettings

_OUTPUT = "Group Output"
_NOTHING_NEW: Mapping[str, str] = MappingProxyType({})


def new_group(node_type: NodeType) -> bpy.types.NodeTree:
    """A group of that type with one result, no plate and nothing baked yet."""
    group = bpy.data.node_groups.new(node_type.label, "CompositorNodeTree")
    for idname, name in (("CompositorNodeImage", PLATE), ("CompositorNodeMovieClip", CLIP)):
        group.nodes.new(idname).name = name
    settings = group.mattelier
    settings.kind = node_type.name
    settings.cache = default_cache()
    if node_type.model_task == "matte":
        settings.model = default_model()
        settings.tracker = default_tracker()
    add_result(group)
    return group


def is_ours(group: bpy.types.NodeTree | None) -> bool:
    return (
        group is not None
        and group.bl_idname == "CompositorNodeTree"
        and group.mattelier.node_type is not None
    )


def linked_sentence(group: bpy.types.NodeTree) -> str:
    """Where a linked group can be changed."""
    return f"“{group.name}” is linked from {group.library.filepath}; open that file and bake there."


def linked_groups() -> Iterator[bpy.types.NodeTree]:
    """All our groups of the file that belong to another file."""
    for group in bpy.data.node_groups:
        if is_ours(group) and group.library is not None:
            yield group


def editable_groups() -> Iterator[bpy.types.NodeTree]:
    """All our groups of the file that can be changed."""
    for group in bpy.data.node_groups:
        if is_ours(group) and group.library is None:
            yield group


def compositor_trees() -> Iterator[bpy.types.NodeTree]:
    """All trees of the file whose nodes can be changed: the scenes', and the groups."""
    for scene in bpy.data.scenes:
        tree = compositor(scene)
        if tree is not None and tree.library is None:
            yield tree
    for tree in bpy.data.node_groups:
        if tree.bl_idname == "CompositorNodeTree" and tree.library is None:
            yield tree


def results_of(groups: Iterable[bpy.types.NodeTree]) -> Iterator[ResultSettings]:
    """All that these groups bake."""
    for group in groups:
        yield from group.mattelier.objects


def results_with(uid: str) -> list[ResultSettings]:
    """The results of that uid in groups that can be changed: copied nodes share it."""
    return [item for item in results_of(editable_groups()) if item.uid == uid]


def groups_shown_by(scene_tree: bpy.types.NodeTree | None) -> list[bpy.types.NodeTree]:
    """Our groups that a compositor tree shows, also inside other groups."""
    shown: list[bpy.types.NodeTree] = []
    visited: set[str] = set()

    def visit(tree: bpy.types.NodeTree) -> None:
        for node in tree.nodes:
            group = getattr(node, "node_tree", None)
            if node.mute or group is None or group.name_full in visited:
                continue
            visited.add(group.name_full)
            if is_ours(group):
                shown.append(group)
            else:
                visit(group)

    if scene_tree is not None:
        visit(scene_tree)
    return shown


def with_sources(groups: Iterable[bpy.types.NodeTree]) -> list[bpy.types.NodeTree]:
    """These groups, and those whose bake theirs is made from."""
    ordered: dict[str, bpy.types.NodeTree] = {}
    for group in groups:
        for source in group.mattelier.node_type.source_groups(group.mattelier):
            if source.library is None:
                ordered[source.name_full] = source
        ordered[group.name_full] = group
    return list(ordered.values())


def add_result(group: bpy.types.NodeTree) -> None:
    """One more result, with sockets of its own."""
    settings = group.mattelier
    node_type = settings.node_type
    item = settings.objects.add()
    item.uid = f"{node_type.name}-{secrets.token_hex(4)}"
    for name, socket_type in node_type.sockets:
        group.interface.new_socket(name, in_out="OUTPUT", socket_type=socket_type)
    number = len(settings.objects)
    noun = node_type.result
    item.name = noun if number == 1 else f"{noun} {number}"  # builds the group
    settings.active = number - 1


def remove_result(group: bpy.types.NodeTree, index: int) -> None:
    """Take a result away with its sockets; what was baked for it stays in the cache."""
    settings = group.mattelier
    count = len(settings.node_type.sockets)
    for socket in _outputs(group)[index * count :][:count]:
        group.interface.remove(socket)
    settings.objects.remove(index)
    settings.active = min(settings.active, len(settings.objects) - 1)
    build(group)


def show_bake(
    item: ResultSettings, folder: Path, settings: str, guidance: str, plate: Plate | None = None
) -> None:
    """Let a result's sockets show what lies in a folder, also what is yet to come.

    Parameters
    ----------
    settings, guidance : str
        The digests of what it was baked with.
    """
    item.baked, item.guided, item.guide_changed = settings, guidance, False
    clear_marks(item)
    build(item.id_data, plate, {item.uid: relative(folder)})


def show_nothing(item: ResultSettings) -> None:
    """Let a result's sockets be as before the first bake."""
    build(item.id_data, folders={item.uid: ""})


def build(
    group: bpy.types.NodeTree,
    plate: Plate | None = None,
    folders: Mapping[str, str] = _NOTHING_NEW,
) -> None:
    """Make the nodes inside follow the settings, and show other folders where `folders` has them.

    Parameters
    ----------
    plate : Plate, optional
        That of the node, where it is known already.
    folders : mapping
        By the results' uid, as a .blend file keeps them; "" for none.
    """
    settings = group.mattelier
    if plate is None:
        try:
            plate = settings.find_plate()
        except Failure:
            plate = None
    _name_sockets(group)
    builder = GroupBuilder(group, plate, folders)
    image = builder.node("CompositorNodeImage", PLATE)
    clip = builder.node("CompositorNodeMovieClip", CLIP, -1)
    builder.set_frames(image, settings.frame_start)
    output = builder.node("NodeGroupOutput", _OUTPUT, 3)
    plate_node = clip if settings.source == "CLIP" else image
    for index, item in enumerate(settings.objects):
        sockets = settings.node_type.build(builder, item, plate_node, 1 + 2 * index)
        for number, socket in enumerate(sockets, index * len(sockets)):
            builder.link(socket, output.inputs[number])
    builder.remove_unused()
    label_nodes(group)


def next_step(group: bpy.types.NodeTree) -> str:
    """What an artist does next with a node: "Open a Plate" …; "" where it shows a bake."""
    settings = group.mattelier
    if settings.plate_datablock is None:
        return "Open a Plate"
    try:
        settings.recent_plate()
    except Failure:
        return "Find the Plate"
    if step := settings.node_type.next_step(result_to_guide(group)):
        return step
    return "" if all(item.stored_folder for item in settings.objects) else "Bake"


def result_to_guide(group: bpy.types.NodeTree) -> ResultSettings:
    """The first of a group's results that cannot be baked as it is, else the active one."""
    settings = group.mattelier
    waiting = filter(settings.node_type.next_step, settings.objects)
    return next(waiting, settings.objects[settings.active])


def label_nodes(group: bpy.types.NodeTree) -> None:
    """Show a group's next step as the label of its nodes, unless an artist gave them another."""
    name = group.mattelier.node_type.label
    step = next_step(group)
    label = f"{name}: {step}" if step else name
    for tree in compositor_trees():
        for node in tree.nodes:
            if getattr(node, "node_tree", None) != group or node.label == label:
                continue
            if node.label in ("", name) or node.label.startswith(f"{name}: "):
                node.label = label


def refresh(group: bpy.types.NodeTree) -> None:
    """Show files that have appeared since; Blender needs the reload, the tag and the touch."""
    settings = group.mattelier
    for item in settings.objects:
        for pass_name in settings.passes:
            node = group.nodes[item.image_node(pass_name)]
            node.image.reload()
            node.image.update_tag()  # without it, 5.2 shows nothing after the first bake
            node.frame_offset = node.frame_offset


def _name_sockets(group: bpy.types.NodeTree) -> None:
    settings = group.mattelier
    names = [
        name if len(settings.objects) == 1 else f"{item.name} {name}"
        for item in settings.objects
        for name, _ in settings.node_type.sockets
    ]
    for socket, name in zip(_outputs(group), names, strict=True):
        if socket.name != name:
            socket.name = name


def _outputs(group: bpy.types.NodeTree) -> list[bpy.types.NodeTreeInterfaceSocket]:
    return [
        item
        for item in group.interface.items_tree
        if item.item_type == "SOCKET" and item.in_out == "OUTPUT"
    ]
