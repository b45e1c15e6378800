# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that Blender knows: what every type of node has, and what each one adds."""

from __future__ import annotations

import bpy
from bpy.props import CollectionProperty, PointerProperty

from .node.groups import build
from .node.node_type import NodeType
from .node.settings import NodeSettings, ResultSettings
from .registry import NODE_TYPES

_OF_NODES = [found for each in NODE_TYPES.values() if (found := each.settings)]
_OF_RESULTS = [found for each in NODE_TYPES.values() if (found := each.result_settings)]


class Result(*_OF_RESULTS, ResultSettings, bpy.types.PropertyGroup):
    """A result with the settings of all types."""


class Settings(*_OF_NODES, NodeSettings, bpy.types.PropertyGroup):
    """A node's settings, those of all types; on each group of the compositor."""

    objects: CollectionProperty(type=Result)

    @property
    def node_type(self) -> NodeType | None:
        return NODE_TYPES.get(self.kind)

    def rebuild_group(self) -> None:
        build(self.id_data)


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((Result, Settings))


def register() -> None:
    _register_classes()
    bpy.types.CompositorNodeTree.mattelier = PointerProperty(type=Settings)


def unregister() -> None:
    del bpy.types.CompositorNodeTree.mattelier
    _unregister_classes()
