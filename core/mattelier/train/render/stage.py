"""An empty Blender scene with a camera and lights, and what its camera sees as a source.

Needs `bpy`, Blender as a Python module (the extra `bpy`).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.train.render.source import Source, from_premultiplied
from mattelier.types.colour import bounded, linear_to_srgb
from mattelier.types.errors import EngineError

Vectors = NDArray[np.floating[Any]]

DISTANCE = 6.0
"""How far the camera stands from the subject's middle; the picture spans 2.16 units there."""

_BEYOND = 1e4  # depth of what the camera does not see
_LENS = 100.0  # focal length, of a 36 mm sensor


def blender() -> Any:
    """The `bpy` module.

    Raises
    ------
    EngineError
        It is not installed.
    """
    try:
        import bpy  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise EngineError(
            "Rendering subjects needs Blender as a module; run `pip install 'mattelier[bpy]'`, "
            "or leave out --blender to draw them."
        ) from None
    return bpy


def empty_stage(side: int, samples: int, seed: int, random: Generator) -> Any:
    """A new scene, lit at random, sometimes with a shallow focus or a moving subject."""
    bpy = blender()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x = render.resolution_y = side
    render.film_transparent = True
    render.image_settings.file_format = "OPEN_EXR_MULTILAYER"
    render.image_settings.color_depth = "32"
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = False
    scene.cycles.seed = seed
    scene.cycles.film_transparent_glass = True
    scene.view_layers[0].use_pass_z = True
    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (
        *random.uniform(0.2, 1, 3).tolist(), 1,
    )  # fmt: skip
    world.node_tree.nodes["Background"].inputs[1].default_value = float(random.uniform(0.1, 1))
    scene.world = world
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.location = (0, -DISTANCE, 0)
    camera.rotation_euler = (np.pi / 2, 0, 0)
    camera.data.lens = _LENS
    scene.camera = camera
    if random.random() < 0.35:
        camera.data.dof.use_dof = True
        camera.data.dof.focus_distance = DISTANCE + float(random.normal(0, 0.4))
        camera.data.dof.aperture_fstop = float(np.exp(random.uniform(np.log(0.3), np.log(3))))
    render.use_motion_blur = bool(random.random() < 0.2)
    if camera.data.dof.use_dof or render.use_motion_blur:
        scene.cycles.samples = 3 * samples  # their grain is worse
    _light(scene, random)
    return scene


def _light(scene: Any, random: Generator) -> None:
    bpy = blender()
    for number in range(int(random.integers(1, 4))):
        lamp = bpy.data.lights.new(f"light {number}", "AREA")
        lamp.size = float(random.uniform(0.2, 4))
        lamp.energy = float(np.exp(random.uniform(np.log(80), np.log(700))))
        lamp.color = (1 + random.normal(0, 0.12, 3)).clip(0.3, 1.5).tolist()
        light = bpy.data.objects.new(lamp.name, lamp)
        way = random.normal(0, 1, 3)
        way[1] = -abs(way[1]) if random.random() < 0.75 else abs(way[1])  # else from behind
        place = 4 * way / np.linalg.norm(way)
        light.location = place.tolist()
        turn = bpy.data.objects.new("target", None)
        scene.collection.objects.link(turn)
        scene.collection.objects.link(light)
        follow = light.constraints.new("TRACK_TO")
        follow.target = turn


def animate(scene: Any, things: list[Any], random: Generator) -> None:
    """The subject's movement while the shutter is open, where the scene is blurred by it."""
    if not scene.render.use_motion_blur:
        return
    bpy = blender()
    body = bpy.data.objects.new("body", None)
    scene.collection.objects.link(body)
    for thing in things:
        thing.parent = body
    way = random.normal(0, 0.06, 3)
    for frame, sign in ((0, -1), (2, 1)):
        body.location = (sign * way).tolist()
        body.rotation_euler = (sign * random.normal(0, 0.02, 3)).tolist()
        body.keyframe_insert("location", frame=frame)
        body.keyframe_insert("rotation_euler", frame=frame)
    scene.frame_set(1)


def render_scene(scene: Any) -> tuple[Source, NDArray[np.float32]]:
    """Render: the source, and (H, W) float32 depth in scene units, 0 where there is nothing."""
    import OpenImageIO

    bpy = blender()
    with tempfile.TemporaryDirectory() as folder:
        scene.render.filepath = str(Path(folder) / "shot.exr")
        with _silenced():
            bpy.ops.render.render(write_still=True)
        reader = OpenImageIO.ImageInput.open(scene.render.filepath)
        if reader is None:
            raise EngineError(f"Blender rendered nothing: {OpenImageIO.geterror()}.")
        spec = reader.spec()
        values = np.asarray(reader.read_image(OpenImageIO.FLOAT), np.float32)
        # "ViewLayer.Combined.R"
        place = {name.partition(".")[2]: index for index, name in enumerate(spec.channelnames)}
        reader.close()
    light = values[..., [place[f"Combined.{name}"] for name in "RGB"]]
    alpha = np.clip(values[..., place["Combined.A"]], 0, 1)
    depth = values[..., place["Depth.Z" if "Depth.Z" in place else "Depth.V"]]
    straight = light / np.maximum(alpha, 1e-3)[..., None]
    colour = np.clip(linear_to_srgb(bounded(np.maximum(straight, 0))), 0, 1)
    source = from_premultiplied(colour * alpha[..., None], alpha)
    return source, np.where(depth < _BEYOND, depth, 0).astype(np.float32)


def write_depth(depth: NDArray[np.float32], path: Path) -> None:
    """Write the depth of a shot: an EXR with one float channel Z, as renderers do."""
    from mattelier.media import oiio_io
    from mattelier.types.atomic import replacing

    with replacing(path) as part:
        oiio_io.write(
            part, (*depth.shape, 1), "float32", lambda y0, y1: depth[y0:y1, :, None],
            channels=("Z",), attributes={},
        )  # fmt: skip


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Without Blender's own progress lines, which it writes past Python."""
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
