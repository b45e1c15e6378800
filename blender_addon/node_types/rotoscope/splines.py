# SPDX-License-Identifier: GPL-3.0-or-later
"""Baked mattes as a keyed mask of Blender's own, to be finished by hand."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import bpy
from bpy.props import FloatProperty, IntProperty

from ...blend.scratch_scene import scratch_scene
from ...data.bake_files import baked_frames, pass_files
from ...data.failure import Failure
from ...data.frames import format_frames
from ...data.json_files import read_json
from ...data.plate import Plate
from ...engine.connection import run_task
from ...node.engine_operator import EngineOperator
from .guidance import keyed_frames

_MATTE = "matte"


class MakeSplines(EngineOperator, bpy.types.Operator):
    """Make a keyed mask of the baked mattes: few points, few key frames, to be finished by hand"""

    bl_idname = "mattelier.make_splines"
    bl_label = "Mattes to Mask"
    bl_options = {"REGISTER"}
    waiting = "tracing the mattes"

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})
    tolerance: FloatProperty(
        name="Tolerance",
        subtype="PIXEL",
        default=1,
        min=0.25,
        soft_max=10,
        max=100,
        description="How far the mask may be from the matte's edge on any frame",
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        settings = self.find_group().mattelier
        self.tolerance = settings.objects[self.index].spline_tolerance
        return super().invoke(context, event)

    def begin(self, context: bpy.types.Context) -> None:
        settings = self.find_group().mattelier
        item, plate = settings.objects[self.index], settings.find_plate()
        frames = sorted(baked_frames(item.folder, plate, [_MATTE])) if item.folder else []
        if not frames:
            raise Failure("There are no mattes to make a mask of; bake first.")
        self._name = f"{item.id_data.name} {item.name} splines"
        self._plate = plate
        self._mattes, self._frames = pass_files(item.folder, plate, _MATTE), frames

    def ask(self, engine: str) -> None:
        with tempfile.TemporaryDirectory(prefix="mattelier") as folder:
            file = Path(folder, "splines.json")
            options = {
                "mattes": self._mattes.pattern,
                "frames": format_frames(self._frames),
                "tolerance": round(self.tolerance, 4),
                "output": str(file),
            }
            self._report = run_task(engine, "splines", options)
            self._traced = read_json(file)

    def show(self, context: bpy.types.Context) -> None:
        if not self._traced["splines"]:
            raise Failure("The mattes have no outline: they are empty, or thinner than that.")
        mask = make_mask(self._name, self._traced, self._plate, self._frames)
        told = self._report
        message = (
            f"“{mask.name}”: {told['splines']} splines, {told['points']} points, "
            f"{told['keys']} key frames for {len(self._frames)}."
        )
        if told["left_out"]:
            message += f" {told['left_out']} pieces thinner than the tolerance are left out."
        self.report({"INFO"}, message)


def make_mask(
    name: str, traced: Mapping[str, object], plate: Plate, frames: list[int]
) -> bpy.types.Mask:
    """A mask of the curves that the engine traced, keyed as they are.

    Parameters
    ----------
    traced : mapping
        "size" and "splines", as the engine's file has them.
    frames : list of int
        All numbers of the plate that were traced, ascending.
    """
    mask = bpy.data.masks.new(name)
    shown = plate.scene_frame(frames[0]), plate.scene_frame(frames[-1])
    mask.frame_start, mask.frame_end = shown
    _add_pieces(mask, traced, plate, frames)
    return mask


def _add_pieces(
    mask: bpy.types.Mask, traced: Mapping[str, object], plate: Plate, frames: list[int]
) -> list[bpy.types.MaskLayer]:
    """Draw and key the curves in layers of their own, which are given."""
    before, counts = len(mask.layers), {False: 0, True: 0}
    keyed: dict[int, list[tuple[bpy.types.MaskLayer, list[list[float]]]]] = {}
    for spline in traced["splines"]:
        hole = spline["depth"] % 2 == 1
        counts[hole] += 1
        layer = mask.layers.new(name=f"{'Hole' if hole else 'Outline'} {counts[hole]}")
        layer.blend = "MERGE_SUBTRACT" if hole else "MERGE_ADD"
        _draw(layer, spline)
        _show_between(layer, spline, frames, plate)
        for number, shape in spline["keys"].items():
            keyed.setdefault(plate.scene_frame(int(number)), []).append((layer, shape))
    scene = bpy.context.scene
    frame_before, subframe = scene.frame_current, scene.frame_subframe
    with _mask_editing(mask) as key_shapes:
        for frame, shapes in sorted(keyed.items()):
            scene.frame_set(frame)  # which moves the shapes, so it comes before the drawing
            _select(mask, {layer.name for layer, _ in shapes})
            for layer, shape in shapes:
                _place(layer, shape, traced["size"])
            key_shapes()
        _select(mask, set())
    scene.frame_set(frame_before, subframe=subframe)
    return list(mask.layers)[before:]


def make_key_mask(
    name: str, traced: Mapping[str, object], plate: Plate, number: int
) -> bpy.types.Mask:
    """A mask of what was traced on one frame, keyed on that one of the plate's numbers."""
    mask = make_mask(name, _on_one_frame(traced, number), plate, [number])
    mask.frame_start, mask.frame_end = plate.scene_frame(plate.first), plate.scene_frame(plate.last)
    return mask


def add_key(
    mask: bpy.types.Mask,
    traced: Mapping[str, object],
    plate: Plate,
    number: int,
    drawn_frame: int,
) -> None:
    """Let a mask show what was traced on one of the plate's numbers, until its next key.

    What it shows on its other key frames stays: layers that are there already are out of sight
    from that frame to the next key.

    Parameters
    ----------
    drawn_frame : int
        The scene frame that a mask without keyed shapes was drawn on: it is keyed there.
    """
    frame, there = plate.scene_frame(number), list(mask.layers)
    with scratch_scene() as scene:
        keys = keyed_frames(mask, scene)
    if not keys and there:
        keys = [drawn_frame]
        _key_as_it_is(mask, drawn_frame)
    until = next((key for key in keys if key > frame), None)
    for layer in there:
        _key_alpha(layer, [(frame - 1, None), (frame, 0.0), (until, None)])
    for layer in _add_pieces(mask, _on_one_frame(traced, number), plate, [number]):
        _key_alpha(layer, [(frame - 1, 0.0), (frame, 1.0), (until, 0.0)])


def _on_one_frame(traced: Mapping[str, object], number: int) -> dict[str, object]:
    """What was traced on one frame, as that of the plate's number."""
    splines = [
        {**spline, "first": number, "last": number, "keys": {number: shape}}
        for spline in traced["splines"]
        for shape in spline["keys"].values()
    ]
    return {**traced, "splines": splines}


def _key_as_it_is(mask: bpy.types.Mask, frame: int) -> None:
    """Key the shapes of all layers on a frame."""
    scene = bpy.context.scene
    before, subframe = scene.frame_current, scene.frame_subframe
    with _mask_editing(mask) as key_shapes:
        scene.frame_set(frame)
        _select(mask, {layer.name for layer in mask.layers})
        key_shapes()
        _select(mask, set())
    scene.frame_set(before, subframe=subframe)


def _draw(layer: bpy.types.MaskLayer, spline: Mapping[str, object]) -> None:
    shape = next(iter(spline["keys"].values()))
    drawn = layer.splines.new()
    drawn.points.add(len(shape) - len(drawn.points))
    drawn.use_cyclic = True
    drawn.use_fill = True
    corners = set(spline["corners"])
    for number, point in enumerate(drawn.points):
        point.handle_type = "FREE" if number in corners else "ALIGNED_DOUBLESIDE"


def _select(mask: bpy.types.Mask, names: set[str]) -> None:
    """Select all points of these layers, and no others."""
    for layer in mask.layers:
        for spline in layer.splines:
            for point in spline.points:
                point.select = layer.name in names


def _place(layer: bpy.types.MaskLayer, shape: list[list[float]], size: list[int]) -> None:
    """Move the points: a mask counts 0…1 along the longer side, upwards, and .5 is the middle."""
    width, height = size
    longer = max(width, height)
    for point, (x, y, x0, y0, x1, y1) in zip(layer.splines[0].points, shape, strict=True):
        for attribute, across, down in (
            ("co", x, y),
            ("handle_left", x0, y0),
            ("handle_right", x1, y1),
        ):
            place = (across - width / 2) / longer + 0.5, (height / 2 - down) / longer + 0.5
            setattr(point, attribute, place)


def _show_between(
    layer: bpy.types.MaskLayer, spline: Mapping[str, object], frames: list[int], plate: Plate
) -> None:
    """Let a piece that comes or goes be there only as long as it is."""
    first, last = spline["first"], spline["last"]
    changes = []
    if first > frames[0]:
        changes += [(plate.scene_frame(frames[0]), 0.0), (plate.scene_frame(first), 1.0)]
    if last < frames[-1]:
        gone = frames[frames.index(last) + 1]
        changes += [(plate.scene_frame(first), 1.0), (plate.scene_frame(gone), 0.0)]
    _key_alpha(layer, changes)


def _key_alpha(
    layer: bpy.types.MaskLayer, changes: Iterable[tuple[int | None, float | None]]
) -> None:
    """Key how far a layer is to be seen, in steps.

    Parameters
    ----------
    changes : iterable of (int or None, float or None)
        Frames and values: None for no frame, and for the value that it has there.
    """
    path = layer.path_from_id("alpha")
    found = next((one for one in _curves(layer.id_data) if one.data_path == path), None)
    values = [
        (frame, value if value is not None else found.evaluate(frame) if found else layer.alpha)
        for frame, value in changes
        if frame is not None
    ]
    for frame, value in values:
        layer.alpha = value
        layer.keyframe_insert("alpha", frame=frame)
    for curve in _curves(layer.id_data):
        if values and curve.data_path == path:
            for key in curve.keyframe_points:
                key.interpolation = "CONSTANT"


def _curves(mask: bpy.types.Mask) -> Iterator[bpy.types.FCurve]:
    """The animation of a mask; in layers and strips since 4.4, and only there since 5.0."""
    action = mask.animation_data.action if mask.animation_data else None
    if action is None:
        return
    if hasattr(action, "fcurves"):
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                yield from bag.fcurves


@contextlib.contextmanager
def _mask_editing(mask: bpy.types.Mask) -> Iterator[Callable[[], None]]:
    """Gives what keys the shapes of all layers with selected points, on this frame.

    Only Blender's own operator keys shapes, and it wants an editor that shows the mask.
    """
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda one: one.width * one.height)
    editor = area.type
    area.type = "IMAGE_EDITOR"
    space = area.spaces.active
    before = space.ui_mode, space.mask
    space.ui_mode, space.mask = "MASK", mask
    region = next(one for one in area.regions if one.type == "WINDOW")

    def key_shapes() -> None:
        with bpy.context.temp_override(window=window, area=area, region=region):
            if bpy.ops.mask.shape_key_insert() != {"FINISHED"}:
                raise Failure("Blender could not key the mask's shape.")

    try:
        yield key_shapes
    finally:
        space.mask = before[1]
        space.ui_mode = before[0]
        area.type = editor


CLASSES = (MakeSplines,)
