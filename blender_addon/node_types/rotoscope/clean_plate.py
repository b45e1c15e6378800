# SPDX-License-Identifier: GPL-3.0-or-later
"""A frame of the plate without a subject: its baked matte is filled from what lies around it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ...blend.paths import relative
from ...data.bake_files import pass_files
from ...data.failure import Failure
from ...data.plate import Plate
from ...data.sequence import Sequence as Files
from ...engine.connection import ask_task
from ...node.engine_operator import EngineOperator
from ...node.group_operator import ResultOperator
from ...node.groups import compositor_trees
from ...node.settings import NodeSettings, ResultSettings
from .over_picture import picture_of_frame

if TYPE_CHECKING:
    from ...mattelier_worker.client import Pixels

_MATTE = "matte"
_CLEAN = "clean"
_NODE = "CompositorNodeImage"
_DATA, _LINEAR, _DISPLAY = "Non-Color", "Linear Rec.709", "sRGB"
_ABOVE = 300  # the new node, over the one whose subject it lacks


class MakeCleanPlate(EngineOperator, ResultOperator, bpy.types.Operator):
    """Take this subject out of this frame of the plate, and fill where it was; shown by a node"""

    bl_idname = "mattelier.clean_plate"
    bl_label = "Clean Plate of This Frame"
    bl_options = {"REGISTER"}
    waiting = "filling where the subject was"

    def begin(self, context: bpy.types.Context) -> None:
        settings = self.find_group().mattelier
        item, plate = settings.objects[self.index], settings.find_plate()
        self._frame = context.scene.frame_current
        number = plate.shown_number(self._frame)
        matte = pass_files(item.folder, plate, _MATTE).file(number) if item.folder else None
        if matte is None or not matte.is_file():
            raise Failure(f"There is no matte on frame {self._frame}; bake it first.")
        image = _frame_of_plate(settings, plate, self._frame, number)
        try:
            self._is_linear = image.is_float
            self._size = tuple(image.size)
            self._samples = _samples(image)
        finally:
            bpy.data.images.remove(image)
        if not self._samples:
            raise Failure(f"Blender could not draw frame {self._frame} of the plate.")
        self._mask = _mask(matte)
        self._file = _clean_file(item, plate, number, ".exr" if self._is_linear else ".png")

    def ask(self, engine: str) -> None:
        colour = array("f", bytes(3 * len(self._samples)))
        for channel in range(3):
            colour[channel::3] = self._samples[channel::4]
        colour_space = "linear" if self._is_linear else "display"
        pictures = {"picture": _to_wire(colour, self._size, 3, colour_space), "mask": self._mask}
        answer = ask_task(engine, "erase", {}, pictures)
        self._note = str(answer.report.get("note") or "")
        filled = answer.pictures["picture"]
        found = array("f", _turned(b"".join(filled.strips), self._size[1]))
        for channel in range(3):
            self._samples[channel::4] = found[channel :: filled.channels]

    def show(self, context: bpy.types.Context) -> None:
        width, height = self._size
        image = bpy.data.images.new(
            self._file.stem, width, height, alpha=True, float_buffer=self._is_linear
        )
        try:
            image.colorspace_settings.name = _DATA  # else Blender saves floats as sRGB
            image.pixels.foreach_set(self._samples)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            image.filepath_raw = str(self._file)
            image.file_format = "OPEN_EXR" if self._is_linear else "PNG"
            image.save()
        except (OSError, RuntimeError) as error:
            raise Failure(f"{self._file} cannot be written: {error}.") from error
        finally:
            bpy.data.images.remove(image)
        _show(self.find_group(), self._file, _LINEAR if self._is_linear else _DISPLAY)
        self.report({"INFO"}, f"Frame {self._frame} without the subject. {self._note}".strip())


def _frame_of_plate(
    settings: NodeSettings, plate: Plate, frame: int, number: int
) -> bpy.types.Image:
    """A frame as it is in its file; of a movie as it is displayed."""
    shown = settings.plate_datablock
    if getattr(shown, "source", "") == "MOVIE":
        return picture_of_frame(settings, plate, frame)
    image = bpy.data.images.load(str(plate.source(number)))
    image.colorspace_settings.name = plate.space
    return image


def _mask(file: Path) -> Pixels:
    image = bpy.data.images.load(str(file))
    try:
        image.colorspace_settings.name = _DATA
        return _to_wire(_samples(image)[::4], tuple(image.size), 1, "linear")
    finally:
        bpy.data.images.remove(image)


def _samples(image: bpy.types.Image) -> array[float]:
    """RGBA, the bottom row first; empty where Blender cannot read the file."""
    samples, channels = array("f", bytes(4 * len(image.pixels))), image.channels
    if samples:
        image.pixels.foreach_get(samples)
    if channels == 4 or not samples:
        return samples
    whole = array("f", [1]) * (4 * len(samples) // channels)
    for channel in range(3):
        whole[channel::4] = samples[min(channel, channels - 1) :: channels]
    return whole


def _to_wire(samples: array[float], size: tuple[int, int], channels: int, transfer: str) -> Pixels:
    from ...mattelier_worker.client import Pixels

    rows = [_turned(samples.tobytes(), size[1])]
    return Pixels(*size, channels, "f32", rows, transfer)


def _turned(rows: bytes, height: int) -> bytes:
    """The last row first."""
    size = len(rows) // height
    return b"".join(rows[y * size : (y + 1) * size] for y in reversed(range(height)))


def _clean_file(item: ResultSettings, plate: Plate, number: int, suffix: str) -> Path:
    """Beside the subject's bakes."""
    folder = item.folder.parents[1] / f"{item.uid}-{_CLEAN}"
    return Files(folder, f"{plate.name}_{_CLEAN}.", 4, suffix).file(number)


def _show(group: bpy.types.NodeTree, file: Path, space: str) -> None:
    """Show a file in the nodes that show it already, or in a new one over the group's first."""
    trees = list(compositor_trees())
    nodes = [node for tree in trees for node in tree.nodes]
    shown = [node for node in nodes if node.bl_idname == _NODE and _shows(node, file)]
    for node in shown:
        node.image.reload()
        node.image.update_tag()
        node.frame_offset = node.frame_offset
    if shown:
        return
    for tree, node in _holders(trees, group):
        new = tree.nodes.new(_NODE)
        new.image = bpy.data.images.load(relative(file))
        new.image.colorspace_settings.name = space
        new.location = node.location.x, node.location.y + _ABOVE
        new.label = file.stem
        return


def _shows(node: bpy.types.Node, file: Path) -> bool:
    image = node.image
    return image is not None and Path(bpy.path.abspath(image.filepath)).absolute() == file


def _holders(
    trees: Iterable[bpy.types.NodeTree], group: bpy.types.NodeTree
) -> Iterable[tuple[bpy.types.NodeTree, bpy.types.Node]]:
    for tree in trees:
        for node in tree.nodes:
            if getattr(node, "node_tree", None) == group:
                yield tree, node


CLASSES = (MakeCleanPlate,)
