# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths as a .blend file keeps them: from its own place."""

from __future__ import annotations

from pathlib import Path

import bpy


def absolute(path: str, library: bpy.types.Library | None = None) -> Path:
    """A path that may begin with //, from the place of the file, or the library, that names it."""
    return Path(bpy.path.abspath(path, library=library)).absolute()


def relative(path: Path) -> str:
    """As a .blend file keeps it: from its own place, where the drive allows."""
    if bpy.data.filepath:
        try:
            return bpy.path.relpath(str(path))
        except ValueError:  # another drive
            pass
    return str(path)
