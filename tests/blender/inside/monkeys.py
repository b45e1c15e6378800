"""Renders a plate for pictures: monkeys.1001-1006.png, two of them who pass each other.

Run by a module of Blender: monkeys.py FOLDER.
"""

import math
import os
import sys
from pathlib import Path

import bpy

FRAMES = range(1001, 1007)
MONKEYS = (  # where they begin, how far they go, how they look, their colour
    ((-1.5, 0.3, 1.0), 0.9, 25, (0.85, 0.3, 0.06)),
    ((1.6, -0.4, 1.0), -0.6, -30, (0.9, 0.42, 0.1)),
)


def material(colour, roughness):
    made = bpy.data.materials.new("colour")
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    return made


def build(scene):
    bpy.ops.mesh.primitive_plane_add(size=40)
    bpy.context.object.data.materials.append(material((0.12, 0.2, 0.24), 0.8))
    bpy.ops.mesh.primitive_plane_add(size=40, location=(0, 6, 0), rotation=(math.pi / 2, 0, 0))
    bpy.context.object.data.materials.append(material((0.2, 0.3, 0.4), 0.9))
    for place, way, turn, colour in MONKEYS:
        bpy.ops.mesh.primitive_monkey_add(location=place, rotation=(0, 0, math.radians(turn)))
        monkey = bpy.context.object
        monkey.modifiers.new("smooth", "SUBSURF").render_levels = 2
        bpy.ops.object.shade_smooth()
        monkey.data.materials.append(material(colour, 0.5))
        monkey.keyframe_insert("location", frame=FRAMES[0])
        monkey.location.x += way
        monkey.keyframe_insert("location", frame=FRAMES[-1])
    bpy.ops.object.light_add(type="AREA", location=(-4, -5, 7), rotation=(0.75, 0, -0.6))
    bpy.context.object.data.energy, bpy.context.object.data.size = 900, 4
    bpy.ops.object.camera_add(location=(0, -8.2, 2.1), rotation=(math.radians(82), 0, 0))
    scene.camera = bpy.context.object


def main(folder):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    build(scene)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 48
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    scene.view_settings.view_transform = "Standard"
    for frame in FRAMES:
        scene.frame_set(frame)
        scene.render.filepath = str(folder / f"monkeys.{frame}.png")
        bpy.ops.render.render(write_still=True)


main(Path(sys.argv[-1]))
sys.stdout.flush()
os._exit(0)
