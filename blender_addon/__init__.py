# SPDX-License-Identifier: GPL-3.0-or-later
"""Mattelier in Blender: Add → AI → Rotoscope, Upscale and Bokeh in the compositor.

The work is done by a local engine in a process of its own; this add-on asks it, and shows the files
that it writes. It needs nothing but Blender's own Python.

Floors, each of which imports only what is below it: `ui` (operators and panels of all nodes, the
check of renders), `farm` (no window), `settings` (the properties that Blender knows, put together),
`registry` (all types of nodes), `node_types` (each in its own file or folder), `baking` (cache,
freshness, jobs), `node` (what all types share), `engine` (the way to the worker), `blend`
(versions, paths and plates as Blender has them), `data` (plain values that know no Blender).
"""

from . import settings
from .engine import preferences
from .farm import bake_all
from .ui import (
    add_node,
    bake_operator,
    look_over,
    node_type_classes,
    operators,
    panels,
    render_check,
    undo,
)

_MODULES = (
    settings,
    preferences,
    add_node,
    bake_operator,
    operators,
    panels,
    look_over,
    node_type_classes,
    bake_all,
    render_check,
    undo,
)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
