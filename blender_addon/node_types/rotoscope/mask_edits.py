# SPDX-License-Identifier: GPL-3.0-or-later
"""An edited mask makes the mattes stale that it guided."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ...data.recent import forget
from ...node.groups import editable_groups, label_nodes, results_of
from .settings import NAME, solved_together


@persistent
def mark_edited_masks(scene: bpy.types.Scene, graph: bpy.types.Depsgraph) -> None:
    """Mark results of which a mask is among what has changed; for `depsgraph_update_post`."""
    edited = {update.id.name for update in graph.updates if update.id.id_type == "MASK"}
    if not edited:
        return
    groups = [group for group in editable_groups() if group.mattelier.kind == NAME]
    for item in results_of(groups):
        masks = {one.mask.name for one in solved_together(item) if one.guide == "MASK"}
        if masks & edited or (item.mask and item.mask.name in edited):
            if item.baked and not item.guide_changed:
                item.guide_changed = True
                forget()
            label_nodes(item.id_data)
