"""Shots before green and blue screens, drawn by code: mattes and clean colours are known exactly.

What keyers fail at: strands, motion blur, a veil, colours near the screen's and far from it, a
screen lit unevenly, its light on the subject, and noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import linear_to_srgb

Map = NDArray[np.float32]

SCREENS = {"green": (0.07, 0.42, 0.13), "blue": (0.05, 0.12, 0.45)}
"""Linear light of the paint under full light."""

_FINE = 4  # times as fine is a shape drawn
_SHUTTER = 8  # moments that a moving subject is seen at


class Screened(NamedTuple):
    """A frame before a screen; linear light.

    plate : (H, W, 3); alpha : (H, W) 0…1; foreground : (H, W, 3), straight, without the screen's
    light, 0 where alpha is; screen : (H, W, 3), the screen without the subject.
    """

    plate: Map
    alpha: Map
    foreground: Map
    screen: Map

    @property
    def samples(self) -> NDArray[np.uint8]:
        """The plate as 8-bit sRGB."""
        return np.rint(linear_to_srgb(np.clip(self.plate, 0, 1)) * 255).astype(np.uint8)


def screened(
    scene: str,
    screen: str = "green",
    *,
    size: tuple[int, int] = (480, 640),
    frame: int = 0,
    falloff: float = 0.45,
    spill: float = 0.08,
    noise: float = 0.006,
) -> Screened:
    """One frame of a scene, always the same.

    Parameters
    ----------
    size : (height, width)
    frame : the subject moves by 6 pixels of 640 from one to the next
    falloff : the share of light that the screen's farthest corner lacks
    spill : the share of the screen's light that the subject returns at its rim
    noise : standard deviation at middle grey, in linear light
    """
    random = np.random.RandomState(sum(map(ord, scene)))
    height, width = size
    alpha, premultiplied = _draw(SCENES[scene], random, height, width, frame)
    paint = np.array(SCREENS[screen], np.float32)
    x, y = _places(height, width)
    far = np.hypot(x / width - 0.3, y / height - 0.35) / 0.95
    light = 1 - falloff * far**2 + 0.02 * falloff * np.sin(x / width * 40 + np.sin(y / 30))
    ground = light[..., None] * paint
    rim = 0.35 + 0.65 * np.clip(1 - cv2.GaussianBlur(alpha, (0, 0), width / 40), 0, 1)
    shine = spill * rim[..., None] * alpha[..., None] * paint
    plate = premultiplied + shine + (1 - alpha[..., None]) * ground
    grain = np.random.RandomState(1000 + frame).standard_normal(plate.shape)
    plate = plate + noise * np.sqrt(np.clip(plate, 0.01, None) / 0.18) * grain
    clean = np.where(alpha[..., None] > 0, premultiplied / np.maximum(alpha[..., None], 1e-6), 0)
    return Screened(*(np.asarray(map_, np.float32) for map_ in (plate, alpha, clean, ground)))


Layer = tuple[Map, Any]
Draw = Callable[[np.random.RandomState, "_Canvas"], list[Layer]]


class _Canvas:
    """Where a subject is drawn at one moment, in units of a picture 640 wide and 480 high."""

    def __init__(self, height: int, width: int, shift: float) -> None:
        self.height, self.width, self.shift = height, width, shift
        self._scale = _FINE * width / 640

    def places(self) -> tuple[Map, Map]:
        x, y = _places(self.height, self.width)
        return x * 640 / self.width - self.shift, y * 640 / self.width

    def cover(self, draw: Callable[[NDArray[np.uint8]], object]) -> Map:
        canvas = np.zeros((self.height * _FINE, self.width * _FINE), np.uint8)
        draw(canvas)
        inside = (canvas > 0).astype(np.float32)
        shares: Map = inside.reshape(self.height, _FINE, self.width, _FINE).mean((1, 3))
        return shares

    def disc(self, x: float, y: float, radius: float, line: float = 0) -> Map:
        def draw(canvas: NDArray[np.uint8]) -> None:
            thick = max(1, round(line * self._scale)) if line else -1
            cv2.circle(canvas, self._at(x, y), round(radius * self._scale), 255, thick)

        return self.cover(draw)

    def ellipse(self, x: float, y: float, a: float, b: float) -> Map:
        axes = (round(a * self._scale), round(b * self._scale))
        return self.cover(
            lambda canvas: cv2.ellipse(canvas, self._at(x, y), axes, 0, 0, 360, 255, -1)
        )

    def polygon(self, points: list[tuple[float, float]]) -> Map:
        corners = np.array([self._at(x, y) for x, y in points], np.int32)
        return self.cover(lambda canvas: cv2.fillPoly(canvas, [corners], 255))

    def lines(self, many: list[NDArray[Any]], widths: list[float]) -> Map:
        def draw(canvas: NDArray[np.uint8]) -> None:
            for points, wide in zip(many, widths, strict=True):
                bent = np.array([self._at(x, y) for x, y in points], np.int32)
                cv2.polylines(canvas, [bent], False, 255, max(1, round(wide * self._scale)))

        return self.cover(draw)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round((x + self.shift) * self._scale), round(y * self._scale)


def _draw(
    scene: Draw, random: np.random.RandomState, height: int, width: int, frame: int
) -> tuple[Map, Map]:
    """Coverage and premultiplied colour; a moving scene is seen at several moments."""
    state = random.get_state()
    moments = _SHUTTER if scene is _moving else 1
    seen = np.zeros((height, width, 4), np.float32)
    for moment in range(moments):
        random.set_state(state)
        shift = 6 * frame + 24 * moment / _SHUTTER
        drawn = np.zeros_like(seen)
        for cover, tint in scene(random, _Canvas(height, width, shift)):
            layer = np.concatenate([np.broadcast_to(tint, (height, width, 3)),
                                    np.ones((height, width, 1))], axis=2)  # fmt: skip
            drawn += cover[..., None] * (layer - drawn)
        seen += drawn / moments
    return seen[..., 3], seen[..., :3]


def _person(random: np.random.RandomState, canvas: _Canvas) -> list[Layer]:
    """Skin, dark hair with flying strands, a white and red shirt."""
    strands, widths = [], []
    steps = np.linspace(0, 1, 16)[:, None]
    for _ in range(350):
        angle = random.uniform(-np.pi, 0) + random.normal(0, 0.1)
        root = np.array([320 + 80 * np.cos(angle), 215 + 105 * np.sin(angle)])
        out = np.array([np.cos(angle), np.sin(angle)]) * random.uniform(15, 70)
        bend = np.array([-out[1], out[0]]) * random.normal(0, 0.6) + (0, 18)
        strands.append(root + steps * out + steps**2 * bend)
        widths.append(random.uniform(0.4, 1.3))
    x, y = canvas.places()
    stripes = ((y // 14) % 2)[..., None]
    shirt = stripes * np.array((0.75, 0.74, 0.72)) + (1 - stripes) * np.array((0.55, 0.06, 0.05))
    shade = (0.55 + 0.45 * np.cos((x - 300) / 170))[..., None]
    return [
        (canvas.polygon([(130, 480), (230, 350), (410, 350), (510, 480)]), shirt * shade),
        (canvas.ellipse(320, 225, 92, 118), np.array((0.05, 0.03, 0.02)) * shade),
        (canvas.lines(strands, widths), np.array((0.09, 0.055, 0.03)) * shade),
        (canvas.ellipse(320, 255, 70, 92), np.array((0.52, 0.31, 0.22)) * shade),
    ]


def _blonde(random: np.random.RandomState, canvas: _Canvas) -> list[Layer]:
    """Fair hair, fair skin, a grey coat: colours with much green in them."""
    strands, widths = [], []
    steps = np.linspace(0, 1, 16)[:, None]
    for _ in range(500):
        angle = random.uniform(-np.pi, 0.4)
        root = np.array([330 + 75 * np.cos(angle), 210 + 95 * np.sin(angle)])
        out = np.array([np.cos(angle), np.sin(angle)]) * random.uniform(10, 60)
        strands.append(root + steps * out + steps**2 * random.normal(0, 30, 2))
        widths.append(random.uniform(0.4, 1.6))
    x, _ = canvas.places()
    shade = (0.6 + 0.4 * np.cos((x - 290) / 150))[..., None]
    return [
        (canvas.polygon([(150, 480), (240, 330), (420, 330), (520, 480)]), 0.2 * shade),
        (canvas.ellipse(330, 215, 85, 108), np.array((0.5, 0.36, 0.17)) * shade),
        (canvas.lines(strands, widths), np.array((0.62, 0.47, 0.25)) * shade),
        (canvas.ellipse(330, 245, 64, 84), np.array((0.68, 0.46, 0.36)) * shade),
    ]


def _spokes(random: np.random.RandomState, canvas: _Canvas) -> list[Layer]:
    """A wheel of dark metal."""
    lines = []
    for angle in np.linspace(0, 2 * np.pi, 28, endpoint=False):
        along = np.array([np.cos(angle), np.sin(angle)])
        lines.append(np.array([(320, 240) + 30 * along, (320, 240) + 178 * along]))
    x, y = canvas.places()
    metal = (0.05 + 0.25 * np.clip(np.sin((x + y) / 60), 0, 1))[..., None] * np.array((1, 1, 1.06))
    return [
        (canvas.disc(320, 240, 180, 14), metal),
        (canvas.lines(lines, [1.8] * len(lines)), metal),
        (canvas.disc(320, 240, 26), np.array((0.45, 0.05, 0.03))),
    ]


def _moving(random: np.random.RandomState, canvas: _Canvas) -> list[Layer]:
    """A ball that flies: blurred over 24 pixels."""
    x, y = canvas.places()
    light = 0.2 + np.clip(1.1 - np.hypot(x - 250, y - 190) / 170, 0, 1)
    tint = np.where(((x // 36 + y // 36) % 2)[..., None] > 0, (0.62, 0.3, 0.04), (0.5, 0.45, 0.42))
    return [(canvas.disc(280, 230, 110), light[..., None] * tint)]


def _veil(random: np.random.RandomState, canvas: _Canvas) -> list[Layer]:
    """A figure under a veil that half shows the screen."""
    x, _ = canvas.places()
    cloth = canvas.polygon([(300, 90), (430, 190), (530, 430), (400, 410), (190, 430), (180, 210)])
    folds = np.asarray(0.42 + 0.2 * np.sin(x / 14), np.float32)
    body = canvas.ellipse(300, 310, 60, 130)
    return [(cloth * folds, np.array((0.72, 0.7, 0.67))), (body, np.array((0.25, 0.08, 0.2)))]


def _letters(random: np.random.RandomState, canvas: _Canvas) -> list[Layer]:
    """Cards of saturated colours, some of which share the screen's channel."""
    tints = [(0.7, 0.6, 0.05), (0.05, 0.3, 0.42), (0.6, 0.04, 0.3), (0.02, 0.02, 0.02),
             (0.8, 0.8, 0.8), (0.3, 0.1, 0.5)]  # fmt: skip
    cards: list[Layer] = []
    for number, tint in enumerate(tints):
        x, y = 110 + 150 * (number % 3), 110 + 150 * (number // 3)
        corners = [(x, y + 8), (x + 95, y), (x + 104, y + 92), (x + 6, y + 100)]
        cards.append((canvas.polygon(corners), np.array(tint)))
        cards.append((canvas.disc(x + 50, y + 50, 22, 7), np.array(tints[number - 1])))
    return cards


SCENES: dict[str, Draw] = {
    "person": _person,
    "blonde": _blonde,
    "spokes": _spokes,
    "moving": _moving,
    "veil": _veil,
    "letters": _letters,
}


def _places(height: int, width: int) -> tuple[Map, Map]:
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    return x, y
