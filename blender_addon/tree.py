# SPDX-License-Identifier: GPL-3.0-or-later
"""The group inside a Rotoscope node: image files in, three sockets per object out.

It is made of Blender's own nodes, so that it renders where this add-on is not installed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import bpy

from . import cache, preferences
from .failure import Failure
from .plate import Plate, find
from .versions import NEEDS_CANVAS, set_option

KIND = "rotoscope"
_SOCKETS = (
    ("Image", "NodeSocketColor"),
    ("Matte", "NodeSocketFloat"),
    ("Foreground", "NodeSocketColor"),
)
_PLATE = "Plate"
_CLIP = "Clip"
_CANVAS = "Canvas"
_OUTPUT = "Group Output"
_DATA = "Non-Color"
_LINEAR = "Linear Rec.709"
_NO_FILE = "none.0001.exr"


def new() -> bpy.types.NodeTree:
    """A group with one object, no plate and no mattes yet."""
    group = bpy.data.node_groups.new("Rotoscope", "CompositorNodeTree")
    _node(group, "CompositorNodeImage", _PLATE)
    _node(group, "CompositorNodeMovieClip", _CLIP, -1)
    settings = group.mattelier
    settings.kind = KIND
    settings.cache = preferences.default_cache()
    add_object(group)
    return group


def is_ours(group: bpy.types.NodeTree | None) -> bool:
    return (
        group is not None
        and group.bl_idname == "CompositorNodeTree"
        and group.mattelier.kind == KIND
    )


def ours() -> Iterator[bpy.types.NodeTree]:
    """All Rotoscope groups of the file that can be changed."""
    for group in bpy.data.node_groups:
        if is_ours(group) and group.library is None:
            yield group


def used_in(scene_tree: bpy.types.NodeTree | None) -> list[bpy.types.NodeTree]:
    """The Rotoscope groups that a compositor tree shows, also inside other groups."""
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


def add_object(group: bpy.types.NodeTree) -> None:
    """One more subject, with sockets of its own."""
    settings = group.mattelier
    item = settings.objects.add()
    item.uid = f"rotoscope-{secrets.token_hex(4)}"
    row = 2 * len(settings.objects) - 1
    _node(group, "CompositorNodeMask", f"Mask {item.uid}", -1, row)
    _node(group, "CompositorNodeImage", f"Rough {item.uid}", -1, row + 1)
    for name, kind in _SOCKETS:
        group.interface.new_socket(name, in_out="OUTPUT", socket_type=kind)
    number = len(settings.objects)
    item.name = "Subject" if number == 1 else f"Subject {number}"  # wires the group
    settings.active = number - 1


def remove_object(group: bpy.types.NodeTree, index: int) -> None:
    """Take a subject away with its sockets; its mattes stay in the cache."""
    settings = group.mattelier
    for item in _outputs(group)[index * len(_SOCKETS) :][: len(_SOCKETS)]:
        group.interface.remove(item)
    settings.objects.remove(index)
    settings.active = min(settings.active, len(settings.objects) - 1)
    wire(group)


def show(item: bpy.types.PropertyGroup, folder: Path, plate: Plate) -> None:
    """Let an object's sockets show the mattes of a folder, also those that are yet to come."""
    group = item.id_data
    item.folder = relative(folder)
    wire(group, plate)


def relative(path: Path) -> str:
    """As a .blend file keeps it: from its own place, where the drive allows."""
    if bpy.data.filepath:
        try:
            return bpy.path.relpath(str(path))
        except ValueError:  # another drive
            pass
    return str(path)


def wire(group: bpy.types.NodeTree, plate: Plate | None = None) -> None:
    """Make the inner nodes say what the settings say."""
    settings = group.mattelier
    if plate is None:
        try:
            plate = find(settings)
        except Failure:
            plate = None
    _name_sockets(group)
    wanted = {_PLATE, _CLIP, _OUTPUT}
    source = _node(group, "CompositorNodeImage", _PLATE)
    _time(source, plate, settings.frame_start)
    if settings.source == "CLIP":
        source = _node(group, "CompositorNodeMovieClip", _CLIP)
    output = _node(group, "NodeGroupOutput", _OUTPUT, 3)
    for index, item in enumerate(settings.objects):
        row = 1 + 2 * index
        matte = _node(group, "CompositorNodeImage", f"Matte {item.uid}", 0, row)
        _show_files(matte, item, plate, "matte", settings.frame_start, _DATA)
        colour = source
        if settings.use_foreground:
            colour = _node(group, "CompositorNodeImage", f"Foreground {item.uid}", 0, row + 1)
            space = plate.space if plate and is_scene_linear(plate) else _LINEAR
            _show_files(colour, item, plate, "foreground", settings.frame_start, space)
            wanted.add(colour.name)
        if NEEDS_CANVAS:
            sized = _on_canvas(group, f"Sized {item.uid}", plate, row)
            _link(group, colour.outputs[0], sized.inputs[2])
            colour = sized
            wanted |= {_CANVAS, sized.name}
        cut = _node(group, "CompositorNodeSetAlpha", f"Premultiply {item.uid}", 2, row)
        set_option(cut, "mode", "Type", "APPLY")
        _link(group, colour.outputs[0], cut.inputs[0])
        _link(group, matte.outputs[0], cut.inputs[1])
        given = (cut.outputs[0], matte.outputs[0], colour.outputs[0])
        for place, socket in enumerate(given, index * len(_SOCKETS)):
            _link(group, socket, output.inputs[place])
        wanted |= {f"{part} {item.uid}" for part in ("Matte", "Premultiply", "Mask", "Rough")}
    for node in [node for node in group.nodes if node.name not in wanted]:
        group.nodes.remove(node)


def _on_canvas(
    group: bpy.types.NodeTree, name: str, plate: Plate | None, row: int
) -> bpy.types.Node:
    """A mix that shows its second colour only, in the size of its first: the plate's."""
    canvas = _node(group, "CompositorNodeImage", _CANVAS, 0, 1)
    if canvas.image is None or _shown_elsewhere(canvas.image, canvas):
        canvas.image = bpy.data.images.new(f".{_CANVAS}", 32, 32)
    if plate is not None and all(plate.size):
        image = canvas.image
        image.generated_width, image.generated_height = plate.size
    mix = _node(group, "CompositorNodeMixRGB", name, 1, row)
    mix.inputs[0].default_value = 1
    _link(group, canvas.outputs[0], mix.inputs[1])
    return mix


def refresh(group: bpy.types.NodeTree) -> None:
    """Show files that have appeared since; Blender needs both the reload and the touch."""
    for node in group.nodes:
        if node.name.startswith(("Matte ", "Foreground ")):
            node.image.reload()
            node.frame_offset = node.frame_offset


def _name_sockets(group: bpy.types.NodeTree) -> None:
    objects = group.mattelier.objects
    names = [
        name if len(objects) == 1 else f"{item.name} {name}"
        for item in objects
        for name, _ in _SOCKETS
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


def _node(
    group: bpy.types.NodeTree, kind: str, name: str, column: int = 0, row: int = 0
) -> bpy.types.Node:
    node = group.nodes.get(name)
    if node is None:
        node = group.nodes.new(kind)
        node.name = name
        node.location = (260 * column, -340 * row)
    return node


def _link(
    group: bpy.types.NodeTree, start: bpy.types.NodeSocket, end: bpy.types.NodeSocket
) -> None:
    if not any(link.from_socket == start for link in end.links):
        group.links.new(start, end)


def _time(node: bpy.types.Node, plate: Plate | None, start: int) -> None:
    """A node's frames; its file's number is the scene frame − start + 1 + offset."""
    node.frame_start = start
    if plate is not None:
        node.frame_duration = plate.last - plate.first + 1
        node.frame_offset = plate.first - 1
        node.use_cyclic = plate.still


def _show_files(
    node: bpy.types.Node,
    item: bpy.types.PropertyGroup,
    plate: Plate | None,
    part: str,
    start: int,
    space: str,
) -> None:
    image = node.image
    if image is None or _shown_elsewhere(image, node):
        image = image.copy() if image else bpy.data.images.new("Matte", 1, 1, float_buffer=True)
        image.source = "SEQUENCE"
        node.image = image
    image.name = f".{item.name} {part}"
    path = _NO_FILE
    if item.folder and plate:
        path = str(cache.files(Path(item.folder), plate, part).file(plate.first))
    path = path.replace("\\", "/") if path.startswith("//") else path
    if image.filepath != path:
        image.filepath = path
    if image.colorspace_settings.name != space:
        image.colorspace_settings.name = space
    node.use_auto_refresh = True
    _time(node, plate, plate.start if plate else start)


def _shown_elsewhere(image: bpy.types.Image, node: bpy.types.Node) -> bool:
    """Whether a copied group still shares the picture with the group that it was copied from."""
    return any(
        other.bl_idname == "CompositorNodeImage" and other.image == image and other != node
        for group in ours()
        for other in group.nodes
    )


def is_scene_linear(plate: Plate) -> bool:
    """Whether the engine gives the foreground in the plate's own space: float files."""
    return plate.file.suffix.lower() in {".exr", ".hdr"}
