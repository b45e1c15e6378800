# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of our nodes: image files in, the sockets of their kind out."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import bpy

from . import baked, kinds, preferences
from .failure import Failure
from .inner import CLIP, OUTPUT, PLATE, Inner
from .plate import Plate, find

if TYPE_CHECKING:
    from .settings import Result

_NOTHING_NEW: Mapping[str, str] = MappingProxyType({})


def new(name: str) -> bpy.types.NodeTree:
    """A group of that kind with one result, no plate and nothing baked yet."""
    kind = kinds.ALL[name]
    group = bpy.data.node_groups.new(kind.label, "CompositorNodeTree")
    for type_of, of in (("CompositorNodeImage", PLATE), ("CompositorNodeMovieClip", CLIP)):
        group.nodes.new(type_of).name = of
    settings = group.mattelier
    settings.kind = name
    settings.cache = preferences.default_cache()
    add_object(group)
    return group


def is_ours(group: bpy.types.NodeTree | None) -> bool:
    return (
        group is not None
        and group.bl_idname == "CompositorNodeTree"
        and group.mattelier.kind in kinds.ALL
    )


def ours() -> Iterator[bpy.types.NodeTree]:
    """All our groups of the file that can be changed."""
    for group in bpy.data.node_groups:
        if is_ours(group) and group.library is None:
            yield group


def results(groups: Iterable[bpy.types.NodeTree]) -> Iterator[Result]:
    """All that these groups bake."""
    for group in groups:
        yield from group.mattelier.objects


def used_in(scene_tree: bpy.types.NodeTree | None) -> list[bpy.types.NodeTree]:
    """Our groups that a compositor tree shows, also inside other groups."""
    found: dict[str, bpy.types.NodeTree] = {}
    seen: set[str] = set()

    def look(group: bpy.types.NodeTree) -> None:
        for node in group.nodes:
            inner = getattr(node, "node_tree", None)
            if node.mute or inner is None or inner.name_full in seen:
                continue
            seen.add(inner.name_full)
            if is_ours(inner):
                found[inner.name_full] = inner
            else:
                look(inner)

    if scene_tree is not None:
        look(scene_tree)
    return list(found.values())


def with_sources(groups: Iterable[bpy.types.NodeTree]) -> list[bpy.types.NodeTree]:
    """These groups, and those whose bake theirs is made from."""
    found: dict[str, bpy.types.NodeTree] = {}
    for group in groups:
        source = kinds.of(group.mattelier).source(group.mattelier)
        if source is not None and source.library is None:
            found[source.name_full] = source
        found[group.name_full] = group
    return list(found.values())


def add_object(group: bpy.types.NodeTree) -> None:
    """One more result, with sockets of its own."""
    settings = group.mattelier
    kind = kinds.of(settings)
    item = settings.objects.add()
    item.uid = f"{kind.name}-{secrets.token_hex(4)}"
    for name, socket_type in kind.sockets:
        group.interface.new_socket(name, in_out="OUTPUT", socket_type=socket_type)
    number = len(settings.objects)
    item.name = kind.result if number == 1 else f"{kind.result} {number}"  # wires the group
    settings.active = number - 1


def remove_object(group: bpy.types.NodeTree, index: int) -> None:
    """Take a result away with its sockets; what was baked for it stays in the cache."""
    settings = group.mattelier
    count = len(kinds.of(settings).sockets)
    for item in _outputs(group)[index * count :][:count]:
        group.interface.remove(item)
    settings.objects.remove(index)
    settings.active = min(settings.active, len(settings.objects) - 1)
    wire(group)


def show(item: Result, folder: Path | None, plate: Plate | None = None) -> None:
    """Let a result's sockets show what lies in a folder, also what is yet to come."""
    wire(item.id_data, plate, {item.uid: relative(folder) if folder else ""})


def relative(path: Path) -> str:
    """As a .blend file keeps it: from its own place, where the drive allows."""
    if bpy.data.filepath:
        try:
            return bpy.path.relpath(str(path))
        except ValueError:  # another drive
            pass
    return str(path)


def wire(
    group: bpy.types.NodeTree,
    plate: Plate | None = None,
    shown: Mapping[str, str] = _NOTHING_NEW,
) -> None:
    """Make the inner nodes say what the settings say, and show other folders where `shown`."""
    settings = group.mattelier
    kind = kinds.of(settings)
    if plate is None:
        try:
            plate = find(settings)
        except Failure:
            plate = None
    _name_sockets(group)
    inner = Inner(group, plate, shown)
    image, clip = inner.node("CompositorNodeImage", PLATE), inner.node("CompositorNodeMovieClip",
                                                                       CLIP, -1)  # fmt: skip
    inner.time(image, settings.frame_start)
    output = inner.node("NodeGroupOutput", OUTPUT, 3)
    for index, item in enumerate(settings.objects):
        source = clip if settings.source == "CLIP" else image
        given = kind.wire(inner, item, source, 1 + 2 * index)
        for place, socket in enumerate(given, index * len(given)):
            inner.link(socket, output.inputs[place])
    inner.sweep()


def refresh(group: bpy.types.NodeTree) -> None:
    """Show files that have appeared since; Blender needs both the reload and the touch."""
    settings = group.mattelier
    for item in settings.objects:
        for part in kinds.of(settings).parts(settings):
            node = group.nodes[baked.node_name(item, part)]
            node.image.reload()
            node.frame_offset = node.frame_offset


def _name_sockets(group: bpy.types.NodeTree) -> None:
    settings = group.mattelier
    names = [
        name if len(settings.objects) == 1 else f"{item.name} {name}"
        for item in settings.objects
        for name, _ in kinds.of(settings).sockets
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
