"""Bakes the first frames of a plate, and renders all of it: `lacking.py STAGE NODE_TYPE`."""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
import stage

folder = Path(sys.argv[1])
here = stage.fresh(folder, "lacking")
node = here.add(start=1, node_type=sys.argv[2])
here.show(node.outputs["Image"])
here.scene.frame_start, here.scene.frame_end = 1, 3
here.bake(node, "SCENE")
here.scene.frame_end = 10
here.scene.render.image_settings.file_format = "OPEN_EXR"
here.scene.render.filepath = str(folder / "out.####")
bpy.ops.render.render(animation=True)
