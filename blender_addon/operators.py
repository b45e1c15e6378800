# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist can do with Rotoscope nodes: add, bake, cancel, clear, look at the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from . import bake as baking
from . import cache, engine, preferences, tree
from .failure import Failure
from .job import Job, prepare
from .plate import Sequence, find
from .versions import BLEND_RELATIVE, compositor

_TICK_SECONDS = 0.1
_REFRESH_SECONDS = 1.0


class AddRotoscope(bpy.types.Operator):
    """Add a node that cuts a subject out of a plate, over time"""

    bl_idname = "mattelier.add_rotoscope"
    bl_label = "Rotoscope"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        space = context.space_data
        return (
            getattr(space, "tree_type", "") == "CompositorNodeTree"
            and getattr(space, "edit_tree", None) is not None
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        shown = context.space_data.edit_tree
        for node in shown.nodes:
            node.select = False
        node = shown.nodes.new("CompositorNodeGroup")
        node.node_tree = tree.new()
        node.label = "Rotoscope"
        node.width = 180
        node.location = context.space_data.cursor_location
        shown.nodes.active = node
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        space = context.space_data
        space.cursor_location_from_region(event.mouse_region_x, event.mouse_region_y)
        result = self.execute(context)
        # It follows the pointer until a click, as every node does that is added.
        bpy.ops.node.translate_attach_remove_on_cancel("INVOKE_DEFAULT")
        return result


class OpenPlate(bpy.types.Operator):
    """Open a movie, or the image sequence that a file belongs to"""

    bl_idname = "mattelier.open_plate"
    bl_label = "Open Plate"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"} | BLEND_RELATIVE)
    filter_image: BoolProperty(default=True, options={"HIDDEN"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return tree.is_ours(getattr(context.active_node, "node_tree", None))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.active_node.node_tree.mattelier
        path = tree.relative(Path(bpy.path.abspath(self.filepath)))
        try:
            if settings.source == "CLIP":
                settings.clip = bpy.data.movieclips.load(path)
                return {"FINISHED"}
            image = bpy.data.images.load(path)
        except RuntimeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        files = Sequence.of(Path(bpy.path.abspath(image.filepath)))
        if image.source == "FILE" and files and len(files.there()) > 1:
            image.source = "SEQUENCE"
        settings.image = image
        return {"FINISHED"}


class OfGroup:
    """An operator on one Rotoscope group, which its panel names; `act` is what it does."""

    group: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def named(self) -> bpy.types.NodeTree:
        found = bpy.data.node_groups.get(self.group)
        if not tree.is_ours(found):
            raise Failure(f"There is no Rotoscope node “{self.group}”.")
        return found

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.tried(self.act, context)

    def tried(
        self, act: Callable[[bpy.types.Context], set[str]], context: bpy.types.Context
    ) -> set[str]:
        """What `act` gives; its failure is told to the artist."""
        try:
            return act(context)
        except Failure as failure:
            self.report({"ERROR"}, str(failure))
            return {"CANCELLED"}


class Bake(OfGroup, bpy.types.Operator):
    """Let the engine make the mattes that are not fresh"""

    bl_idname = "mattelier.bake"
    bl_label = "Bake"

    frames: EnumProperty(
        items=[
            ("PLATE", "Plate", "All frames of the plate"),
            ("SCENE", "Scene Range", "The frames that the scene, or its preview range, shows"),
            ("CURRENT", "This Frame", "The current frame"),
        ],
        options={"SKIP_SAVE"},
    )
    then: EnumProperty(
        items=[
            ("NOTHING", "Nothing", ""),
            ("FRAME", "Render", "Render this frame afterwards"),
            ("ANIMATION", "Render Animation", "Render the animation afterwards"),
        ],
        options={"SKIP_SAVE"},
    )
    everywhere: BoolProperty(
        options={"HIDDEN", "SKIP_SAVE"}, description="All nodes that the scene's compositor shows"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("A bake is running")
        return baking.current is None

    @classmethod
    def description(cls, context: bpy.types.Context, given: bpy.types.OperatorProperties) -> str:
        frames = {"PLATE": "all frames", "SCENE": "the scene's range", "CURRENT": "this frame"}
        return f"Make the mattes of {frames[given.frames]} that are not fresh"

    def act(self, context: bpy.types.Context) -> set[str]:
        bake = baking.Bake(self._jobs(context), preferences.chosen_engine())
        bake.run()
        for job in bake.begun:
            job.show()
        return self._ended(context, bake)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.execute(context) if bpy.app.background else self.tried(self._begin, context)

    def _begin(self, context: bpy.types.Context) -> set[str]:
        context.window.cursor_set("WAIT")
        try:
            jobs = self._jobs(context)
        finally:
            context.window.cursor_set("DEFAULT")
        self.bake = baking.Bake(jobs, preferences.chosen_engine())
        self.shown, self.refreshed = -1, 0.0
        if not self.bake.jobs:
            return self._ended(context, self.bake)
        baking.current = self.bake
        self.bake.start()
        manager = context.window_manager
        manager.progress_begin(0, 100)
        self.timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS":
            self.bake.cancel()
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        if self.bake.running and not self.bake.cancelled:
            self._tick(context)
            return {"PASS_THROUGH"}
        self._leave(context)
        return self._ended(context, self.bake)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends, or opens another file."""
        self.bake.cancel()
        self._leave(context)

    def _jobs(self, context: bpy.types.Context) -> list[Job]:
        shown = compositor(context.scene)
        groups = tree.used_in(shown) if self.everywhere else [self.named()]
        jobs = [
            prepare(item, chosen(item, self.frames, context.scene))
            for group in groups
            for item in group.mattelier.objects
        ]
        for job in jobs:
            if not job.numbers:
                job.show()
        return jobs

    def _tick(self, context: bpy.types.Context) -> None:
        bake = self.bake
        context.window_manager.progress_update(round(100 * bake.fraction))
        context.workspace.status_text_set(
            f"Rotoscope: {bake.stage}, {bake.fraction:.0%}   Esc: cancel, keeping finished frames"
        )
        if bake.index >= 0 and time.monotonic() - self.refreshed > _REFRESH_SECONDS:
            self.refreshed = time.monotonic()
            if bake.frames != self.shown:
                self.shown = bake.frames
                bake.jobs[bake.index].show()
        redraw()

    def _leave(self, context: bpy.types.Context) -> None:
        baking.current = None
        manager = context.window_manager
        manager.event_timer_remove(self.timer)
        manager.progress_end()
        if context.workspace is not None:
            context.workspace.status_text_set(None)
        for job in self.bake.begun:
            job.show()
        if self.bake.begun:
            bpy.ops.ed.undo_push(message="Bake")
        redraw()

    def _ended(self, context: bpy.types.Context, bake: baking.Bake) -> set[str]:
        cache.forget()
        if bake.error:
            more = f" (log: {bake.log})" if bake.log else ""
            self.report({"ERROR"}, bake.error + more)
            return {"CANCELLED"}
        if bake.cancelled:
            self.report({"INFO"}, "The bake was cancelled; finished frames are kept.")
            return {"CANCELLED"}
        if not bake.jobs:
            self.report({"INFO"}, "All these mattes are fresh.")
        else:
            self.report(
                {"INFO"}, " ".join(filter(None, (f"Baked {bake.total} frames.", bake.note)))
            )
        if self.then != "NOTHING":
            bpy.ops.render.render("INVOKE_DEFAULT", animation=self.then == "ANIMATION")
        return {"FINISHED"}


def chosen(item: bpy.types.PropertyGroup, which: str, scene: bpy.types.Scene) -> Iterable[int]:
    """The plate's numbers that a choice of frames means; raises Failure as `plate.find`."""
    plate = find(item.id_data.mattelier)
    if which == "PLATE":
        return plate.numbers
    if which == "CURRENT":
        first = last = scene.frame_current
    elif scene.use_preview_range:
        first, last = scene.frame_preview_start, scene.frame_preview_end
    else:
        first, last = scene.frame_start, scene.frame_end
    return range(plate.number(first), plate.number(last) + 1)


def redraw() -> None:
    """Draw the node editors anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "NODE_EDITOR":
                area.tag_redraw()


class Cancel(bpy.types.Operator):
    """Stop the bake; finished frames are kept"""

    bl_idname = "mattelier.cancel"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return baking.current is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        baking.current.cancel()
        return {"FINISHED"}


class Clear(OfGroup, bpy.types.Operator):
    """Remove the mattes that this node shows"""

    bl_idname = "mattelier.clear"
    bl_label = "Clear Mattes"

    poll = Bake.poll

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def act(self, context: bpy.types.Context) -> set[str]:
        group = self.named()
        for item in group.mattelier.objects:
            cache.clear(item)
        tree.wire(group)
        tree.refresh(group)
        return {"FINISHED"}


class Purge(OfGroup, bpy.types.Operator):
    """Remove what was baked for this node with earlier settings"""

    bl_idname = "mattelier.purge"
    bl_label = "Purge Old Mattes"

    poll = Bake.poll

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(self, event)

    def act(self, context: bpy.types.Context) -> set[str]:
        every = [item for group in tree.ours() for item in group.mattelier.objects]
        in_use = {place for item in every if (place := cache.folder(item))}
        freed = sum(cache.purge(item, in_use) for item in self.named().mattelier.objects)
        self.report({"INFO"}, f"{freed / 1e6:.1f} MB were freed.")
        return {"FINISHED"}


class OpenReport(OfGroup, bpy.types.Operator):
    """Make the quality report of the last bake and show it in the browser"""

    bl_idname = "mattelier.open_report"
    bl_label = "Open QC Report"

    def act(self, context: bpy.types.Context) -> set[str]:
        settings = self.named().mattelier
        place = cache.folder(settings.objects[settings.active])
        manifest = cache.manifest(place) if place else None
        if manifest is None:
            raise Failure("There is nothing to report on yet; bake first.")
        from .mattelier_worker.client import WorkerError

        try:
            with engine.connect(preferences.chosen_engine()) as worker:
                made = worker.run("qc", {"manifest": str(manifest)}).report["report"]
        except WorkerError as error:
            raise Failure(str(error)) from error
        bpy.ops.wm.url_open(url=Path(made).as_uri())
        return {"FINISHED"}


class AddObject(OfGroup, bpy.types.Operator):
    """Matte one more subject of this plate; it has sockets of its own"""

    bl_idname = "mattelier.add_object"
    bl_label = "Add Subject"
    bl_options = {"REGISTER", "UNDO"}

    def act(self, context: bpy.types.Context) -> set[str]:
        tree.add_object(self.named())
        return {"FINISHED"}


class RemoveObject(OfGroup, bpy.types.Operator):
    """Remove this subject and its sockets; its mattes stay in the cache"""

    bl_idname = "mattelier.remove_object"
    bl_label = "Remove Subject"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def act(self, context: bpy.types.Context) -> set[str]:
        group = self.named()
        if len(group.mattelier.objects) > 1:
            tree.remove_object(group, self.index)
        return {"FINISHED"}


CLASSES = (AddRotoscope, OpenPlate, Bake, Cancel, Clear, Purge, OpenReport, AddObject, RemoveObject)


def register() -> None:
    for kind in CLASSES:
        bpy.utils.register_class(kind)


def unregister() -> None:
    if baking.current is not None:
        baking.current.cancel()
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
