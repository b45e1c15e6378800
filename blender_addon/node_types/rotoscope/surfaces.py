# SPDX-License-Identifier: GPL-3.0-or-later
"""Editors in which a frame of the plate is worked on, and where its pixels lie in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy

from ...data.failure import Failure
from ...engine.pointing import Picture
from ...node.settings import NodeSettings
from .overlay import Place, draw_picture, texture_of_picture

EDITORS = (
    ("PICTURE", "Image Editor", "Show the frame in an image editor"),
    ("BACKDROP", "Backdrop", "Show the frame behind the nodes, where the backdrop is"),
    ("CLIP", "Movie Clip Editor", "Work in the editor that shows the clip"),
)
_LOOKING = ("MIDDLEMOUSE", "WHEEL", "TRACKPAD", "NUMPAD", "HOME", "INBETWEEN_MOUSEMOVE")


class Surface:
    """An area that shows a frame, from `open` to `close`.

    Attributes
    ----------
    space_type : type
        Of Blender's spaces, that things are drawn in.
    looking : tuple of str
        Beginnings of the events' types by which an artist looks around.
    """

    space_type: type
    looking: tuple[str, ...] = _LOOKING
    area: bpy.types.Area
    region: bpy.types.Region

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def open(
        self, context: bpy.types.Context, settings: NodeSettings, image: bpy.types.Image
    ) -> None:
        """Show the frame; raises Failure where it cannot be shown so."""
        raise NotImplementedError

    def tick(self, context: bpy.types.Context) -> None:
        """Time passes."""

    def close(self) -> None:
        """Let all be as it was."""
        raise NotImplementedError

    def drop(self) -> None:
        """Blender ends, or opens another file: the area is gone, or about to be."""

    def to_plate(self, at: Place) -> Place:
        """From the region's pixels to the plate's."""
        x, y = self.region.view2d.region_to_view(*at)
        return x * self.size[0], (1 - y) * self.size[1]

    def to_region(self, x: float, y: float) -> Place:
        """From the plate's pixels to the region's."""
        width, height = self.size
        return self.region.view2d.view_to_region(x / width, 1 - y / height, clip=False)

    @property
    def corners(self) -> Sequence[Place]:
        """Of the plate: bottom left and right, top left and right."""
        width, height = self.size
        places = (0, height), (width, height), (0, 0), (width, 0)
        return [self.to_region(x, y) for x, y in places]

    def _take(self, area: bpy.types.Area) -> None:
        self.area = area
        self.region = next(one for one in area.regions if one.type == "WINDOW")


class ImageEditor(Surface):
    """An image editor of the window, or one in place of the node editor."""

    space_type = bpy.types.SpaceImageEditor

    def open(
        self, context: bpy.types.Context, settings: NodeSettings, image: bpy.types.Image
    ) -> None:
        areas = context.screen.areas
        found = [area for area in areas if area.type == "IMAGE_EDITOR"]
        area = found[0] if found else context.area or max(areas, key=lambda a: a.width)
        self._editor = area.type
        area.type = "IMAGE_EDITOR"
        space = area.spaces.active
        self._shown = space.ui_mode, space.image
        space.ui_mode = "VIEW"
        space.image = image
        self._take(area)
        self._fitted = False

    def tick(self, context: bpy.types.Context) -> None:
        if not self._fitted:  # its regions are laid out by the next redraw
            self._fitted = True
            with context.temp_override(area=self.area, region=self.region):
                bpy.ops.image.view_all(fit_view=True)

    def close(self) -> None:
        space = self.area.spaces.active
        space.image = self._shown[1]
        space.ui_mode = self._shown[0]
        self.area.type = self._editor


class Backdrop(Surface):
    """The compositor, with the frame behind its nodes where the viewer's picture lies."""

    space_type = bpy.types.SpaceNodeEditor
    looking = (*_LOOKING, "V")  # zooms the backdrop

    def __init__(self, size: tuple[int, int], read_picture: Callable[[], Picture]) -> None:
        super().__init__(size)
        self._read_picture = read_picture

    def open(
        self, context: bpy.types.Context, settings: NodeSettings, image: bpy.types.Image
    ) -> None:
        areas = [context.area, *context.screen.areas]
        area = next((one for one in areas if one and one.type == "NODE_EDITOR"), None)
        if area is None:
            raise Failure("There is no node editor in this window to point behind.")
        self._take(area)
        self._space = area.spaces.active
        self._shown = self._space.show_backdrop
        self._space.show_backdrop = False  # it would lie over the frame
        self._texture: object = None
        self._handle = self.space_type.draw_handler_add(self._draw, (), "WINDOW", "BACKDROP")

    def close(self) -> None:
        self.drop()
        self._space.show_backdrop = self._shown

    def drop(self) -> None:
        self.space_type.draw_handler_remove(self._handle, "WINDOW")

    def to_plate(self, at: Place) -> Place:
        (left, bottom), zoom = self._placed()
        return (at[0] - left) / zoom, self.size[1] - (at[1] - bottom) / zoom

    def to_region(self, x: float, y: float) -> Place:
        (left, bottom), zoom = self._placed()
        return left + x * zoom, bottom + (self.size[1] - y) * zoom

    def _placed(self) -> tuple[Place, float]:
        """Where Blender puts the bottom left corner of the backdrop, and its zoom."""
        zoom, offset = self._space.backdrop_zoom, self._space.backdrop_offset
        sides = self.region.width, self.region.height
        left, bottom = (
            (side - zoom * pixels) / 2 + moved
            for side, pixels, moved in zip(sides, self.size, offset, strict=True)
        )
        return (left, bottom), zoom

    def _draw(self) -> None:
        if bpy.context.region != self.region:
            return
        if self._texture is None:
            self._texture = texture_of_picture(self._read_picture())
        draw_picture(self._texture, self.corners)


class ClipEditor(Surface):
    """The movie clip editor, which shows the plate itself."""

    space_type = bpy.types.SpaceClipEditor

    def open(
        self, context: bpy.types.Context, settings: NodeSettings, image: bpy.types.Image
    ) -> None:
        area = clip_area(context.screen, settings)
        if area is None:
            raise Failure(
                "No movie clip editor of this window shows the node's clip; open it in one."
            )
        self._take(area)
        self._space = area.spaces.active
        self._shown = self._space.show_stable
        self._space.show_stable = False  # pixels where the plate has them

    def close(self) -> None:
        self._space.show_stable = self._shown


def clip_area(screen: bpy.types.Screen, settings: NodeSettings) -> bpy.types.Area | None:
    """The clip editor that shows the clip of a node, frame by frame."""
    if settings.source != "CLIP" or settings.clip is None:
        return None
    for area in screen.areas:
        space = area.spaces.active
        if area.type == "CLIP_EDITOR" and space.clip == settings.clip and space.view == "CLIP":
            return area
    return None
