# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's subjects as one Cryptomatte, as Blender's own node and other compositors read it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...blend.paths import relative
from ...data.bake_files import baked_frames, note_made_from, pass_files, read_made_from
from ...data.failure import Failure
from ...data.frames import format_frames
from ...data.json_files import digest
from ...data.plate import Plate
from ...data.recent import forget
from ...data.sequence import Sequence as Files
from ...engine.connection import run_task
from ...node.engine_operator import EngineOperator
from ...node.groups import compositor_trees
from ...node.settings import NodeSettings, ResultSettings

_MATTE = "matte"
_PASS = "cryptomatte"
_LAYER = "CryptoObject"  # as the engine calls it
_NODE = "CompositorNodeCryptomatteV2"
_BELOW = 260  # the new node, under the one whose subjects it shows
_SEPARATOR = ","  # of names, in Blender's node


class MakeCryptomatte(EngineOperator, bpy.types.Operator):
    """Write the subjects' mattes as one Cryptomatte, and show it in Blender's Cryptomatte node"""

    bl_idname = "mattelier.make_cryptomatte"
    bl_label = "Make Cryptomatte"
    bl_options = {"REGISTER"}
    waiting = "writing the Cryptomatte"

    def begin(self, context: bpy.types.Context) -> None:
        settings = self.find_group().mattelier
        self._plan = _plan(settings, settings.find_plate())

    def ask(self, engine: str) -> None:
        _write(engine, self._plan, self._plan.frames)

    def show(self, context: bpy.types.Context) -> None:
        group = self.find_group()
        group.mattelier.cryptomatte = _PASS
        _show_plan(group, self._plan)
        count, frames = len(self._plan.mattes), len(self._plan.frames)
        self.report(
            {"INFO"},
            f"{count} subject{'s'[: count > 1]} on {frames} frame{'s'[: frames > 1]}.",
        )


@dataclass(frozen=True)
class _Plan:
    """What a Cryptomatte is made of.

    Attributes
    ----------
    sources : mapping
        Digest of all that a frame is made from, by the plate's numbers, ascending.
    mattes : mapping
        Patterns of the subjects' mattes by their names.
    """

    plate: Plate
    sources: Mapping[int, str]
    mattes: Mapping[str, str]
    files: Files

    @property
    def frames(self) -> Sequence[int]:
        return list(self.sources)

    def outdated(self) -> Sequence[int]:
        """The frames that are not there, or were made of other mattes or names."""
        there, made = self.files.scan(), read_made_from(self.files.folder).sources
        return [n for n in self.frames if n not in there or made.get(n) != self.sources[n]]


def _plan(settings: NodeSettings, plate: Plate) -> _Plan:
    """What a node's Cryptomatte is to be made of now.

    Raises
    ------
    Failure
        It cannot be made.
    """
    items = _baked(settings, plate)
    if not items:
        raise Failure("There are no mattes to make a Cryptomatte of; bake first.")
    names = [_shown_name(item) for item in items]
    for name in names:
        if names.count(name) > 1:
            raise Failure(f"Two subjects are called “{name}”; give one of them another name.")
    frames = sorted(
        set.intersection(*(set(baked_frames(i.folder, plate, [_MATTE])) for i in items))
    )
    if not frames:
        raise Failure("There is no frame on which all subjects have mattes; bake first.")
    made = [read_made_from(item.folder).sources for item in items]
    mattes = {
        name: pass_files(item.folder, plate, _MATTE).pattern
        for name, item in zip(names, items, strict=True)
    }
    sources = {n: digest([names, [one.get(n) for one in made]]) for n in frames}
    return _Plan(plate, sources, mattes, cryptomatte_files(items[0], plate))


def _write(engine: str, plan: _Plan, frames: Sequence[int]) -> None:
    folder = plan.files.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        options = {
            "mattes": plan.mattes,
            "frames": format_frames(frames),
            "output": plan.files.pattern,
        }
        run_task(engine, "cryptomatte", options)
        note_made_from(folder, "", "", {number: plan.sources[number] for number in frames})
    except OSError as error:
        raise Failure(f"{folder} cannot be written: {error.strerror or error}.") from error


def _show_plan(group: bpy.types.NodeTree, plan: _Plan) -> None:
    """Let Blender's nodes show what has been written."""
    written = [number for number in plan.files.scan() if number in plan.plate.numbers]
    for node in _nodes_for(group, plan.files):
        _show(node, plan.files, plan.plate, written, list(plan.mattes))
    forget()


def renew(settings: NodeSettings, numbers: Iterable[int], engine: str) -> str:
    """Make a node's Cryptomatte anew on those of these numbers where its mattes or names have
    changed, or where it is missing; one that was made once, that is.

    A farm's machines bake parts of a shot: each makes its own.

    Returns
    -------
    str
        What was done, for people; "" where nothing was.

    Raises
    ------
    Failure
    """
    wanted = set(numbers)
    if not settings.cryptomatte or not wanted:
        return ""
    plan = _plan(settings, settings.find_plate())
    frames = [number for number in plan.outdated() if number in wanted]
    if not frames:
        return ""
    _write(engine, plan, frames)
    _show_plan(settings.id_data, plan)
    count = len(frames)
    return (
        f"the Cryptomatte of “{settings.id_data.name}” was made anew on {count} "
        f"frame{'s'[: count > 1]}."
    )


def cryptomatte_files(item: ResultSettings, plate: Plate) -> Files:
    """Where a node's Cryptomatte lies: beside the bakes of its first subject that has one."""
    folder = item.folder.parents[1] / f"{item.uid}-{_PASS}"
    return Files(folder, f"{plate.name}_{_PASS}.", 4, ".exr")


def is_outdated(settings: NodeSettings, plate: Plate) -> bool:
    """Whether mattes or names have changed since the Cryptomatte was made, or some of it is gone.

    Raises
    ------
    Failure
        It could not be made now.
    """
    return bool(settings.cryptomatte) and bool(_plan(settings, plate).outdated())


def _baked(settings: NodeSettings, plate: Plate) -> list[ResultSettings]:
    found = [item for item in settings.objects if item.folder is not None]
    return [item for item in found if baked_frames(item.folder, plate, [_MATTE])]


def _shown_name(item: ResultSettings) -> str:
    return item.name.replace(_SEPARATOR, " ").strip() or item.uid


def _nodes_for(group: bpy.types.NodeTree, files: Files) -> Sequence[bpy.types.Node]:
    """Cryptomatte nodes that show these files, or a new one below the group's first node."""
    trees = list(compositor_trees())
    found = [
        node
        for tree in trees
        for node in tree.nodes
        if node.bl_idname == _NODE and node.source == "IMAGE" and _shows(node, files)
    ]
    if found:
        return found
    for tree in trees:
        for node in tree.nodes:
            if getattr(node, "node_tree", None) == group:
                new = tree.nodes.new(_NODE)
                new.source = "IMAGE"
                new.location = node.location.x, node.location.y - _BELOW
                new.label = f"{group.name} Cryptomatte"
                return [new]
    return []


def _shows(node: bpy.types.Node, files: Files) -> bool:
    image = node.image
    if image is None:
        return False
    return Path(bpy.path.abspath(image.filepath)).absolute().parent == files.folder


def _show(
    node: bpy.types.Node, files: Files, plate: Plate, frames: Sequence[int], names: Sequence[str]
) -> None:
    before, picked, path = node.image, node.matte_id, relative(files.file(frames[0]))
    if before is not None and before.filepath == path:
        before.reload()  # a render that has begun sees no other image
    else:
        image = bpy.data.images.load(path)
        image.name = files.head.rstrip(".")
        tuple(image.size)  # 4.3 finds the layers of one file, not of a sequence nobody looked at
        image.source = "SEQUENCE"
        node.image = image
        if before is not None and not before.users:
            bpy.data.images.remove(before)
    node.frame_start = plate.scene_frame(frames[0])
    node.frame_duration = frames[-1] - frames[0] + 1
    node.frame_offset = frames[0] - 1
    node.use_auto_refresh = True
    with contextlib.suppress(TypeError):  # newer ones know of no layer yet
        node.layer_name = _LAYER  # 4.2 shows nothing at first where nobody has asked for it
    node.matte_id = picked or _SEPARATOR.join(names)


CLASSES = (MakeCryptomatte,)
