"""Glass with exact transparency, rendered, and how well `product` finds it and sees through it.

    BPY_PYTHON benchmarks/glass.py render FOLDER [--side 320] [--samples 16]
    python benchmarks/glass.py measure FOLDER [--sheet SHEET.png]

The first needs Blender as a Python module (bpy) and writes of each thing two pictures of linear
light: before a black ground and before a white one. Light adds up, so a pixel is F + T · ground: F
is the black one, T the difference, both exact but for the renderer's grain, and any other ground
is reckoned. What is seen behind and refracted through a thing is the ground, as far as 70 degrees
to the side; beyond that, and in reflections, it is a studio: dark, with two windows of light.

The second puts each before a white and a grey sweep with a camera's noise, and does as `product`
does. Even numbers of a kind are there to set a threshold by, odd ones to check it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Profile = list[tuple[float, float]]

CLEAR, TINTED, OPAQUE = "clear", "tinted", "opaque"
GROUNDS = {"white": (0.80, 0.80, 0.79), "grey": (0.30, 0.30, 0.31)}
"""Linear light of the sweeps that things are photographed on."""
LOUD = (0.9, 0.05, 0.45)
"""Linear light of another ground, before which the results are held."""
_SEEN_TO_THE_SIDE = np.cos(np.radians(70))
_PRINTED = ("found", "clear", "veiled", "alpha", "loud", "solid_loud")
_NOISE = 0.004  # display-encoded
_SUBJECT = 0.03  # of opacity or light, from which a pixel is the thing's


# Things: a turned profile each, (radius, height) from the middle of the foot up and back inside


def tumbler(random: np.random.Generator) -> Profile:
    top, height = random.uniform(0.42, 0.5), random.uniform(1.0, 1.3)
    foot, wall, base = top * random.uniform(0.75, 0.95), random.uniform(0.02, 0.05), 0.12
    return [(0, 0), (foot, 0), (top, height), (top - wall, height), (foot - wall, base), (0, base)]


def wine_glass(random: np.random.Generator) -> Profile:
    bowl, wall = random.uniform(0.4, 0.5), 0.02
    belly = [(bowl * np.sin(t), 0.72 + 0.5 * (1 - np.cos(t))) for t in np.linspace(0.12, 1.9, 14)]
    inner = [(max(r - wall, 0), z + wall * (r < bowl / 2)) for r, z in reversed(belly)]
    return [(0, 0), (0.38, 0), (0.38, 0.02), (0.05, 0.06), (0.04, 0.7), *belly, *inner, (0, 0.76)]


def bottle(random: np.random.Generator) -> Profile:
    side, neck, wall = random.uniform(0.28, 0.36), random.uniform(0.09, 0.12), 0.025
    shoulder = random.uniform(0.9, 1.1)
    return [
        (0, 0), (side, 0.01), (side, shoulder), (neck, shoulder + 0.3), (neck, 1.75),
        (neck - wall, 1.75), (neck - wall, shoulder + 0.3), (side - wall, shoulder),
        (side - wall, 0.06), (0, 0.06),
    ]  # fmt: skip


def vase(random: np.random.Generator) -> Profile:
    wall, waist = 0.04, random.uniform(0.15, 0.25)
    heights = np.linspace(0, 1.5, 18)
    radii = waist + 0.28 * np.sin(np.pi * heights / 1.5) ** 2 + 0.18 * (heights / 1.5) ** 4
    outer = list(zip(radii.tolist(), heights.tolist(), strict=True))
    inner = [(r - wall, max(z, 0.06)) for r, z in reversed(outer)]
    return [(0, 0), *outer, *inner, (0, 0.06)]


def pane(random: np.random.Generator) -> Profile:
    """One of the two lenses of spectacles."""
    size, thick = random.uniform(0.38, 0.45), 0.02
    return [(0, 0), (size, 0.01), (size, thick), (0, thick + 0.01)]


def ball(random: np.random.Generator) -> Profile:
    size = random.uniform(0.45, 0.6)
    return [(size * np.sin(t), size - size * np.cos(t)) for t in np.linspace(0, np.pi, 24)]


def box(random: np.random.Generator) -> Profile:
    """A tin."""
    size = random.uniform(0.35, 0.5)
    return [(0, 0), (size, 0), (size, 0.02), (size, 1.1), (size - 0.03, 1.13), (0, 1.13)]


KINDS: dict[str, tuple[int, tuple[Callable[[np.random.Generator], Profile], ...]]] = {
    CLEAR: (8, (tumbler, wine_glass, bottle, vase, pane)),
    TINTED: (6, (bottle, vase, tumbler, wine_glass)),
    OPAQUE: (7, (tumbler, bottle, vase, ball, box)),
}
"""How many there are of each, and what they may be."""


def render(folder: Path, side: int, samples: int) -> None:
    """Write NAME-black.exr and NAME-white.exr of each thing."""
    import bpy

    todo = [
        (one, number, kind, shapes[one % len(shapes)])
        for number, (kind, (count, shapes)) in enumerate(KINDS.items())
        for one in range(count)
    ]
    for one, number, kind, shape in sorted(todo, key=lambda item: item[:2]):
        name = f"{kind}-{one:02}-{shape.__name__}"
        if all((folder / f"{name}-{ground}.exr").exists() for ground in ("black", "white")):
            continue
        random = np.random.default_rng((number, one))
        scene = _stage(side, samples, random)
        _things(kind, shape, random)
        ground = scene.world.node_tree.nodes["ground"]
        for value, shade in ((0.0, "black"), (1.0, "white")):
            ground.inputs[0].default_value = (value, value, value, 1)
            scene.render.filepath = str(folder / f"{name}-{shade}.exr")
            bpy.ops.render.render(write_still=True)
        print(name, file=sys.stderr, flush=True)


def _stage(side: int, samples: int, random: np.random.Generator) -> Any:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = side
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.view_settings.view_transform = "Raw"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = scene.cycles.transmission_bounces = 16
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = True
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    camera.location = (0, -6, float(random.uniform(0.6, 1.6)))
    camera.data.lens = 85
    _look_at(camera, (0, 0, 0.75))
    scene.camera = camera
    scene.world = _world(random)
    return scene


def _look_at(thing: Any, place: tuple[float, float, float]) -> None:
    from mathutils import Vector

    way = Vector(place) - thing.location
    thing.rotation_euler = way.to_track_quat("-Z", "Y").to_euler()


def _world(random: np.random.Generator) -> Any:
    """The even ground for what is seen directly or through glass, else the studio."""
    import bpy

    world = bpy.data.worlds.new("world")
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    nodes.clear()

    def math(operation: str, first: Any, second: Any) -> Any:
        node = nodes.new("ShaderNodeMath")
        node.operation = operation
        for socket, value in zip(node.inputs, (first, second), strict=False):
            if isinstance(value, float):
                socket.default_value = value
            else:
                links.new(value, socket)
        return node.outputs[0]

    path, place = nodes.new("ShaderNodeLightPath"), nodes.new("ShaderNodeTexCoord")
    parts = nodes.new("ShaderNodeSeparateXYZ")
    links.new(place.outputs["Generated"], parts.inputs[0])
    through = math("MAXIMUM", path.outputs["Is Camera Ray"], path.outputs["Is Transmission Ray"])
    behind = math("GREATER_THAN", parts.outputs["Y"], float(_SEEN_TO_THE_SIDE))
    wall = float(random.uniform(0.03, 0.25))
    lamps = []
    for sign in (-1.0, 1.0):
        beside = math("GREATER_THAN", math("MULTIPLY", parts.outputs["X"], sign), 0.75)
        up = math("GREATER_THAN", parts.outputs["Z"], float(random.uniform(-0.3, 0.1)))
        bright = float(random.uniform(1.5, 5))
        lamps.append(math("MULTIPLY", math("MULTIPLY", beside, up), bright))
    light = math("ADD", math("ADD", lamps[0], lamps[1]), wall)
    studio, ground = nodes.new("ShaderNodeBackground"), nodes.new("ShaderNodeBackground")
    ground.name = "ground"
    links.new(light, studio.inputs[0])
    mix, out = nodes.new("ShaderNodeMixShader"), nodes.new("ShaderNodeOutputWorld")
    links.new(math("MULTIPLY", through, behind), mix.inputs[0])
    links.new(studio.outputs[0], mix.inputs[1])
    links.new(ground.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], out.inputs[0])
    return world


def _things(
    kind: str, shape: Callable[[np.random.Generator], Profile], random: np.random.Generator
) -> None:
    material = _material(kind, random)
    if shape is not pane:
        _turned(shape(random), material)
        return
    profile = pane(random)
    frame = _material(OPAQUE, random)
    size = max(radius for radius, _ in profile)
    for sign in (-1, 1):
        _turned(profile, material, (sign * (size + 0.08), 0, 0.75), upright=True)
        rim = [(size - 0.005, -0.02), (size + 0.04, -0.02), (size + 0.04, 0.05)]
        rim.append((size - 0.005, 0.05))
        _turned([*rim, rim[0]], frame, (sign * (size + 0.08), 0, 0.75), upright=True)


def _turned(
    profile: Profile,
    material: Any,
    place: tuple[float, float, float] = (0, 0, 0),
    *,
    upright: bool = False,
) -> None:
    import bpy

    mesh = bpy.data.meshes.new("profile")
    mesh.from_pydata(
        [(radius, 0, height) for radius, height in profile],
        [(i, i + 1) for i in range(len(profile) - 1)],
        [],
    )
    thing = bpy.data.objects.new("thing", mesh)
    bpy.context.scene.collection.objects.link(thing)
    thing.location = place
    if upright:
        thing.rotation_euler = (np.pi / 2, 0, 0)
    turn = thing.modifiers.new("turn", "SCREW")
    turn.steps = turn.render_steps = 96
    turn.use_merge_vertices = turn.use_normal_calculate = True
    turn.merge_threshold = 1e-4
    turn.use_smooth_shade = False
    mesh.materials.append(material)


def _material(kind: str, random: np.random.Generator) -> Any:
    import bpy

    material = bpy.data.materials.new(kind)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    if kind == OPAQUE:
        pale = random.random() < 0.4
        colour = random.uniform(0.6, 0.85, 3) if pale else random.uniform(0.03, 0.7, 3)
        if random.random() < 0.5:
            colour = np.full(3, colour.mean())
        shader.inputs["Base Color"].default_value = (*colour.tolist(), 1)
        shader.inputs["Metallic"].default_value = float(random.random() < 0.2)
        shader.inputs["Roughness"].default_value = float(random.uniform(0.05, 0.8))
        return material
    shader.inputs["Transmission Weight"].default_value = 1
    shader.inputs["Roughness"].default_value = 0
    shader.inputs["IOR"].default_value = 1.5
    tint = np.ones(3)
    if kind == TINTED:
        strong = int(random.integers(3))
        tint = random.uniform(0.3, 0.75, 3)
        tint[strong] = 0.9
    shader.inputs["Base Color"].default_value = (*np.sqrt(tint).tolist(), 1)
    return material


# Measuring


def measure(folder: Path, sheet: Path | None) -> None:
    """Print what is found, and how near to the truth it is seen through."""
    from mattelier.engines.model_cache import ModelCache

    model = ModelCache().open("default", "matte")
    rows: list[dict[str, Any]] = []
    tiles: list[Any] = []
    for black in sorted(folder.glob("*-black.exr")):
        light, through = _truth(black)
        for ground, level in GROUNDS.items():
            row, pictures = _photographed(light, through, np.array(level, np.float32), model)
            name = black.name.removesuffix("-black.exr")
            kind, number, _ = name.split("-", 2)
            rows.append({"name": name, "kind": kind, "number": int(number)})
            rows[-1] |= {"ground": ground, **row}
            tiles.append(pictures)
            print(
                f"{name:22} {ground:6} " + " ".join(f"{key} {row[key]:.3f}" for key in _PRINTED),
                flush=True,
            )
    _report(rows)
    if sheet is not None:
        _write_sheet(sheet, rows, tiles)


def _truth(black: Path) -> tuple[Any, Any]:
    """The thing's own light and what it lets through, (H, W, 3) float32 each."""
    from mattelier.media import stills

    dark = stills.read(black).colour[..., :3].astype(np.float32)
    bright = stills.read(black.with_name(black.name.replace("-black", "-white"))).colour
    through = np.clip(bright[..., :3].astype(np.float32) - dark, 0, 1)
    return np.maximum(dark, 0), through


def _photographed(
    light: Any, through: Any, level: Any, model: Any
) -> tuple[dict[str, float], tuple[Any, Any, Any]]:
    """One thing on one sweep: numbers; the photo, the truth on the loud ground, and the result."""
    from mattelier.filters.product.ground import find_ground
    from mattelier.filters.product.seen_through import (
        ground_around,
        is_glass,
        join_pieces,
        open_gaps,
        see_through,
        seen_shares,
        settle_doubt,
    )
    from mattelier.matting.foreground import estimate_foreground
    from mattelier.matting.matte import matte_picture
    from mattelier.requests import MatteRequest
    from mattelier.types.colour import View, linear_to_srgb
    from mattelier.types.picture import Picture

    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width] / height - 0.5
    behind = (level * (1 - 0.12 * (x * x + y * y + 0.5 * y))[..., None]).astype(np.float32)
    shown = linear_to_srgb((light + through * behind).astype(np.float32))
    noise = np.random.default_rng(1).normal(0, _NOISE, shown.shape)
    photo = np.clip((shown + noise) * 255 + 0.5, 0, 255).astype(np.uint8)
    picture = Picture(photo)
    matte = matte_picture(picture, None, MatteRequest(), model)
    view = View(picture).tile(0, height, 0, width)
    loud = np.broadcast_to(np.array(LOUD, np.float32), light.shape)
    truth = linear_to_srgb((light + through * loud).astype(np.float32))
    ground = find_ground(view, matte.alpha)
    opacity = 1 - through.mean(axis=2)
    inside = (opacity > _SUBJECT) | (light.max(axis=2) > _SUBJECT)
    if ground is None:
        nothing = {
            "found": 0.0,
            "clear": 0.0,
            "veiled": 0.0,
            "alpha": np.nan,
            "loud": np.nan,
            "solid_loud": np.nan,
        }
        return nothing, (photo, truth, truth)
    near = ground_around(view, matte.alpha, ground)
    alpha = open_gaps(view, join_pieces(view, matte.alpha, near), near)
    clear_share, veiled_share = seen_shares(view, alpha, near)
    encoded = linear_to_srgb(loud)
    clear_alpha, colour = see_through(view, alpha, near, np.zeros(alpha.shape, bool))
    clear = clear_alpha[..., None] * colour + (1 - clear_alpha[..., None]) * encoded
    solid_alpha = settle_doubt(view, alpha, near)
    own = np.asarray(estimate_foreground(photo, solid_alpha), np.float32) / 255
    solid = solid_alpha[..., None] * own + (1 - solid_alpha[..., None]) * encoded
    row = {
        "found": float(is_glass(view, alpha, near)),
        "clear": clear_share,
        "veiled": veiled_share,
        "alpha": float(np.abs(clear_alpha - opacity)[inside].mean()),
        "loud": float(np.abs(clear - truth)[inside].mean()),
        "solid_loud": float(np.abs(solid - truth)[inside].mean()),
        "opacity": float(opacity[inside].mean()),
    }
    return row, (photo, truth, clear)


def _report(rows: list[dict[str, Any]]) -> None:
    for kind in KINDS:
        for ground in GROUNDS:
            some = [row for row in rows if (row["kind"], row["ground"]) == (kind, ground)]
            halves = [[row for row in some if row["number"] % 2 == half] for half in (0, 1)]
            counts = [f"{sum(r['found'] for r in half):.0f} of {len(half)}" for half in halves]
            print(f"{kind:7} {ground:6} taken for glass: even {counts[0]}, odd {counts[1]}")
    for kind in KINDS:
        some = [row for row in rows if row["kind"] == kind]
        if not some:
            continue
        alpha, loud, solid = (
            np.nanmean([row[key] for row in some]) for key in ("alpha", "loud", "solid_loud")
        )
        print(
            f"{kind:7} seen through: alpha off by {alpha:.3f}, before the loud ground by "
            f"{loud:.3f}; kept solid by {solid:.3f}"
        )


def _write_sheet(path: Path, rows: list[dict[str, Any]], tiles: list[Any]) -> None:
    """Photo, truth and result before the loud ground, side by side, five rows of two a column."""
    import cv2

    cells = []
    for row, (photo, truth, clear) in zip(rows, tiles, strict=True):
        shown = [photo / 255, truth, clear]
        cell = np.hstack([np.clip(one * 255, 0, 255).astype(np.uint8) for one in shown])
        cell = np.ascontiguousarray(cv2.resize(cell, (480, 160), interpolation=cv2.INTER_AREA))
        cv2.putText(cell, f"{row['name']} {row['veiled']:.2f}", (4, 12), 0, 0.35, (255, 255, 0), 1)
        cells.append(cell)
    columns = 4
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    lines = [np.hstack(cells[at : at + columns]) for at in range(0, len(cells), columns)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(lines), cv2.COLOR_RGB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", choices=["render", "measure"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.work == "render":
        render(options.folder.resolve(), options.side, options.samples)
    else:
        measure(options.folder, options.sheet)


if __name__ == "__main__":
    main()
