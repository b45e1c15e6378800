# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the add-on itself is: its name among Blender's modules, and its folder."""

from pathlib import Path

PACKAGE = __package__.rpartition(".")[0]
"""Blender's name of the add-on: that of the package two floors up, which imports this one."""
FOLDER = Path(__file__).parents[1]
