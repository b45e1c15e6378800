"""Saves a file with a Rotoscope node that was never baked: `-- FOLDER`."""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import stage

folder = Path(sys.argv[-1])
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.preferences.addon_enable(module=stage.MODULE)
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.render.resolution_x, scene.render.resolution_y = stage.RENDER_SIZE
scene.frame_start, scene.frame_end = 1, 10
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
here = stage.Stage(folder / "plates", folder)
here.show(here.add(start=1).outputs["Image"])
scene.render.filepath = str(folder / "out.####")
bpy.ops.wm.save_mainfile()
