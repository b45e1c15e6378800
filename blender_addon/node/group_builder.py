# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes inside a group: made where they are missing, and removed where they are left over.

They are Blender's own, so that a file renders where this add-on is not installed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..blend.versions import MATH_NODE, MIX_NODE, NEEDS_CANVAS, set_blur, set_dilation, set_option
from ..data.bake_files import NO_FILE, pass_files
from ..data.plate import Plate

if TYPE_CHECKING:
    from .settings import ResultSettings

_DATA = "Non-Color"
_LINEAR = "Linear Rec.709"
_CANVAS = "Canvas"
_SQUARE_OF_OCTAGON = math.sqrt(2) - 1  # its share of the radius, where a diamond has the rest
_FEATHER_PER_SIGMA = 3.5  # a feather of r pixels blurs by r/3.5, as the engine's and GIMP's do


class GroupBuilder:
    """The nodes of a group while it is built; those that nobody asked for are removed.

    Parameters
    ----------
    plate : Plate or None
        None where it cannot be found.
    folders : mapping
        Folders that results are to show from now on, by their uid; "" for none.
    """

    def __init__(
        self, group: bpy.types.NodeTree, plate: Plate | None, folders: Mapping[str, str]
    ) -> None:
        self.group = group
        self.plate = plate
        self._folders = folders
        self._used: set[str] = set()

    def node(self, idname: str, name: str, column: int = 0, row: int = 0) -> bpy.types.Node:
        """The node of that name."""
        self._used.add(name)
        node = self.group.nodes.get(name)
        if node is None:
            node = self.group.nodes.new(idname)
            node.name = name
            node.location = (260 * column, -340 * row)
        return node

    def link(self, start: bpy.types.NodeSocket, end: bpy.types.NodeSocket) -> None:
        if not any(link.from_socket == start for link in end.links):  # it replaces another
            self.group.links.new(start, end)

    def remove_unused(self) -> None:
        """Remove all nodes that were not asked for."""
        for node in [node for node in self.group.nodes if node.name not in self._used]:
            self.group.nodes.remove(node)

    def set_frames(self, node: bpy.types.Node, start: int) -> None:
        """A node's frames; its file's number is the scene frame − start + 1 + offset."""
        plate = self.plate
        node.frame_start = start
        if plate is not None:
            node.frame_duration = plate.last - plate.first + 1
            node.frame_offset = plate.first - 1
            node.use_cyclic = plate.still

    def baked(
        self, item: ResultSettings, pass_name: str, row: int, *, data: bool = False
    ) -> bpy.types.Node:
        """The node that shows one pass of what was baked; `data` are no colours."""
        node = self.node("CompositorNodeImage", item.image_node(pass_name), 0, row)
        image = node.image
        if image is None or _shown_elsewhere(image, node):
            image = image.copy() if image else _empty_image(pass_name)
            image.source = "SEQUENCE"
            node.image = image
        image.name = f".{item.name} {pass_name}"
        plate = self.plate
        folder = self._folders.get(item.uid, item.stored_folder)
        if not folder:
            path = NO_FILE
        elif plate is None:
            path = image.filepath
        else:
            path = str(pass_files(Path(folder), plate, pass_name).file(plate.first))
        path = path.replace("\\", "/") if path.startswith("//") else path
        if image.filepath != path:
            image.filepath = path
        space = plate.space if plate and plate.is_scene_linear else _LINEAR
        space = _DATA if data else space
        if image.colorspace_settings.name != space:
            image.colorspace_settings.name = space
        node.use_auto_refresh = True
        self.set_frames(node, plate.start if plate else self.group.mattelier.frame_start)
        return node

    def with_size(
        self, item: ResultSettings, colour: bpy.types.NodeSocket, size: tuple[int, ...], row: int
    ) -> bpy.types.NodeSocket:
        """A picture with a size where its file is missing, too; the alpha of that is 1.

        Parameters
        ----------
        size : (int, int)
            Of its files.
        """
        if not NEEDS_CANVAS:
            return colour
        canvas = self.node("CompositorNodeImage", _CANVAS, 0, 1)
        if canvas.image is None or _shown_elsewhere(canvas.image, canvas):
            canvas.image = bpy.data.images.new(f".{_CANVAS}", 32, 32)
        if all(size):
            image = canvas.image
            image.generated_width, image.generated_height = size
        # A mix of which the second colour only shows, in the size of the first.
        return self.mix(f"Sized {item.uid}", 1, canvas.outputs[0], colour, 1, row)

    def mix(
        self,
        name: str,
        factor: float | bpy.types.NodeSocket,
        first: bpy.types.NodeSocket,
        second: bpy.types.NodeSocket,
        column: int,
        row: int,
    ) -> bpy.types.NodeSocket:
        """Two colours or floats, mixed; the alpha is that of the first."""
        mix = self.node(MIX_NODE, name, column, row)
        if isinstance(factor, bpy.types.NodeSocket):
            self.link(factor, mix.inputs[0])
        else:
            mix.inputs[0].default_value = factor
        self.link(first, mix.inputs[1])
        self.link(second, mix.inputs[2])
        return mix.outputs[0]

    def opaque(
        self, item: ResultSettings, colour: bpy.types.NodeSocket, size: tuple[int, ...], row: int
    ) -> bpy.types.NodeSocket:
        """A colour whose alpha is 1, also where its file is missing; sized as in `with_size`."""
        if NEEDS_CANVAS:
            return self.with_size(item, colour, size, row)
        return self._with_alpha_one(f"Opaque {item.uid}", colour, row)

    def _with_alpha_one(
        self, name: str, colour: bpy.types.NodeSocket, row: int
    ) -> bpy.types.NodeSocket:
        node = self.node("CompositorNodeSetAlpha", name, 1, row)
        set_option(node, "mode", "Type", "REPLACE_ALPHA")
        self.link(colour, node.inputs[0])
        return node.outputs[0]

    def cut(
        self, name: str, colour: bpy.types.NodeSocket, matte: bpy.types.NodeSocket, row: int
    ) -> bpy.types.NodeSocket:
        """An opaque colour, premultiplied by a matte."""
        node = self.node("CompositorNodeSetAlpha", name, 2, row)
        set_option(node, "mode", "Type", "APPLY")
        self.link(colour, node.inputs[0])
        self.link(matte, node.inputs[1])
        return node.outputs[0]

    def straight(self, name: str, colour: bpy.types.NodeSocket, row: int) -> bpy.types.NodeSocket:
        """A premultiplied colour, straight; one without alpha as it is."""
        node = self.node("CompositorNodePremulKey", name, 0, row)
        set_option(node, "mapping", "Type", "PREMUL_TO_STRAIGHT")
        self.link(colour, node.inputs[0])
        return node.outputs[0]

    def shifted(
        self, item: ResultSettings, matte: bpy.types.NodeSocket, pixels: float, row: int
    ) -> bpy.types.NodeSocket:
        """A matte with its edge moved outwards; whole pixels are mixed as the engine does."""
        near, far = math.floor(abs(pixels)), math.ceil(abs(pixels))
        ends = []
        for radius, name in ((near, "Near"), (far, "Far")):
            grown = matte
            for number, (shape, size) in enumerate(_octagon(radius)):
                node = self.node(
                    "CompositorNodeDilateErode", f"{name} {number} {item.uid}", 1 + number, row
                )
                set_dilation(node, shape, size if pixels > 0 else -size)
                self.link(grown, node.inputs[0])
                grown = node.outputs[0]
            ends.append(grown)
        if near == far:
            return ends[0]
        return self.mix(f"Shift {item.uid}", abs(pixels) - near, *ends, 2, row)

    def taken_in(
        self,
        item: ResultSettings,
        colour: bpy.types.NodeSocket,
        plate: bpy.types.NodeSocket,
        mattes: tuple[bpy.types.NodeSocket, bpy.types.NodeSocket],
        row: int,
    ) -> bpy.types.NodeSocket:
        """A clean colour, which ends at its matte, with the plate's where the edge goes beyond.

        Parameters
        ----------
        mattes : (socket, socket)
            As baked, and with its edge moved.
        """
        return self._by_share(f"Taken in {item.uid}", mattes, plate, colour, row)

    def feathered(
        self, item: ResultSettings, picture: bpy.types.NodeSocket, pixels: float, row: int
    ) -> bpy.types.NodeSocket:
        """A matte with its edge softened over about so many pixels, as the engine does."""
        return self._blurred(f"Feather {item.uid}", picture, pixels, row)

    def extended(
        self,
        item: ResultSettings,
        colour: bpy.types.NodeSocket,
        mattes: tuple[bpy.types.NodeSocket, bpy.types.NodeSocket],
        pixels: float,
        row: int,
    ) -> bpy.types.NodeSocket:
        """An opaque colour that goes on beyond its matte, where a feather shows it.

        Parameters
        ----------
        mattes : (socket, socket)
            Before the feather, and with it.
        pixels : float
            The feather's.
        """
        uid = item.uid
        cut = self.cut(f"Cut {uid}", colour, mattes[0], row)
        beyond = self.straight(
            f"Beyond {uid}", self._blurred(f"Extend {uid}", cut, pixels, row), row
        )
        mixed = self._by_share(f"Extended {uid}", mattes, beyond, colour, row)
        return self._with_alpha_one(f"Opaque beyond {uid}", mixed, row)

    def _blurred(
        self, name: str, picture: bpy.types.NodeSocket, feather: float, row: int
    ) -> bpy.types.NodeSocket:
        node = self.node("CompositorNodeBlur", name, 2, row)
        set_blur(node, feather / _FEATHER_PER_SIGMA)
        self.link(picture, node.inputs[0])
        return node.outputs[0]

    def _by_share(
        self,
        name: str,
        mattes: tuple[bpy.types.NodeSocket, bpy.types.NodeSocket],
        beyond: bpy.types.NodeSocket,
        colour: bpy.types.NodeSocket,
        row: int,
    ) -> bpy.types.NodeSocket:
        """A colour with another one for the share of the second matte that the first has not."""
        share = self.node(MATH_NODE, f"Share of {name}", 2, row)
        share.operation, share.use_clamp = "DIVIDE", True
        for matte, end in zip(mattes, share.inputs, strict=False):
            self.link(matte, end)
        return self.mix(name, share.outputs[0], beyond, colour, 2, row)

    def picture(
        self, item: ResultSettings, pass_name: str, size: tuple[int, ...], row: int
    ) -> bpy.types.NodeSocket:
        """A baked picture with its own alpha; empty where its file is missing."""
        node = self.baked(item, pass_name, row)
        if not NEEDS_CANVAS:
            return node.outputs[0]
        with_alpha = self.node("CompositorNodeSetAlpha", f"Alpha {item.uid}", 2, row)
        set_option(with_alpha, "mode", "Type", "REPLACE_ALPHA")
        self.link(self.with_size(item, node.outputs[0], size, row), with_alpha.inputs[0])
        self.link(node.outputs["Alpha"], with_alpha.inputs[1])
        return with_alpha.outputs[0]


def _octagon(radius: int) -> list[tuple[str, int]]:
    """Shapes and sizes of dilations that make nearly a disc, one after the other.

    Blender's own discs miss a side by one pixel from three pixels on in some versions; those up to
    two, which are diamonds, and squares are right in all.
    """
    square = round(_SQUARE_OF_OCTAGON * radius)
    rest = radius - square
    sizes = [("STEP", square), *[("DISTANCE", 2)] * (rest // 2), ("DISTANCE", rest % 2)]
    return [(shape, size) for shape, size in sizes if size]


def _empty_image(name: str) -> bpy.types.Image:
    image = bpy.data.images.new(name, 1, 1, float_buffer=True)
    image.alpha_mode = "PREMUL"  # as EXR files are
    return image


def _shown_elsewhere(image: bpy.types.Image, node: bpy.types.Node) -> bool:
    """Whether a copied group still shares the picture with the group that it was copied from."""
    return any(
        other.bl_idname == "CompositorNodeImage" and other.image == image and other != node
        for group in bpy.data.node_groups
        if group.bl_idname == "CompositorNodeTree" and group.mattelier.kind
        for other in group.nodes
    )
