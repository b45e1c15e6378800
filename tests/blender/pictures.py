"""Plates and mattes made for the tests; a plate's red tells its frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
from screens import screened

HEIGHT, WIDTH = 16, 32


def write(path: Path, samples: np.ndarray, kind: str) -> None:
    """Samples (H, W, C) as they are, with no colour management; kind as OpenImageIO names it."""
    height, width, channels = samples.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, kind)
    spec.attribute("oiio:ColorSpace", "" if kind != "half" else "lin_rec709_scene")
    if channels == 1:
        spec.channelnames = ("Z",)
    if channels == 4:
        spec.alpha_channel = 3
    out = OpenImageIO.ImageOutput.create(str(path))
    if not (out and out.open(str(path), spec) and out.write_image(samples) and out.close()):
        raise OSError(OpenImageIO.geterror())


def exr(number: int) -> np.ndarray:
    """Red = frame / 20, green mid grey, blue above 1."""
    samples = np.empty((HEIGHT, WIDTH, 3), np.float32)
    samples[:] = (number % 100 / 20, 0.18, 2)
    return samples


def veil(number: int) -> np.ndarray:
    """Red .5 and blue 1, of which three quarters are there: premultiplied."""
    samples = np.empty((HEIGHT, WIDTH, 4), np.float32)
    samples[:] = (0.375, 0, 0.75, 0.75)
    return samples


def depth(number: int) -> np.ndarray:
    """As many metres as the frame's number, a little more to the right."""
    return np.tile(number % 100 + np.arange(WIDTH, dtype=np.float32) / 100, (HEIGHT, 1))[..., None]


def shot(number: int) -> np.ndarray:
    """A disc that walks over a sky, 8 bits."""
    y, x = np.mgrid[:180, :320]
    picture = np.stack([90 + y / 4, 130 + y / 3, 235 - y / 2], -1)
    disc = np.hypot(y - 95, x - 60 - 8 * (number - 1001)) < 45
    picture[disc] = (225, 140, 50)
    return picture.astype(np.uint8)


def pair(number: int, left: int = 80, right: int = 230) -> np.ndarray:
    """Two discs over a sky, an orange one on the left and a red one on the right."""
    y, x = np.mgrid[:180, :320]
    picture = np.stack([90 + y / 4, 130 + y / 3, 235 - y / 2], -1)
    for middle, colour in ((left, (225, 140, 50)), (right, (200, 40, 60))):
        picture[np.hypot(y - 95, x - middle - 3 * (number - 1001)) < 35] = colour
    return picture.astype(np.uint8)


def make_shot(folder: Path) -> None:
    """shot.1001-1024.png, and bright.1001-1003.exr, whose disc is 6 times as bright as white.

    And pair.1001-1003.png, two discs, and twins.1001-1003.png, which touch; and the distances of
    the others in far.1001-1003.exr: the disc is at 2 m, the sky at 50 m.
    """
    for number in range(1001, 1025):
        write(folder / f"shot.{number}.png", shot(number), "uint8")
    for number in range(1001, 1004):
        write(folder / f"pair.{number}.png", pair(number), "uint8")
        write(folder / f"twins.{number}.png", pair(number, 100, 162), "uint8")
        samples = shot(number) / np.float32(255)
        distance = np.where(samples[..., :1] > 0.85, np.float32(2), np.float32(50))
        write(folder / f"far.{number}.exr", distance, "float")
        samples[samples[..., 0] > 0.85] = (6, 3, 1)
        write(folder / f"bright.{number}.exr", samples, "half")


def walk(number: int) -> np.ndarray:
    """A square with a square hole that walks 4 pixels a frame, and a bar below from 106 on."""
    alpha = np.zeros((96, 160), np.float32)
    x = 20 + 4 * (number - 101)
    alpha[24:72, x : x + 48] = 1
    alpha[40:56, x + 12 : x + 36] = 0
    if number >= 106:
        alpha[10:20, 100:150] = 1
    return alpha[..., None]


def make_plates(folder: Path) -> None:
    """plate.0101-0110.exr, large.0101-0110.exr and its mattes walk.0101-0110.exr,
    veil.0101-0110.exr with alpha, gap.1001-1006.exr without 1003, eight.1001-1010.png,
    sixteen.1-5.png, and screen.1001-1002.exr before a green screen.

    And the depth of the first one, numbered as it is in z.0101-0110.exr, and as a scene that begins
    at 1 numbers it in render.0001-0010.exr.
    """
    for number in range(101, 111):
        write(folder / f"plate.{number:04d}.exr", exr(number), "half")
        write(folder / f"veil.{number:04d}.exr", veil(number), "half")
        write(folder / f"z.{number:04d}.exr", depth(number), "float")
        write(folder / f"large.{number:04d}.exr", np.full((96, 160, 3), 0.18, np.float32), "half")
        write(folder / f"walk.{number:04d}.exr", walk(number), "float")
        write(folder / f"render.{number - 100:04d}.exr", depth(number), "float")
    for number in (1001, 1002, 1004, 1005, 1006):
        write(folder / f"gap.{number}.exr", exr(number), "half")
    for number in range(1001, 1011):
        eight = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        eight[:] = (number % 100 * 20, 128, 200)
        write(folder / f"eight.{number}.png", eight, "uint8")
    for number in (1001, 1002):
        plate = screened("moving", size=(120, 160), frame=number - 1001).plate
        write(folder / f"screen.{number}.exr", plate, "half")
    for number in range(1, 6):
        sixteen = np.empty((HEIGHT, WIDTH, 3), np.uint16)
        sixteen[:] = (number * 10000, 32768, 51400)
        write(folder / f"sixteen.{number}.png", sixteen, "uint16")
