# SPDX-License-Identifier: GPL-3.0-or-later
"""Mattelier in Blender: Add → AI → Rotoscope, Upscale and Bokeh in the compositor.

The work is done by a local engine in a process of its own; this add-on asks it, and shows the files
that it writes. It needs nothing but Blender's own Python.
"""

from . import settings
from .engine import preferences
from .farm import bake_all
from .ui import add_node, node_type_classes, operators, panels, render_check

_PARTS = (
    settings,
    preferences,
    add_node,
    operators,
    panels,
    node_type_classes,
    bake_all,
    render_check,
)


def register() -> None:
    for part in _PARTS:
        part.register()


def unregister() -> None:
    for part in reversed(_PARTS):
        part.unregister()
