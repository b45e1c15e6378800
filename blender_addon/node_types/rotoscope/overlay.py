# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn over a frame: the tinted matte, dots, boxes and brushes; in a region's pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...engine.pointing import Matte, Picture

_DOT_PX = 6
_CIRCLE_SIDES = 48
_TINT_SHARE = 0.5
_VERTEX = "void main() { uv = texCoord; gl_Position = matrix * vec4(position, 0.0, 1.0); }"
_FRAGMENT = "void main() { colour = vec4(tint.rgb, tint.a * texture(matte, uv).r); }"

_PICTURE_FRAGMENT = "void main() { colour = vec4(texture(picture, uv).rgb, 1.0); }"

Place = tuple[float, float]


def texture_of(matte: Matte) -> object:
    import gpu

    values = gpu.types.Buffer("FLOAT", len(matte.samples), matte.samples)
    return gpu.types.GPUTexture((matte.width, matte.height), format="R32F", data=values)


def texture_of_picture(picture: Picture) -> object:
    import gpu

    values = gpu.types.Buffer("FLOAT", len(picture.samples), picture.samples)
    return gpu.types.GPUTexture((picture.width, picture.height), format="RGBA16F", data=values)


def draw_matte(texture: object, corners: Sequence[Place], tint: Sequence[float]) -> None:
    """Tint the subject; the corners are bottom left and right, top left and right."""
    # The answer's top row comes first.
    turned = [(0, 1), (1, 1), (0, 0), (1, 0)]
    _draw_texture("matte", texture, corners, turned, _FRAGMENT, (*tint, _TINT_SHARE))


def draw_picture(texture: object, corners: Sequence[Place]) -> None:
    """A picture as it is displayed; corners as of `draw_matte`."""
    upright = [(0, 0), (1, 0), (0, 1), (1, 1)]
    _draw_texture("picture", texture, corners, upright, _PICTURE_FRAGMENT)


def _draw_texture(
    name: str,
    texture: object,
    corners: Sequence[Place],
    texture_corners: Sequence[Place],
    fragment: str,
    tint: Sequence[float] | None = None,
) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    interface = gpu.types.GPUStageInterfaceInfo(f"mattelier_{name}")
    interface.smooth("VEC2", "uv")
    info = gpu.types.GPUShaderCreateInfo()
    info.push_constant("MAT4", "matrix")
    if tint is not None:
        info.push_constant("VEC4", "tint")
    info.sampler(0, "FLOAT_2D", name)
    info.vertex_in(0, "VEC2", "position")
    info.vertex_in(1, "VEC2", "texCoord")
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source(_VERTEX)
    info.fragment_source(fragment)
    shader = gpu.shader.create_from_info(info)
    places = {"position": corners, "texCoord": texture_corners}
    batch = batch_for_shader(shader, "TRI_STRIP", places)
    shader.bind()
    view = gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix()
    shader.uniform_float("matrix", view)
    if tint is not None:
        shader.uniform_float("tint", tint)
    shader.uniform_sampler(name, texture)
    batch.draw(shader)


def draw_dot(at: Place, colour: Sequence[float]) -> None:
    x, y = at
    for size, fill in ((_DOT_PX + 2, (0, 0, 0, 1)), (_DOT_PX, colour)):
        _draw("TRI_FAN", [(x - size, y), (x, y - size), (x + size, y), (x, y + size)], fill)


def draw_box(start: Place, end: Place, colour: Sequence[float]) -> None:
    (x0, y0), (x1, y1) = start, end
    draw_path([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], colour)


def draw_circle(at: Place, radius: float, colour: Sequence[float]) -> None:
    turns = [2 * math.pi * side / _CIRCLE_SIDES for side in range(_CIRCLE_SIDES + 1)]
    x, y = at
    draw_path([(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns], colour)


def draw_path(places: Sequence[Place], colour: Sequence[float]) -> None:
    """A line through places."""
    _draw("LINE_STRIP", list(places), colour)


def _draw(kind: str, places: list[Place], colour: Sequence[float]) -> None:
    import gpu
    from gpu_extras.batch import batch_for_shader

    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    batch = batch_for_shader(shader, kind, {"pos": places})
    shader.bind()
    shader.uniform_float("color", colour)
    batch.draw(shader)
