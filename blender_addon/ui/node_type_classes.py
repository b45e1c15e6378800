# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators, lists, panels and handlers that come with the types of nodes."""

from __future__ import annotations

import bpy

from ..registry import NODE_TYPES

_HANDLERS = [pair for node_type in NODE_TYPES.values() for pair in node_type.handlers]
_register_classes, _unregister_classes = bpy.utils.register_classes_factory(
    [found for node_type in NODE_TYPES.values() for found in node_type.classes]
)


def register() -> None:
    _register_classes()
    for handlers, handler in _HANDLERS:
        handlers.append(handler)


def unregister() -> None:
    for handlers, handler in _HANDLERS:
        handlers.remove(handler)
    _unregister_classes()
