"""Subjects rendered with Blender: exact alpha, straight colour and depth by light's own laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.train.render.source import Source
from mattelier.train.render.stage import Vectors, animate, blender, empty_stage, render_scene
from mattelier.train.render.strands import hair_colour

_UP = np.array([0, 0, 1.0])


def render(
    seed: int, number: int, side: int = 384, samples: int = 20
) -> tuple[Source, NDArray[np.float32]]:
    """Subject `number` of this seed and its depth; see `stage.render_scene`.

    Raises
    ------
    EngineError
        Blender's module is not installed.
    """
    random = np.random.default_rng((seed, number))
    scene = empty_stage(side, samples, int(random.integers(1 << 30)), random)
    shares = np.array([share for share, _ in SUBJECT_TYPES.values()])
    subject = list(SUBJECT_TYPES)[int(random.choice(len(SUBJECT_TYPES), p=shares / shares.sum()))]
    animate(scene, SUBJECT_TYPES[subject][1](random), random)
    return render_scene(scene)


def _thing(name: str, data: Any, material: Any) -> Any:
    bpy = blender()
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    data.materials.append(material)
    return thing


def _paint(colour: Vectors, random: Generator, **inputs: float) -> Any:
    """A principled material whose colour varies from place to place."""
    material = blender().data.materials.new("paint")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = float(random.uniform(0.25, 0.9))
    for name, value in inputs.items():
        shader.inputs[name.replace("_", " ")].default_value = value
    noise, ramp = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeValToRGB")
    noise.inputs["Scale"].default_value = float(np.exp(random.uniform(0, 3)))
    other = np.clip(colour * np.exp(random.normal(0, 0.5, 3)), 0, 1)
    for element, paint in zip(ramp.color_ramp.elements, (colour, other), strict=True):
        element.color = (*np.square(paint).tolist(), 1)  # about linear light
    links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    return material


def _fibre(colour: Vectors, random: Generator) -> Any:
    """Hair as it scatters light (Chiang et al. 2016), coloured directly."""
    material = blender().data.materials.new("fibre")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = nodes.new("ShaderNodeBsdfHairPrincipled")
    shader.parametrization = "COLOR"
    shader.inputs["Color"].default_value = (*np.square(colour).tolist(), 1)
    shader.inputs["Roughness"].default_value = float(random.uniform(0.1, 0.6))
    links.new(shader.outputs[0], nodes["Material Output"].inputs["Surface"])
    return material


def _body(
    random: Generator, size: float, rough: float, material: Any
) -> tuple[Any, Vectors, Vectors]:
    """A lumpy ball; with it 20,000 places on it and the way out of it there."""
    bpy = blender()
    ways = random.normal(0, 1, (20_000, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    waves = random.normal(0, 2.2, (5, 3))
    phases, heights = random.uniform(0, 7, 5), random.normal(0, rough, 5)
    stretch = np.exp(random.uniform(-0.25, 0.25, 3))

    def grow(ways: Vectors) -> Vectors:
        radius = size * (1 + (heights * np.sin(ways @ waves.T + phases)).sum(1))
        return np.asarray(ways * radius[:, None] * stretch)

    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=6, radius=1)
    ball = bpy.context.object
    flat = np.empty(3 * len(ball.data.vertices), np.float32)
    ball.data.vertices.foreach_get("co", flat)
    places = grow(flat.reshape(-1, 3).astype(np.float64))
    ball.data.vertices.foreach_set("co", places.astype(np.float32).reshape(-1))
    ball.data.shade_smooth()
    ball.data.update()
    ball.data.materials.append(material)
    return ball, grow(ways), ways


def curves(strands: Vectors, radius: Vectors, material: Any) -> Any:
    """An object of curves: (N, points, 3) and the radius (N, points)."""
    data = blender().data.hair_curves.new("strands")
    count, points = strands.shape[:2]
    data.add_curves([points] * count)
    data.points.foreach_set("position", strands.astype(np.float32).reshape(-1))
    data.points.foreach_set("radius", radius.astype(np.float32).reshape(-1))
    return _thing("strands", data, material)


def _grow_strands(
    roots: Vectors, ways: Vectors, lengths: Vectors, random: Generator,
    *, fall: float, unruly: float, curl: float, steps: int = 12,
) -> Vectors:  # fmt: skip
    """Strands in space: each step leans towards the ground, a shared wind and its own whim."""
    waves, phases = random.normal(0, 1.5, (3, 3)), random.uniform(0, 7, 3)
    way, place = ways.astype(np.float64), roots.astype(np.float64)
    path = [place]
    turns = random.uniform(1, 4)
    side = np.cross(ways, random.normal(0, 1, 3))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    across, phase = np.cross(ways, side), random.normal(0, 0.7, (len(roots), 1))
    for step in range(steps):
        wind = np.sin(place @ waves.T + phases)
        whim = random.normal(0, unruly, place.shape)
        way = way + (fall * -_UP + 0.5 * fall * wind) / steps * 4 + whim
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        angle = 2 * np.pi * turns * step / steps + phase
        round_ = curl * (np.cos(angle) * side + np.sin(angle) * across)
        place = place + (way + round_) * (lengths / steps)[:, None]
        path.append(place)
    return np.stack(path, 1)


def _taper(strands: Vectors, radius: float, tip: float, random: Generator) -> Vectors:
    thick = radius * np.exp(random.normal(0, 0.2, (len(strands), 1)))
    return np.asarray(thick * np.linspace(1, tip, strands.shape[1]))


def hair(random: Generator) -> list[Any]:
    """A head of hair."""
    colour = hair_colour(random)
    skin = _paint(colour * random.uniform(0.3, 1), random)
    head, places, ways = _body(random, random.uniform(0.3, 0.5), 0.04, skin)
    count = int(np.exp(random.uniform(np.log(800), np.log(12_000))))
    pick = random.choice(len(places), count, replace=False)
    lengths = random.uniform(0.15, 0.9) * np.exp(random.normal(0, 0.3, count))
    strands = _grow_strands(
        places[pick], ways[pick], lengths, random,
        fall=random.uniform(0, 0.5), unruly=random.uniform(0, 0.12),
        curl=float(random.choice([0, random.uniform(0.2, 0.9)])), steps=16,
    )  # fmt: skip
    radius = float(np.exp(random.uniform(np.log(0.0008), np.log(0.004))))
    return [head, curves(strands, _taper(strands, radius, 0.3, random), _fibre(colour, random))]


def fur(random: Generator) -> list[Any]:
    """An animal's coat."""
    colour = hair_colour(random)
    body, places, ways = _body(random, random.uniform(0.4, 0.65), 0.12, _paint(colour, random))
    count = int(random.integers(8_000, 20_000))
    pick = random.choice(len(places), count, replace=False)
    lengths = random.uniform(0.05, 0.22) * np.exp(random.normal(0, 0.25, count))
    strands = _grow_strands(
        places[pick], ways[pick], lengths, random,
        fall=random.uniform(0, 0.6), unruly=random.uniform(0.02, 0.2), curl=0, steps=6,
    )  # fmt: skip
    radius = random.uniform(0.001, 0.004)
    return [body, curves(strands, _taper(strands, radius, 0.15, random), _fibre(colour, random))]


def feathers(random: Generator) -> list[Any]:
    """Feathers side by side, each of a shaft and its barbs."""
    material, shafts, barbs = _paint(hair_colour(random), random), [], []
    for _ in range(int(random.integers(1, 5))):
        root = random.uniform(-0.6, 0.6, (1, 3)) * [1, 0.3, 1]
        heading = random.normal(0, 1, (1, 3)) * [1, 0.3, 1]
        shaft = _grow_strands(
            root, heading / np.linalg.norm(heading), np.array([random.uniform(0.8, 1.6)]), random,
            fall=random.uniform(0, 0.2), unruly=0.01, curl=0, steps=160,
        )  # fmt: skip
        at = np.sort(random.integers(8, 160, int(random.integers(300, 800))))
        ahead = np.diff(shaft[0], axis=0)[at - 1]
        ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
        out = np.cross(ahead, [0, 1.0, 0]) * random.choice([-1, 1], (len(at), 1))
        reach = np.sin(np.pi * (at / 160) ** random.uniform(0.6, 1.2)) * random.uniform(0.12, 0.35)
        way = ahead * random.uniform(0.5, 1.2) + out + random.normal(0, 0.06, out.shape)
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        barbs.append(
            _grow_strands(
                shaft[0, at], way, reach + 0.02, random, fall=0.05, unruly=0.03, curl=0, steps=8
            )
        )
        shafts.append(shaft)
    stems, hairs = np.concatenate(shafts), np.concatenate(barbs)
    return [
        curves(stems, _taper(stems, 0.012, 0.2, random), material),
        curves(hairs, _taper(hairs, random.uniform(0.002, 0.006), 0.4, random), material),
    ]


def foliage(random: Generator) -> list[Any]:
    """A twig that forks, with leaves or bare."""
    bpy = blender()
    bark = _paint(np.array([0.4, 0.3, 0.2]) * random.uniform(0.4, 1.6, 3), random)
    green = np.clip(np.array([0.35, 0.5, 0.2]) * random.uniform(0.5, 1.8, 3), 0, 1)
    roots, ways = np.array([[0, 0, -0.95]]), random.normal(0, 0.2, (1, 3)) + _UP
    length, radius, things, tips = 0.75, random.uniform(0.015, 0.04), [], []
    for _ in range(int(random.integers(4, 7))):
        ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
        lengths = length * random.uniform(0.6, 1.1, len(roots))
        grown = _grow_strands(
            roots, ways, lengths, random, fall=0.05, unruly=0.08, curl=0, steps=10
        )
        things.append(curves(grown, _taper(grown, radius, 0.6, random), bark))
        forks = int(random.integers(2, 5))
        from_where = random.integers(4, 11, (len(grown), forks))
        ahead = (grown[:, -1] - grown[:, 0])[:, None]
        roots = grown[np.arange(len(grown))[:, None], from_where].reshape(-1, 3)[:700]
        turned = ahead + random.normal(0, 0.8, (len(grown), forks, 3)) * np.linalg.norm(ahead)
        ways = turned.reshape(-1, 3)[:700]
        length, radius = length * random.uniform(0.6, 0.8), radius * 0.6
        tips.append(grown[:, 2:].reshape(-1, 3))
    if random.random() < 0.75:
        leaves = np.concatenate(tips[2:])
        leaves = leaves[random.random(len(leaves)) < random.uniform(0.1, 0.6)][:4000]
        size = random.uniform(0.03, 0.12)
        outline = np.array([[0, 0], [0.3, 0.2], [0.7, 0.15], [1, 0], [0.7, -0.15], [0.3, -0.2]])
        frames = np.linalg.qr(random.normal(0, 1, (len(leaves), 3, 3)))[0][:, :2]
        corners = leaves[:, None] + size * np.einsum("kc,nci->nki", outline, frames)
        mesh = bpy.data.meshes.new("leaves")
        faces = np.arange(6 * len(leaves)).reshape(-1, 6).tolist()
        mesh.from_pydata(corners.reshape(-1, 3).tolist(), [], faces)
        things.append(_thing("leaves", mesh, _paint(green, random, Transmission_Weight=0.15)))
    return things


def net(random: Generator) -> list[Any]:
    """A net or a loosely woven cloth, hung in folds, before something solid or alone."""
    material = _paint(random.uniform(0.05, 0.95, 3), random)
    meshes, points = int(random.integers(8, 45)), 80
    along, place = np.linspace(-1, 1, points), np.linspace(-1, 1, meshes)
    threads = np.concatenate(
        [np.stack(np.broadcast_arrays(along, place[:, None]), 2),
         np.stack(np.broadcast_arrays(place[:, None], along), 2)]
    )  # fmt: skip
    angle, size = random.uniform(0, 7), random.uniform(0.6, 1.1)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = threads @ turn
    wave, phase = random.normal(0, 3, (3, 2)), random.uniform(0, 7, 3)
    deep = 0.12 * np.sin(flat @ wave.T + phase).sum(-1)
    places = np.stack([flat[..., 0] + 0.3 * deep, deep, flat[..., 1]], -1)
    thick = random.uniform(0.05, 0.3) / meshes
    things = [curves(places, np.full(places.shape[:2], thick), material)]
    if random.random() < 0.4:
        ball, _, _ = _body(random, 0.4, 0.1, _paint(random.uniform(0.05, 0.95, 3), random))
        ball.location = (*random.uniform(-0.4, 0.4, 1).tolist(), 0.5, -0.3)
        things.append(ball)
    return things


def wires(random: Generator) -> list[Any]:
    """A few wires and cables."""
    count = int(random.integers(4, 25))
    roots, ways = random.uniform(-1, 1, (count, 3)), random.normal(0, 1, (count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    lengths = random.uniform(0.8, 2.5, count)
    paths = _grow_strands(
        roots, ways, lengths, random, fall=0.1, unruly=0.03,
        curl=float(random.choice([0, 0.6])), steps=60,
    )  # fmt: skip
    radius = np.exp(random.uniform(np.log(0.003), np.log(0.03)))
    metal = _paint(random.uniform(0.05, 0.9, 3), random, Metallic=float(random.integers(2)))
    return [curves(paths, _taper(paths, radius, 1, random), metal)]


def volume(random: Generator) -> list[Any]:
    """Smoke or a cloud."""
    bpy = blender()
    bpy.ops.mesh.primitive_cube_add(size=2)
    box = bpy.context.object
    material = bpy.data.materials.new("smoke")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.remove(nodes["Principled BSDF"])
    where, noise = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = float(random.uniform(1, 3))
    noise.inputs["Detail"].default_value = 8
    noise.noise_dimensions = "4D"
    noise.inputs["W"].default_value = float(random.uniform(0, 100))
    far, sums = nodes.new("ShaderNodeVectorMath"), nodes.new("ShaderNodeMath")
    far.operation, sums.operation = "LENGTH", "SUBTRACT"
    less, density = nodes.new("ShaderNodeMath"), nodes.new("ShaderNodeMath")
    less.operation, density.operation = "SUBTRACT", "MULTIPLY"
    less.inputs[1].default_value, less.use_clamp = -0.1, True
    density.inputs[1].default_value = float(np.exp(random.uniform(1.5, 4)))
    smoke = nodes.new("ShaderNodeVolumePrincipled")
    smoke.inputs["Color"].default_value = (*random.uniform(0.2, 1, 3).tolist(), 1)
    for start, end in (
        (where.outputs["Object"], noise.inputs["Vector"]),
        (where.outputs["Object"], far.inputs[0]),
        (noise.outputs["Fac"], sums.inputs[0]),
        (far.outputs["Value"], sums.inputs[1]),
        (sums.outputs[0], less.inputs[0]),
        (less.outputs[0], density.inputs[0]),
        (density.outputs[0], smoke.inputs["Density"]),
        (smoke.outputs["Volume"], nodes["Material Output"].inputs["Volume"]),
    ):
        links.new(start, end)
    box.data.materials.append(material)
    return [box]


def glass(random: Generator) -> list[Any]:
    """A glass, perhaps tinted, perhaps with something in it."""
    tint = np.clip(random.uniform(0.6, 1, 3), 0, 1)
    material = blender().data.materials.new("glass")
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    for name, value in (
        ("Base Color", (*tint.tolist(), 1)),
        ("Transmission Weight", 1.0),
        ("Roughness", float(random.uniform(0, 0.15))),
        ("IOR", float(random.uniform(1.1, 1.5))),
    ):
        shader.inputs[name].default_value = value
    shell, _, _ = _body(random, random.uniform(0.5, 0.7), 0.03, material)
    shell.modifiers.new("wall", "SOLIDIFY").thickness = 0.05
    if random.random() < 0.5:
        return [shell]
    core, _, _ = _body(random, 0.2, 0.1, _paint(random.uniform(0.1, 0.9, 3), random))
    return [shell, core]


SUBJECT_TYPES: dict[str, tuple[float, Callable[[Generator], list[Any]]]] = {
    "hair": (0.32, hair),
    "fur": (0.22, fur),
    "feathers": (0.07, feathers),
    "foliage": (0.16, foliage),
    "net": (0.09, net),
    "wires": (0.05, wires),
    "volume": (0.05, volume),
    "glass": (0.04, glass),
}
"""How often each kind is rendered, and what builds it."""
