# SPDX-License-Identifier: GPL-3.0-or-later
"""A render whose baked frames are missing: never silently black.

With a window it goes on, and the artist is told, beside the picture too, and offered to bake.
Without one, it stops with an exit code or bakes first, as the node says.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ..baking.freshness import missing_frames, state
from ..blend.scratch_scene import is_scratch
from ..blend.versions import compositor
from ..data.failure import Failure
from ..data.frames import format_frames
from ..engine.preferences import engine_choice
from ..farm.child_blender import bake_in_child
from ..farm.process import EXIT_FAILED, exit_process, print_message
from ..node.groups import groups_shown_by, results_of, with_sources
from .bake_operator import Bake

_WARNING_WIDTH_PX = 420
_missing: dict[str, str] = {}  # what the last render with a window lacked, by the group's name


class Warn(bpy.types.Operator):
    """Baked frames were missing in the render"""

    bl_idname = "mattelier.warn_missing"
    bl_label = "Baked Frames Are Missing"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_popup(self, width=_WARNING_WIDTH_PX)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.label(text="This render lacks baked frames, and is empty there:", icon="ERROR")
        for name, sentence in _missing.items():
            layout.label(text=f"{name}: {sentence}", icon="BLANK1")
        _draw_bake_buttons(layout.row())

    def execute(self, context: bpy.types.Context) -> set[str]:
        return {"FINISHED"}


def _draw_bake_buttons(layout: bpy.types.UILayout) -> None:
    for then, text in (("FRAME", "Bake, Then Render"), ("ANIMATION", "… Animation")):
        button = layout.operator(Bake.bl_idname, text=text)
        button.everywhere, button.then = True, then
        button.frames = "CURRENT" if then == "FRAME" else "SCENE"


def _draw_beside_render(header: bpy.types.Header, context: bpy.types.Context) -> None:
    image = context.space_data.image
    if _missing and image is not None and image.type == "RENDER_RESULT":
        row = header.layout.row()
        row.alert = True
        name, sentence = next(iter(_missing.items()))
        row.label(text=f"{name}: {sentence}", icon="ERROR")
        _draw_bake_buttons(row)


@persistent
def _on_render_start(scene: bpy.types.Scene, *_: object) -> None:
    """With a window, this is not the main thread."""
    if is_scratch(scene):
        return
    groups = groups_shown_by(compositor(scene))
    if bpy.app.background:
        _bake_first(scene, [g for g in groups if g.mattelier.when_missing == "BAKE"])
        return
    _missing.clear()
    for group in groups:
        if sentence := _describe_missing(group, scene.frame_current):
            _missing[group.name] = sentence
    if _missing:
        bpy.app.timers.register(_warn)


def missing_in_render() -> dict[str, str]:
    """What the last render with a window lacked, by the group's name."""
    return dict(_missing)


def _warn() -> None:
    for name, sentence in _missing.items():
        print_message(f"{name}: {sentence}")
    bpy.ops.mattelier.warn_missing("INVOKE_DEFAULT")


@persistent
def _on_frame_start(scene: bpy.types.Scene, *_: object) -> None:
    """Without a window, a frame that lacks what was to be baked ends all."""
    if not bpy.app.background or is_scratch(scene):
        return
    for group in groups_shown_by(compositor(scene)):
        if sentence := _describe_missing(group, scene.frame_current):
            print_message(
                f"{group.name}: {sentence}; bake first: "
                'blender -b FILE --python-expr "import bpy; bpy.ops.mattelier.bake_all()"'
            )
            exit_process(EXIT_FAILED)


def _describe_missing(group: bpy.types.NodeTree, scene_frame: int) -> str:
    """What a group lacks on a frame, or ""; what is stale is there, if not fresh."""
    settings = group.mattelier
    try:
        plate = settings.find_plate()
    except Failure as failure:
        return str(failure)
    missing = {
        plate.scene_frame(number)
        for item in settings.objects
        for number in missing_frames(item, plate, [plate.number(scene_frame)])
    }
    return f"no {settings.node_type.noun} on {format_frames(missing)}" if missing else ""


def _bake_first(scene: bpy.types.Scene, groups: list[bpy.types.NodeTree]) -> None:
    """Blender does not say here whether one frame or all will be rendered: all are baked."""
    shown = sorted({scene.frame_current, *range(scene.frame_start, scene.frame_end + 1)})
    wanted: dict[str, tuple[int, ...]] = {}
    incomplete = False
    groups = with_sources(groups)
    try:
        for item in results_of(groups):
            plate = item.id_data.mattelier.find_plate()
            numbers = [plate.number(frame) for frame in shown]
            wanted[item.uid] = tuple(n for n in dict.fromkeys(numbers) if n in plate.numbers)
            incomplete = incomplete or bool(state(item, plate, numbers).to_bake)
        if incomplete:
            print_message("baked frames are missing or stale; baking them first.")
            bake_in_child({uid: numbers for uid, numbers in wanted.items() if numbers})
        for group in groups:
            settings = group.mattelier
            numbers = wanted[settings.objects[0].uid]
            if told := settings.node_type.renew(settings, numbers, engine_choice()):
                print_message(told)
    except Failure as failure:
        print_message(str(failure))
        exit_process(EXIT_FAILED)


_HANDLERS = (
    (bpy.app.handlers.render_init, _on_render_start),
    (bpy.app.handlers.render_pre, _on_frame_start),
)


def register() -> None:
    bpy.utils.register_class(Warn)
    bpy.types.IMAGE_HT_header.prepend(_draw_beside_render)
    for handlers, handler in _HANDLERS:
        handlers.append(handler)


def unregister() -> None:
    for handlers, handler in _HANDLERS:
        handlers.remove(handler)
    bpy.types.IMAGE_HT_header.remove(_draw_beside_render)
    bpy.utils.unregister_class(Warn)
