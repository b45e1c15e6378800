# SPDX-License-Identifier: GPL-3.0-or-later
"""Mattelier in Blender: Add → AI → Rotoscope in the compositor.

The work is done by a local engine in a process of its own; this add-on asks it, and shows the files
that it writes. It needs nothing but Blender's own Python.
"""

from . import farm, masks, operators, panel, preferences, rendering, settings

_PARTS = (settings, preferences, operators, masks, panel, farm, rendering)


def register() -> None:
    for part in _PARTS:
        part.register()


def unregister() -> None:
    for part in reversed(_PARTS):
        part.unregister()
