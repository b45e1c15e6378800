# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators with which an artist works over a frame of the plate, while the engine answers."""

from __future__ import annotations

import tempfile
from array import array
from pathlib import Path

import bpy
from bpy.props import EnumProperty

from ...blend.plates import read_size
from ...blend.scratch_scene import scratch_scene
from ...blend.versions import new_compositor, output_socket
from ...data.failure import Failure
from ...data.plate import Plate
from ...engine.pointing import EngineSession, Matte, Picture
from ...node.group_operator import ResultOperator
from ...node.settings import PLATE, NodeSettings, ResultSettings
from .overlay import Place, draw_matte, texture_of
from .surfaces import EDITORS, Backdrop, ClipEditor, ImageEditor, Surface

_MAX_ASKED_PIXELS = 1_000_000
_TICK_SECONDS = 0.05


class PictureOperator(ResultOperator):
    """Shows the current frame in an editor until Enter keeps what was done, or Esc leaves all.

    Attributes
    ----------
    help : str
        What the status bar says meanwhile.
    """

    help = ""

    editor: EnumProperty(name="Editor", items=EDITORS, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set(f"{cls.bl_label} needs a window")
        return not bpy.app.background

    def begin(self, item: ResultSettings, plate: Plate) -> EngineSession:
        """Note what is to be asked about; the frame is shown already in `_image`."""
        raise NotImplementedError

    def take_back(self) -> None:
        """Take back what was done last."""
        raise NotImplementedError

    def keep(self, item: ResultSettings) -> str:
        """Keep what was done; gives what the artist is told."""
        raise NotImplementedError

    def press(self, at: Place, event: bpy.types.Event) -> None:
        """The left button goes down in the region."""

    def drag(self, at: Place) -> None:
        """The pointer moves while the button is down."""

    def release(self, at: Place, event: bpy.types.Event) -> None:
        """The button goes up."""

    def key(self, event: bpy.types.Event) -> bool:
        """Another key is pressed; whether it meant something."""
        return False

    def shows_matte(self) -> bool:
        """Whether the engine's answer is one to what there is now."""
        return True

    def draw_own(self) -> None:
        """Draw what was done over the matte."""

    def apply(self, context: bpy.types.Context) -> set[str]:
        return self._start(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.report_failure(self._start, context)

    def _start(self, context: bpy.types.Context) -> set[str]:
        settings = self.find_group().mattelier
        item, plate = settings.objects[self.index], settings.find_plate()
        self._frame = context.scene.frame_current
        self._number = plate.shown_number(self._frame)
        self._uid = item.uid
        self._tint = tuple(item.colour)
        self._size = read_size(plate)
        self._image = picture_of_frame(settings, plate, self._frame)
        try:
            self._surface = self._open_surface(context, settings)
        except Failure:
            bpy.data.images.remove(self._image)
            raise
        try:
            self._session = self.begin(item, plate)
        except Failure:
            self._surface.close()
            bpy.data.images.remove(self._image)
            raise
        self._pressed = False
        self._place = (0.0, 0.0)
        self._texture: tuple[Matte, object] | None = None
        self._handle = self._surface.space_type.draw_handler_add(
            self._draw, (), "WINDOW", "POST_PIXEL"
        )
        self._area.tag_redraw()
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(self.help)
        return {"RUNNING_MODAL"}

    def _open_surface(self, context: bpy.types.Context, settings: NodeSettings) -> Surface:
        if self.editor == "BACKDROP":
            surface: Surface = Backdrop(self._size, lambda: picture_to_ask(self._image))
        elif self.editor == "CLIP":
            surface = ClipEditor(self._size)
        else:
            surface = ImageEditor(self._size)
        surface.open(context, settings, self._image)
        return surface

    @property
    def _area(self) -> bpy.types.Area:
        return self._surface.area

    @property
    def _region(self) -> bpy.types.Region:
        return self._surface.region

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "TIMER":
            return self._tick(context)
        if event.type == "ESC" or (event.type == "RIGHTMOUSE" and event.value == "PRESS"):
            self._end(context)
            return {"CANCELLED"}
        if event.value == "PRESS" and event.type in {"RET", "NUMPAD_ENTER"}:
            self._end(context)
            return self.report_failure(self._keep, context)
        if event.value == "PRESS" and (
            event.type == "BACK_SPACE" or (event.type == "Z" and (event.ctrl or event.oskey))
        ):
            self.take_back()
            self._area.tag_redraw()
            return {"RUNNING_MODAL"}
        if event.value == "PRESS" and self.key(event):
            self._area.tag_redraw()
            return {"RUNNING_MODAL"}
        region = self._region
        at = event.mouse_x - region.x, event.mouse_y - region.y
        inside = 0 <= at[0] < region.width and 0 <= at[1] < region.height
        self._place = at
        if event.type in {"MOUSEMOVE", "INBETWEEN_MOUSEMOVE"}:
            self._area.tag_redraw()
            if self._pressed:
                self.drag(at)
                return {"RUNNING_MODAL"}
        if event.type == "LEFTMOUSE" and event.value == "PRESS" and inside:
            self._pressed = True
            self.press(at, event)
            self._area.tag_redraw()
            return {"RUNNING_MODAL"}
        if event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._pressed:
            self._pressed = False
            self.release(at, event)
            self._area.tag_redraw()
            return {"RUNNING_MODAL"}
        looking = event.type == "MOUSEMOVE" or event.type.startswith(self._surface.looking)
        return {"PASS_THROUGH"} if inside and looking else {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends, or opens another file."""
        self._session.end()
        self._surface.space_type.draw_handler_remove(self._handle, "WINDOW")
        self._surface.drop()

    def _tick(self, context: bpy.types.Context) -> set[str]:
        self._surface.tick(context)
        if self._session.failure:
            self.report({"ERROR"}, self._session.failure)
            self._end(context)
            return {"CANCELLED"}
        matte = self._session.matte
        if matte is not None and (self._texture is None or self._texture[0] is not matte):
            self._area.tag_redraw()
        return {"RUNNING_MODAL"}

    def _keep(self, context: bpy.types.Context) -> set[str]:
        item = next(
            (one for one in self.find_group().mattelier.objects if one.uid == self._uid), None
        )
        if item is None:
            raise Failure("The subject is gone, so nothing was kept.")
        told = self.keep(item)
        bpy.ops.ed.undo_push(message=self.bl_label)
        self.report({"INFO"}, told)
        return {"FINISHED"}

    def _end(self, context: bpy.types.Context) -> None:
        self._session.end()
        self._surface.space_type.draw_handler_remove(self._handle, "WINDOW")
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)
        self._area.tag_redraw()
        self._surface.close()
        bpy.data.images.remove(self._image)

    def to_plate(self, at: Place) -> Place:
        """From the region's pixels to the plate's."""
        return self._surface.to_plate(at)

    def to_region(self, x: float, y: float) -> Place:
        """From the plate's pixels to the region's."""
        return self._surface.to_region(x, y)

    def plate_length(self, pixels: float) -> float:
        """So many of the region's pixels, in the plate's."""
        return abs(self.to_plate((pixels, 0))[0] - self.to_plate((0, 0))[0])

    def _draw(self) -> None:
        if bpy.context.region != self._region:
            return
        import gpu

        gpu.state.blend_set("ALPHA")
        matte = self._session.matte
        if matte is not None and self.shows_matte():
            if self._texture is None or self._texture[0] is not matte:
                self._texture = matte, texture_of(matte)
            draw_matte(self._texture[1], self._surface.corners, self._tint)
        self.draw_own()
        gpu.state.blend_set("NONE")


def picture_of_frame(settings: NodeSettings, plate: Plate, frame: int) -> bpy.types.Image:
    """A frame of a plate as it is displayed: a picture of its own, packed into the file.

    Raises
    ------
    Failure
        Blender cannot draw it.
    """
    with tempfile.TemporaryDirectory(prefix="mattelier") as folder:
        file = Path(folder, "frame.png")
        _draw_frame(settings, read_size(plate), frame, file)
        if not file.is_file():
            raise Failure(f"Blender could not draw frame {frame} of the plate.")
        image = bpy.data.images.load(str(file))
        image.pack()
    image.name = f"Frame {frame}"
    return image


def _draw_frame(settings: NodeSettings, size: tuple[int, int], frame: int, file: Path) -> None:
    shown_scene = bpy.context.scene
    with scratch_scene() as scene:
        render = scene.render
        render.resolution_x, render.resolution_y = size
        render.resolution_percentage = 100
        render.use_sequencer = False
        render.dither_intensity = 0
        render.image_settings.file_format = "PNG"
        render.image_settings.color_mode = "RGB"
        scene.view_settings.view_transform = "Standard"
        tree = new_compositor(scene)
        if settings.source == "CLIP":
            node = tree.nodes.new("CompositorNodeMovieClip")
            node.clip = settings.clip
        else:
            node, shown = tree.nodes.new("CompositorNodeImage"), settings.id_data.nodes[PLATE]
            node.image = settings.image
            for name in ("frame_duration", "frame_start", "frame_offset"):
                setattr(node, name, getattr(shown, name))
        tree.links.new(node.outputs[0], output_socket(tree))
        if shown_scene.frame_current != frame:
            shown_scene.frame_set(frame)
        scene.frame_current = frame
        render.filepath = str(file)
        bpy.ops.render.render(write_still=True, scene=scene.name)


def picture_to_ask(image: bpy.types.Image) -> Picture:
    """A picture's samples, no more of them than a quick answer allows."""
    width, height = image.size
    scale = min(1.0, (_MAX_ASKED_PIXELS / (width * height)) ** 0.5)
    small = image.copy()
    try:
        if scale < 1:
            small.scale(max(1, round(width * scale)), max(1, round(height * scale)))
        samples = array("f", bytes(4 * len(small.pixels)))
        small.pixels.foreach_get(samples)
        return Picture(small.size[0], small.size[1], samples)
    finally:
        bpy.data.images.remove(small)
