"""A small set of pictures drawn by code, whose mattes are therefore known exactly.

What it holds is what cut-outs fail at: strands, spokes, a veil that shows what is behind it, a
small subject, one whose colours are its ground's, and a plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import linear_to_srgb
from mattelier.types.picture import Picture

Map = NDArray[np.float32]

HEIGHT, WIDTH = 480, 640
_FINE = 4  # times as fine is a shape drawn, so that a pixel's coverage is known to 1/16


class Drawn(NamedTuple):
    """A picture (8 bit, sRGB) and its matte: (H, W) float32 0…1, linear coverage."""

    name: str
    picture: Picture
    alpha: Map


def drawn_pictures() -> Iterator[Drawn]:
    """The pictures, the same ones always."""
    for number, (name, draw) in enumerate(_SCENES.items()):
        random = np.random.RandomState(number)  # its stream never changes
        alpha, colour, ground = draw(random)
        light = ground + alpha[..., None] * (colour - ground)
        grain = random.normal(0, 0.004, light.shape)
        samples = linear_to_srgb(np.clip(light, 0, 1).astype(np.float32)) + grain
        picture = Picture(np.rint(np.clip(samples, 0, 1) * 255).astype(np.uint8))
        yield Drawn(name, picture, alpha)


_Scene = tuple[Map, Map, Map]


def _ball(random: np.random.RandomState) -> _Scene:
    x, y = _places()
    radius = np.hypot(x - 300, y - 250) / 130
    alpha = _cover(lambda canvas: _disc(canvas, 300, 250, 130))
    shadow = np.exp(-(((x - 330) / 150) ** 2) - ((y - 385) / 22) ** 2)
    wall = _ground(random, (0.42, 0.4, 0.36), 60) * (1 - 0.6 * shadow[..., None])
    light = 0.15 + np.clip(np.sqrt(np.clip(1 - radius**2, 0, 1)) - (x + y - 500) / 500, 0, 1)
    return alpha, _tinted(light, (0.7, 0.12, 0.04)), np.asarray(wall, np.float32)


def _wheel(random: np.random.RandomState) -> _Scene:
    def draw(canvas: NDArray[np.uint8]) -> None:
        _ring(canvas, 320, 240, 180, 14)
        _ring(canvas, 320, 240, 26, 18)
        for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            along = np.array([np.cos(angle), np.sin(angle)])
            _line(canvas, np.array([(320, 240) + 30 * along, (320, 240) + 178 * along]), 2.0)

    metal = _tinted(_texture(random, 5, 0.3) * 0.5 + 0.05, (0.5, 0.5, 0.55))
    return _cover(draw), metal, _ground(random, (0.45, 0.5, 0.3), 12)


def _hair(random: np.random.RandomState) -> _Scene:
    def draw(canvas: NDArray[np.uint8]) -> None:
        cv2.ellipse(canvas, _fixed(320, 270), _fixed(95, 125), 0, 0, 360, 255, -1)
        cv2.rectangle(canvas, _fixed(240, 380), _fixed(400, HEIGHT), 255, -1)
        steps = np.linspace(0, 1, 24)[:, None]
        for _ in range(500):
            angle = random.uniform(-np.pi, 0) + random.normal(0, 0.1)
            root = np.array([320 + 85 * np.cos(angle), 265 + 115 * np.sin(angle)])
            out = np.array([np.cos(angle), np.sin(angle)]) * random.uniform(20, 75)
            bend = np.array([-out[1], out[0]]) * random.normal(0, 0.6) + (0, 18)
            _line(canvas, root + steps * out + steps**2 * bend, random.uniform(0.4, 1.3))

    skin = _tinted(0.4 + 0.3 * _texture(random, 25, 0.3), (0.7, 0.45, 0.32))
    x, y = _places()
    face = np.clip(1.3 - np.hypot((x - 320) / 80, (y - 290) / 95), 0, 0.3)[..., None] / 0.3
    hair = _tinted(0.05 + 0.1 * _texture(random, 2, 1), (0.5, 0.3, 0.15))
    return _cover(draw), hair + face * (skin - hair), _ground(random, (0.3, 0.42, 0.5), 40)


def _leaf(random: np.random.RandomState) -> _Scene:
    """A subject of its ground's own colours: it is sharp, the ground is not."""
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    teeth = 1 + 0.32 * np.cos(5 * angles) + 0.06 * np.cos(41 * angles)
    outline = np.stack([310 + 120 * teeth * np.cos(angles), 240 + 120 * teeth * np.sin(angles)], 1)

    def draw(canvas: NDArray[np.uint8]) -> None:
        cv2.fillPoly(canvas, [np.rint(outline * _FINE).astype(np.int32)], 255)

    green = (0.2, 0.38, 0.08)
    sharp = _tinted(0.6 + 0.5 * _texture(random, 1.5, 1), green)
    return _cover(draw), sharp, _ground(random, green, 22, contrast=0.8)


def _veil(random: np.random.RandomState) -> _Scene:
    """A figure with a veil: coverage between nothing and all over a wide part."""
    body = _cover(lambda canvas: cv2.ellipse(
        canvas, _fixed(300, 300), _fixed(60, 140), 0, 0, 360, 255, -1))  # fmt: skip
    outline = np.array([(300, 120), (420, 200), (520, 430), (400, 410), (200, 430), (190, 220)])
    cloth = _cover(lambda canvas: cv2.fillPoly(canvas, [outline * _FINE], 255))
    folds = 0.4 + 0.18 * np.sin(_places()[0] / 14)
    alpha = np.maximum(body, cloth * folds.astype(np.float32))
    white = _tinted(0.7 + 0.15 * _texture(random, 8, 1), (1, 0.97, 0.92))
    return alpha, white, _ground(random, (0.12, 0.16, 0.25), 18)


def _small(random: np.random.RandomState) -> _Scene:
    """A cup of one fiftieth of the picture, off its middle."""

    def draw(canvas: NDArray[np.uint8]) -> None:
        cup = np.array([(430, 300), (494, 300), (486, 368), (438, 368)])
        cv2.fillPoly(canvas, [cup * _FINE], 255)
        _ring(canvas, 497, 328, 16, 7)

    x, y = _places()
    table = np.clip((y - 340) / 6, 0, 1)[..., None]
    wall = _ground(random, (0.5, 0.46, 0.4), 50)
    wood = _ground(random, (0.3, 0.18, 0.1), 9)
    light = 0.35 + 0.5 * np.clip((494 - x) / 64, 0, 1)
    return _cover(draw), _tinted(light, (0.1, 0.3, 0.6)), wall + table * (wood - wall)


_SCENES: dict[str, Callable[[np.random.RandomState], _Scene]] = {
    "ball": _ball,
    "wheel": _wheel,
    "hair": _hair,
    "leaf": _leaf,
    "veil": _veil,
    "small": _small,
}


def _places() -> tuple[Map, Map]:
    """The middles of all pixels: x and y, (H, W) each."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32) + 0.5
    return x, y


def _cover(draw: Callable[[NDArray[np.uint8]], object]) -> Map:
    """Which share of each pixel a shape covers."""
    canvas = np.zeros((HEIGHT * _FINE, WIDTH * _FINE), np.uint8)
    draw(canvas)
    inside = (canvas > 0).astype(np.float32)
    shares: Map = inside.reshape(HEIGHT, _FINE, WIDTH, _FINE).mean((1, 3))
    return shares


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * _FINE), round(y * _FINE)


def _disc(canvas: NDArray[np.uint8], x: float, y: float, radius: float) -> None:
    cv2.circle(canvas, _fixed(x, y), round(radius * _FINE), 255, -1)


def _ring(canvas: NDArray[np.uint8], x: float, y: float, radius: float, width: float) -> None:
    cv2.circle(canvas, _fixed(x, y), round(radius * _FINE), 255, round(width * _FINE))


def _line(canvas: NDArray[np.uint8], points: NDArray[np.float64], width: float) -> None:
    bent = [np.rint(points * _FINE).astype(np.int32)]
    cv2.polylines(canvas, bent, False, 255, max(1, round(width * _FINE)))


def _texture(random: np.random.RandomState, grain: float, depth: float) -> Map:
    """Soft noise of mean 0.5 whose spots are about so many pixels wide."""
    noise = cv2.GaussianBlur(random.standard_normal((HEIGHT, WIDTH)), (0, 0), grain)
    return np.asarray(0.5 + 0.25 * depth * noise / noise.std(), np.float32).clip(0, 1)


def _tinted(light: NDArray[Any], tint: tuple[float, float, float]) -> Map:
    return np.asarray(light[..., None] * np.array(tint), np.float32)


def _ground(
    random: np.random.RandomState,
    tint: tuple[float, float, float],
    blur: float,
    contrast: float = 0.6,
) -> Map:
    """What lies behind, out of focus: (H, W, 3) linear light."""
    spots = np.stack([_texture(random, blur, contrast) for _ in range(3)], -1)
    return np.asarray((0.3 + 0.35 * spots + 0.7 * spots[..., :1]) * np.array(tint), np.float32)
