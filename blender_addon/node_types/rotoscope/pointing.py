# SPDX-License-Identifier: GPL-3.0-or-later
"""Pointing at the subject in the picture; what was said becomes a key of the frame."""

from __future__ import annotations

import tempfile
from array import array
from pathlib import Path

import bpy

from ...engine.pointing import Matte, Picture, PointingSession
from ...engine.preferences import engine_choice
from ...footage.plate import Plate, read_size
from ...ground.failure import Failure
from ...ground.recent import forget
from ...ground.scratch_scene import scratch_scene
from ...ground.versions import new_compositor, output_socket
from ...node.group_operator import ResultOperator
from ...node.request_field import encode_request
from ...node.settings import PLATE, NodeSettings, ResultSettings, rebuild_group
from .pointed import Gestures, Pointed
from .settings import MATTE_FIELDS

_MAX_ASKED_PIXELS = 1_000_000
_LOOKING = ("MIDDLEMOUSE", "WHEEL", "TRACKPAD", "NUMPAD", "HOME", "INBETWEEN_MOUSEMOVE")
_TICK_SECONDS = 0.05
_DRAG_PX = 6
_GRAB_PX = 8
_DOT_PX = 6
_HELP = (
    "Click: this   Shift-click: not this   Drag: box   Click a point: take it away   "
    "Backspace: undo   Enter: keep as key   Esc: cancel"
)
_THIS, _NOT_THIS, _BOX = (0.3, 1, 0.3, 1), (1, 0.25, 0.2, 1), (1, 0.8, 0.2, 1)
_TINT = (1.0, 0.1, 0.8, 0.5)
_VERTEX = "void main() { uv = texCoord; gl_Position = matrix * vec4(position, 0.0, 1.0); }"
_FRAGMENT = "void main() { colour = vec4(tint.rgb, tint.a * texture(matte, uv).r); }"


class PointAtSubject(ResultOperator, bpy.types.Operator):
    """Say what is meant in the picture of this frame; what you say becomes a key"""

    bl_idname = "mattelier.point"
    bl_label = "Point in the Picture"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("Pointing needs a window")
        return not bpy.app.background

    def apply(self, context: bpy.types.Context) -> set[str]:
        return self._start(context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.report_failure(self._start, context)

    def _start(self, context: bpy.types.Context) -> set[str]:
        settings = self.find_group().mattelier
        item, plate = settings.objects[self.index], settings.find_plate()
        self._frame = context.scene.frame_current
        self._number = plate.number(self._frame)
        if self._number not in plate.numbers:
            raise Failure(f"The plate has no frame {self._frame}; go to one that it has.")
        self._uid = item.uid
        self._gestures = Pointed.parse(item.pointed).on(self._number)
        self._size = read_size(plate)
        self._image = picture_of_frame(settings, plate, self._frame)
        self._session = PointingSession(
            engine_choice(), picture_to_ask(self._image), encode_request(MATTE_FIELDS, settings)
        )
        self._press: tuple[float, float] | None = None
        self._place = (0.0, 0.0)
        self._texture: tuple[Matte, object] | None = None
        self._take_area(context)
        self._handle = bpy.types.SpaceImageEditor.draw_handler_add(
            self._draw, (), "WINDOW", "POST_PIXEL"
        )
        manager = context.window_manager
        self._timer = manager.event_timer_add(_TICK_SECONDS, window=context.window)
        manager.modal_handler_add(self)
        context.workspace.status_text_set(_HELP)
        if self._gestures:
            self._ask()
        return {"RUNNING_MODAL"}

    def _take_area(self, context: bpy.types.Context) -> None:
        """Show the frame in an image editor of this window, or in place of the node editor."""
        areas = context.screen.areas
        found = [area for area in areas if area.type == "IMAGE_EDITOR"]
        self._area = found[0] if found else context.area or max(areas, key=lambda a: a.width)
        self._editor = self._area.type
        self._area.type = "IMAGE_EDITOR"
        space = self._area.spaces.active
        self._shown = space.ui_mode, space.image
        space.ui_mode = "VIEW"
        space.image = self._image
        self._region = next(one for one in self._area.regions if one.type == "WINDOW")
        self._fitted = False

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
            self._say(self._gestures.undone())
            return {"RUNNING_MODAL"}
        region = self._region
        at = event.mouse_x - region.x, event.mouse_y - region.y
        inside = 0 <= at[0] < region.width and 0 <= at[1] < region.height
        self._place = at
        if event.type == "MOUSEMOVE" and self._press is not None:
            self._area.tag_redraw()
            return {"RUNNING_MODAL"}
        if event.type == "LEFTMOUSE" and event.value == "PRESS" and inside:
            self._press = at
            return {"RUNNING_MODAL"}
        if event.type == "LEFTMOUSE" and event.value == "RELEASE" and self._press is not None:
            press, self._press = self._press, None
            self._gesture(press, at, event.shift)
            return {"RUNNING_MODAL"}
        looking = event.type == "MOUSEMOVE" or event.type.startswith(_LOOKING)
        return {"PASS_THROUGH"} if inside and looking else {"RUNNING_MODAL"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender ends, or opens another file."""
        self._session.end()
        bpy.types.SpaceImageEditor.draw_handler_remove(self._handle, "WINDOW")

    def _gesture(self, press: tuple[float, float], release: tuple[float, float], off: bool) -> None:
        start, end = self._to_plate(press), self._to_plate(release)
        width, height = self._size
        if max(abs(a - b) for a, b in zip(press, release, strict=True)) >= _DRAG_PX:
            start, end = ((min(max(x, 0), width), min(max(y, 0), height)) for x, y in (start, end))
            if abs(start[0] - end[0]) >= 1 and abs(start[1] - end[1]) >= 1:
                self._say(self._gestures.boxed(start, end))
        elif 0 <= end[0] < width and 0 <= end[1] < height:
            reach = abs(self._to_plate((_GRAB_PX, 0))[0] - self._to_plate((0, 0))[0])
            self._say(self._gestures.clicked(*end, not off, reach))

    def _say(self, gestures: Gestures) -> None:
        self._gestures = gestures
        self._ask()
        self._area.tag_redraw()

    def _ask(self) -> None:
        if self._gestures:
            self._session.ask(self._gestures.key(self._session.width / self._size[0]))

    def _tick(self, context: bpy.types.Context) -> set[str]:
        if not self._fitted:  # its regions are laid out by the next redraw
            self._fitted = True
            with context.temp_override(area=self._area, region=self._region):
                bpy.ops.image.view_all(fit_view=True)
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
        keep_key(item, self._number, self._gestures)
        bpy.ops.ed.undo_push(message=self.bl_label)
        said = "is a key now" if self._gestures else "is no key any more"
        self.report({"INFO"}, f"Frame {self._frame} {said}.")
        return {"FINISHED"}

    def _end(self, context: bpy.types.Context) -> None:
        self._session.end()
        bpy.types.SpaceImageEditor.draw_handler_remove(self._handle, "WINDOW")
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)
        space = self._area.spaces.active
        space.image = self._shown[1]
        space.ui_mode = self._shown[0]
        self._area.type = self._editor
        bpy.data.images.remove(self._image)

    def _to_plate(self, at: tuple[float, float]) -> tuple[float, float]:
        """From the region's pixels to the plate's."""
        x, y = self._region.view2d.region_to_view(*at)
        return x * self._size[0], (1 - y) * self._size[1]

    def _to_region(self, x: float, y: float) -> tuple[float, float]:
        width, height = self._size
        return self._region.view2d.view_to_region(x / width, 1 - y / height, clip=False)

    def _draw(self) -> None:
        if bpy.context.region != self._region:
            return
        import gpu

        gpu.state.blend_set("ALPHA")
        width, height = self._size
        corners = [self._to_region(x, y) for x, y in ((0, height), (width, height), (0, 0))]
        corners.append(self._to_region(width, 0))
        matte = self._session.matte
        if matte is not None and self._gestures:
            if self._texture is None or self._texture[0] is not matte:
                self._texture = matte, _texture(matte)
            _draw_matte(self._texture[1], corners)
        for click in self._gestures.clicks:
            _draw_dot(self._to_region(click.x, click.y), _THIS if click.positive else _NOT_THIS)
        box = self._gestures.box
        if box is not None:
            start = self._to_region(box.x, box.y)
            _draw_box(start, self._to_region(box.x + box.width, box.y + box.height))
        if self._press is not None:
            _draw_box(self._press, self._place)
        gpu.state.blend_set("NONE")


class RemovePointed(ResultOperator, bpy.types.Operator):
    """Take away what was pointed at on this frame"""

    bl_idname = "mattelier.remove_pointed"
    bl_label = "Remove Key"
    bl_options = {"REGISTER", "UNDO"}

    def apply(self, context: bpy.types.Context) -> set[str]:
        settings = self.find_group().mattelier
        item = settings.objects[self.index]
        number = settings.find_plate().number(context.scene.frame_current)
        try:
            pointed = Pointed.parse(item.pointed)
        except Failure as failure:
            _keep(item, Pointed({}))
            self.report({"WARNING"}, str(failure))
            return {"FINISHED"}
        if not pointed.on(number):
            raise Failure("Nothing was pointed at on this frame.")
        keep_key(item, number, Gestures())
        return {"FINISHED"}


def keep_key(item: ResultSettings, number: int, gestures: Gestures) -> None:
    """Let a subject be guided by what was pointed at, with these gestures on a plate's number."""
    _keep(item, Pointed.parse(item.pointed).with_key(number, gestures))


def _keep(item: ResultSettings, pointed: Pointed) -> None:
    item.pointed = pointed.dump()
    item.guide = "POINTS"
    item.guide_changed = True
    forget()
    rebuild_group(item)


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


def _texture(matte: Matte) -> object:
    import gpu

    values = gpu.types.Buffer("FLOAT", len(matte.samples), matte.samples)
    return gpu.types.GPUTexture((matte.width, matte.height), format="R32F", data=values)


def _draw_matte(texture: object, corners: list[tuple[float, float]]) -> None:
    """Tint the subject; the corners are bottom left and right, top left and right."""
    import gpu
    from gpu_extras.batch import batch_for_shader

    interface = gpu.types.GPUStageInterfaceInfo("mattelier_matte")
    interface.smooth("VEC2", "uv")
    info = gpu.types.GPUShaderCreateInfo()
    info.push_constant("MAT4", "matrix")
    info.push_constant("VEC4", "tint")
    info.sampler(0, "FLOAT_2D", "matte")
    info.vertex_in(0, "VEC2", "position")
    info.vertex_in(1, "VEC2", "texCoord")
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source(_VERTEX)
    info.fragment_source(_FRAGMENT)
    shader = gpu.shader.create_from_info(info)
    # The answer's top row comes first.
    places = {"position": corners, "texCoord": [(0, 1), (1, 1), (0, 0), (1, 0)]}
    batch = batch_for_shader(shader, "TRI_STRIP", places)
    shader.bind()
    view = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()
    shader.uniform_float("matrix", view)
    shader.uniform_float("tint", _TINT)
    shader.uniform_sampler("matte", texture)
    batch.draw(shader)


def _draw_dot(at: tuple[float, float], colour: tuple[float, ...]) -> None:
    x, y = at
    for size, fill in ((_DOT_PX + 2, (0, 0, 0, 1)), (_DOT_PX, colour)):
        _draw_lines("TRI_FAN", [(x - size, y), (x, y - size), (x + size, y), (x, y + size)], fill)


def _draw_box(start: tuple[float, float], end: tuple[float, float]) -> None:
    (x0, y0), (x1, y1) = start, end
    _draw_lines("LINE_STRIP", [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], _BOX)


def _draw_lines(kind: str, places: list[tuple[float, float]], colour: tuple[float, ...]) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    batch = batch_for_shader(shader, kind, {"pos": places})
    shader.bind()
    shader.uniform_float("color", colour)
    batch.draw(shader)


CLASSES = (PointAtSubject, RemovePointed)
