# SPDX-License-Identifier: GPL-3.0-or-later
"""A render whose baked frames are missing: never silently black.

With a window it goes on, and the artist is told, beside the picture too, and offered to bake.
Without one, it stops with an exit code or bakes first, as the node says.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from . import cache, farm, frames, guidance, kinds, tree
from .failure import Failure
from .operators import Bake
from .plate import find
from .rotoscope import Rotoscope
from .versions import compositor

_FAILED = 3
_lacking: dict[str, str] = {}


class Warn(bpy.types.Operator):
    """Baked frames were missing in the render"""

    bl_idname = "mattelier.warn_missing"
    bl_label = "Baked Frames Are Missing"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_popup(self, width=420)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.label(text="This render lacks baked frames, and is empty there:", icon="ERROR")
        for name, lack in _lacking.items():
            layout.label(text=f"{name}: {lack}", icon="BLANK1")
        _offer(layout.row())

    def execute(self, context: bpy.types.Context) -> set[str]:
        return {"FINISHED"}


def _offer(layout: bpy.types.UILayout) -> None:
    for then, text in (("FRAME", "Bake, Then Render"), ("ANIMATION", "… Animation")):
        button = layout.operator(Bake.bl_idname, text=text)
        button.everywhere, button.then = True, then
        button.frames = "CURRENT" if then == "FRAME" else "SCENE"


def _draw_beside_render(header: bpy.types.Header, context: bpy.types.Context) -> None:
    image = context.space_data.image
    if _lacking and image is not None and image.type == "RENDER_RESULT":
        row = header.layout.row()
        row.alert = True
        name, lack = next(iter(_lacking.items()))
        row.label(text=f"{name}: {lack}", icon="ERROR")
        _offer(row)


@persistent
def _begins(scene: bpy.types.Scene, *_: object) -> None:
    """A render begins; with a window, this is not the main thread."""
    if guidance.is_drawing(scene):
        return
    groups = tree.used_in(compositor(scene))
    if bpy.app.background:
        _bake_first(scene, [g for g in groups if g.mattelier.when_missing == "BAKE"])
        return
    _lacking.clear()
    for group in groups:
        lack = _lack(group, range(scene.frame_current, scene.frame_current + 1))
        if lack:
            _lacking[group.name] = lack
    if _lacking:
        bpy.app.timers.register(_tell)


def lacking() -> dict[str, str]:
    """What the last render with a window lacked, by the group's name."""
    return dict(_lacking)


def _tell() -> None:
    for name, lack in _lacking.items():
        farm.say(f"{name}: {lack}")
    bpy.ops.mattelier.warn_missing("INVOKE_DEFAULT")


@persistent
def _frame_begins(scene: bpy.types.Scene, *_: object) -> None:
    """Without a window, a frame that lacks what was to be baked ends all."""
    if not bpy.app.background or guidance.is_drawing(scene):
        return
    frame = scene.frame_current
    for group in tree.used_in(compositor(scene)):
        lack = _lack(group, range(frame, frame + 1))
        if lack:
            farm.say(
                f"{group.name}: {lack}; bake first: "
                'blender -b FILE --python-expr "import bpy; bpy.ops.mattelier.bake_all()"'
            )
            farm.end(_FAILED)


def _lack(group: bpy.types.NodeTree, scene_frames: range) -> str:
    """What a group lacks on these frames, or ""; what is stale is there, if not fresh."""
    settings = group.mattelier
    try:
        plate = find(settings)
    except Failure as failure:
        return str(failure)
    numbers = [plate.number(frame) for frame in scene_frames]
    lacking = {
        plate.scene_frame(number)
        for item in settings.objects
        for number in cache.missing(item, plate, numbers)
    }
    return f"no {kinds.of(settings).noun} on {frames.written(lacking)}" if lacking else ""


def _bake_first(scene: bpy.types.Scene, groups: list[bpy.types.NodeTree]) -> None:
    """Blender does not say here whether one frame or all will be rendered: all are baked."""
    shown = sorted({scene.frame_current, *range(scene.frame_start, scene.frame_end + 1)})
    wanted: dict[str, tuple[int, ...]] = {}
    lacks = False
    try:
        for item in tree.results(tree.with_sources(groups)):
            plate = find(item.id_data.mattelier)
            numbers = [plate.number(frame) for frame in shown]
            wanted[item.uid] = tuple(n for n in dict.fromkeys(numbers) if n in plate.numbers)
            lacks = lacks or bool(cache.state(item, plate, numbers).wanting)
        if lacks:
            farm.say("baked frames are missing or stale; baking them first.")
            farm.bake_in_child({uid: numbers for uid, numbers in wanted.items() if numbers})
    except Failure as failure:
        farm.say(str(failure))
        farm.end(_FAILED)


@persistent
def _changed(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """An edited mask makes the mattes stale that it guided."""
    edited = {update.id.name for update in graph.updates if update.id.id_type == "MASK"}
    if not edited:
        return
    for group in tree.ours():
        if group.mattelier.kind != Rotoscope.name:
            continue
        for item in group.mattelier.objects:
            if item.mask and item.mask.name in edited and item.baked and not item.guide_changed:
                item.guide_changed = True
                cache.forget()


_HANDLERS = (
    (bpy.app.handlers.render_init, _begins),
    (bpy.app.handlers.render_pre, _frame_begins),
    (bpy.app.handlers.depsgraph_update_post, _changed),
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
