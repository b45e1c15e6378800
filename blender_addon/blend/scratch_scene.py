# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene to draw in that the artist never sees."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import bpy

_NAME = ".mattelier guidance"


def is_scratch(scene: bpy.types.Scene) -> bool:
    """Whether a render is ours, of a mask."""
    return scene.name.startswith(_NAME)


@contextlib.contextmanager
def scratch_scene() -> Iterator[bpy.types.Scene]:
    """A scene to draw in; the one that the artist sees keeps its frame."""
    shown = bpy.context.scene
    frame, subframe = shown.frame_current, shown.frame_subframe
    images = set(bpy.data.images)
    scene = bpy.data.scenes.new(_NAME)
    try:
        yield scene
    finally:
        tree = getattr(scene, "compositing_node_group", None)
        bpy.data.scenes.remove(scene)
        if tree is not None:
            bpy.data.node_groups.remove(tree)
        for image in set(bpy.data.images) - images:  # the first render of a session leaves one
            bpy.data.images.remove(image)
        if (shown.frame_current, shown.frame_subframe) != (frame, subframe):
            shown.frame_set(frame, subframe=subframe)
