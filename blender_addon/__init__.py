# SPDX-License-Identifier: GPL-3.0-or-later
"""Mattelier in Blender: Add → AI → Rotoscope, Upscale and Bokeh in the compositor.

The work is done by a local engine in a process of its own; this add-on asks it, and shows the files
that it writes. It needs nothing but Blender's own Python.
"""

from . import adding, farm, masks, operators, panel, preferences, rendering, settings, subpanels

_PARTS = (settings, preferences, adding, operators, masks, panel, subpanels, farm, rendering)


def register() -> None:
    for part in _PARTS:
        part.register()


def unregister() -> None:
    for part in reversed(_PARTS):
        part.unregister()
