# SPDX-License-Identifier: GPL-3.0-or-later
"""After undo and redo, and in a file of an older version, nodes show what belongs to them.

Undo brings back the folder that a node showed at that time, which is not the one that was baked for
its settings since; groups that an older version of the add-on built are built anew.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ..baking.cache import bake_folder
from ..data.bake_files import read_made_from
from ..data.failure import Failure
from ..data.recent import forget
from ..node.groups import build, editable_groups, results_of, show_bake


@persistent
def show_present_bakes(*_: object) -> None:
    """Let each result show the folder of its settings, where something was baked for them."""
    forget()
    for item in list(results_of(editable_groups())):
        try:
            plate = item.id_data.mattelier.find_plate()
            folder = bake_folder(item, plate)
        except Failure:
            continue
        made_from = read_made_from(folder)
        if not made_from.sources:
            continue
        shown = (item.folder, item.baked, item.guided)
        if shown != (folder, made_from.settings, made_from.guidance):
            edited = item.guide_changed
            show_bake(item, folder, made_from.settings, made_from.guidance, plate)
            item.guide_changed = edited


@persistent
def _build_anew(*_: object) -> None:
    for group in editable_groups():
        build(group)


_HANDLERS = (
    (bpy.app.handlers.undo_post, show_present_bakes),
    (bpy.app.handlers.redo_post, show_present_bakes),
    (bpy.app.handlers.load_post, _build_anew),
)


def register() -> None:
    for handlers, handler in _HANDLERS:
        handlers.append(handler)


def unregister() -> None:
    for handlers, handler in _HANDLERS:
        handlers.remove(handler)
