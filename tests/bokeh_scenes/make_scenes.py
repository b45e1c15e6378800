"""Render the bokeh tests' scenes with Cycles: once through a pinhole, once through a real lens.

    python make_scenes.py FOLDER [SCENE …]     (a Python with `bpy`, 5.0 or newer)

Each scene gives FOLDER/SCENE-pinhole.exr, multi-layer with depth as Blender's users have it, and
FOLDER/SCENE-lens.exr. What the camera was set to is in `CAMERAS`, which the tests read too.
"""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 272, 180
SENSOR, FOCAL = 36.0, 50.0  # mm
SAMPLES = {"pinhole": 200, "lens": 800}

# f-number, distance of focus in metres, blades (0: round).
CAMERAS = {
    "table": (0.3, 2.6, 0),
    "portrait": (0.22, 2.0, 0),
    "fence": (0.25, 3.2, 0),
    "street": (0.22, 2.4, 6),
}


def main() -> None:
    import bpy

    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or CAMERAS:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        _settings(bpy, *CAMERAS[name])
        random.seed(name)
        {"table": table, "portrait": portrait, "fence": fence, "street": street}[name](bpy)
        scene = bpy.context.scene
        for kind in ("pinhole", "lens"):
            lens = kind == "lens"
            scene.camera.data.dof.use_dof = lens
            scene.cycles.samples = SAMPLES[kind]
            output = scene.render.image_settings
            output.media_type = "IMAGE" if lens else "MULTI_LAYER_IMAGE"
            output.file_format = "OPEN_EXR" if lens else "OPEN_EXR_MULTILAYER"
            output.color_mode, output.color_depth, output.exr_codec = "RGB", "16", "DWAA"
            scene.render.filepath = str(folder / f"{name}-{kind}.exr")
            bpy.ops.render.render(write_still=True)


def table(bpy: Any) -> None:
    """Balls and boxes near and far on a patterned table before a wall."""
    _floor(bpy, 0, scale=9)
    _wall(bpy, 9, scale=5)
    for x, y, size, hue in (
        (-0.35, 2.6, 0.22, 0.02), (0.42, 3.6, 0.3, 0.3), (-0.9, 5.2, 0.4, 0.55),
        (0.35, 1.75, 0.13, 0.12), (1.6, 6.5, 0.6, 0.75),
    ):  # fmt: skip
        _ball(bpy, (x, y, size), size, hue)
    for x, y, size, hue in ((0.1, 2.9, 0.2, 0.6), (-1.5, 4.2, 0.5, 0.9), (0.75, 2.2, 0.12, 0.4)):
        _box(bpy, (x, y, size / 2), size, hue)


def portrait(bpy: Any) -> None:
    """A head and shoulders in focus before a far, busy wall and a row of posts."""
    _wall(bpy, 7, scale=14)
    _ball(bpy, (0, 2.0, 0.62), 0.2, 0.06)
    _ball(bpy, (0, 2.05, 0.12), 0.36, 0.6)
    _ball(bpy, (0.21, 2.0, 0.62), 0.035, 0.1)
    for i in range(9):
        _box(bpy, (-2 + 0.5 * i, 4.2, 0.5), 0.12, i / 9, tall=18)


def fence(bpy: Any) -> None:
    """Focus lies behind near bars and leaves, and before a far wall."""
    _floor(bpy, 0, scale=7)
    _wall(bpy, 10, scale=6)
    _ball(bpy, (-0.3, 3.2, 0.4), 0.4, 0.12)
    _box(bpy, (0.6, 3.4, 0.3), 0.55, 0.5)
    for i in range(4):
        _box(bpy, (-0.62 + 0.42 * i, 1.6, 0.45), 0.05, 0.35 + 0.03 * i, tall=40)


def street(bpy: Any) -> None:
    """Evening: small lights far behind a subject in focus, through an iris of six blades."""
    _floor(bpy, 0, scale=5, light=0.25)
    _wall(bpy, 14, scale=8, light=0.12)
    _ball(bpy, (-0.25, 2.4, 0.55), 0.3, 0.06)
    _box(bpy, (-0.25, 2.45, 0.12), 0.45, 0.65)
    for _ in range(26):
        spot = (random.uniform(-3, 3.4), random.uniform(6, 12), random.uniform(0.3, 3))
        _ball(bpy, spot, 0.035, random.random(), light=random.uniform(20, 60), pattern=0)


def _settings(bpy: Any, fstop: float, focus: float, blades: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 0  # everything glows by itself: no noise but that of the lens
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.resolution_percentage = 100
    scene.view_settings.view_transform = "Raw"
    bpy.context.view_layer.use_pass_z = True
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width, data.sensor_fit = FOCAL, SENSOR, "HORIZONTAL"
    data.clip_start = 0.01
    data.dof.focus_distance, data.dof.aperture_fstop = focus, fstop
    data.dof.aperture_blades = blades
    camera = bpy.data.objects.new("camera", data)
    camera.location, camera.rotation_euler = (0, 0, 0.6), (math.radians(90), 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera


def _glowing(bpy: Any, hue: float, scale: float, light: float, pattern: float) -> Any:
    """A surface that gives light of its own: coarse and fine noise over checks, shaded by angle."""
    from colorsys import hsv_to_rgb

    material = bpy.data.materials.new("glowing")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()

    def node(kind: str, **values: Any) -> Any:
        made = tree.nodes.new(f"ShaderNode{kind}")
        for key, value in values.items():
            made.inputs[key].default_value = value
        return made

    emission = node("Emission", Strength=light)
    tree.links.new(emission.outputs[0], node("OutputMaterial").inputs[0])
    first, second = (*hsv_to_rgb(hue, 0.7, 0.7), 1), (*hsv_to_rgb(hue + 0.08, 0.4, 0.2), 1)
    if not pattern:
        emission.inputs["Color"].default_value = first
        return material
    place = node("TexCoord")
    checks = node("TexChecker", Scale=scale, Color1=first, Color2=second)
    noise = node("TexNoise", Scale=scale * 2.7, Detail=5.0)
    shade = node("LayerWeight", Blend=0.35)
    mix = node("Mix", Factor=pattern)
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    darker = node("Mix")
    darker.data_type, darker.blend_type = "RGBA", "MIX"
    tree.links.new(place.outputs["Object"], checks.inputs["Vector"])
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    colours = [s for s in mix.inputs if s.type == "RGBA"]
    tree.links.new(checks.outputs["Color"], colours[0])
    tree.links.new(noise.outputs["Color"], colours[1])
    darker_colours = [s for s in darker.inputs if s.type == "RGBA"]
    tree.links.new(shade.outputs["Facing"], darker.inputs["Factor"])
    tree.links.new(next(s for s in mix.outputs if s.type == "RGBA"), darker_colours[0])
    darker_colours[1].default_value = (0.01, 0.01, 0.02, 1)
    tree.links.new(next(s for s in darker.outputs if s.type == "RGBA"), emission.inputs["Color"])
    return material


def _ball(
    bpy: Any,
    place: tuple[float, float, float],
    size: float,
    hue: float,
    light: float = 1.3,
    pattern: float = 0.7,
) -> None:
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=size, location=place)
    bpy.ops.object.shade_smooth()
    made = bpy.context.object
    made.data.materials.append(_glowing(bpy, hue, 4 / size / 2, light, pattern))


def _box(
    bpy: Any, place: tuple[float, float, float], size: float, hue: float, tall: float = 1
) -> None:
    bpy.ops.mesh.primitive_cube_add(size=size, location=place, rotation=(0, 0, hue * 6))
    made = bpy.context.object
    made.scale = (1, 1, tall)
    made.data.materials.append(_glowing(bpy, hue, 4 / size, 1.3, 0.7))


def _floor(bpy: Any, height: float, scale: float, light: float = 1.0) -> None:
    bpy.ops.mesh.primitive_plane_add(size=60, location=(0, 20, height))
    bpy.context.object.data.materials.append(_glowing(bpy, 0.1, scale, light, 0.7))


def _wall(bpy: Any, distance: float, scale: float, light: float = 1.0) -> None:
    bpy.ops.mesh.primitive_plane_add(
        size=60, location=(0, distance, 0), rotation=(math.radians(90), 0, 0)
    )
    bpy.context.object.data.materials.append(_glowing(bpy, 0.58, scale, light, 0.8))


if __name__ == "__main__":
    main()
