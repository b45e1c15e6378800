# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening files for a node by a file browser: what the operators of all nodes share."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..blend.paths import relative
from ..blend.versions import BLEND_RELATIVE
from ..data.sequence import Sequence
from .groups import is_ours


class OpenFiles:
    """An operator that opens what a file belongs to, for the active node; `open` does it."""

    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"} | BLEND_RELATIVE)
    filter_image: BoolProperty(default=True, options={"HIDDEN"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return is_ours(getattr(context.active_node, "node_tree", None))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = context.active_node.node_tree.mattelier
        try:
            self.open(settings, relative(Path(bpy.path.abspath(self.filepath))))
        except RuntimeError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def load_image(path: str) -> bpy.types.Image:
    """A movie, or the image sequence that a file belongs to."""
    image = bpy.data.images.load(path)
    files = Sequence.of_file(Path(bpy.path.abspath(image.filepath)))
    if image.source == "FILE" and files and len(files.scan()) > 1:
        image.source = "SEQUENCE"
    return image
