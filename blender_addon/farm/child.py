# SPDX-License-Identifier: GPL-3.0-or-later
"""A script for another Blender: bakes what a render is waiting for. See `child_blender`."""

import importlib
import json
import sys

import bpy

task = json.loads(sys.argv[-1])
if not hasattr(bpy.types.CompositorNodeTree, "mattelier"):
    import addon_utils  # there only once bpy is

    addon_utils.enable(task["package"])
process = importlib.import_module(task["package"] + ".farm.process")
child_blender = importlib.import_module(task["package"] + ".farm.child_blender")
process.exit_process(child_blender.bake_as_child(task))
