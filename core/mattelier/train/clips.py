"""`python -m mattelier.train.clips`: made clips with exact truth, to judge and train tracking by.

Cut-outs move, turn, bend, blur and pass each other over scenes of a moving camera.

What a tracker gets wrong on film is here in numbers: others of the same kind beside the subject,
things that pass in front of it, its own shadow, a camera that moves, subjects that leave and come
back. Clip i is a pure function of the seed and i.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click
import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.data.pairs import Pair, find_pairs, list_pictures, read_picture
from mattelier.data.splits import is_validation, split_pairs
from mattelier.learning.augment import Image
from mattelier.train.composites import soften_mask
from mattelier.types.errors import MattelierError, UsageError

Map = NDArray[np.float32]

MIN_KEY_SHARE = 0.003
"""Of the view: a key frame shows at least so much of the subject."""

_MAX_SIDE_PX = 512  # of a cut-out in memory
_SUBFRAMES = 3  # moments that one frame's shutter sees
_SHUTTER = 0.5  # share of the time between two frames that it is open
_SWINGS = 3  # smooth fields that a body bends by


class Clip(NamedTuple):
    """frames (T, H, W, 3) uint8 RGB; alphas (T, N, H, W) uint8: what is seen of each subject."""

    frames: NDArray[np.uint8]
    alphas: NDArray[np.uint8]


@dataclass(frozen=True)
class _Course:
    """A smooth course: cubic between knots that are evenly spread over the clip."""

    knots: NDArray[np.float64]  # (K, dimensions)

    def at(self, share: float) -> NDArray[np.float64]:
        """The point at 0…1 of the clip (Catmull and Rom 1974)."""
        last = len(self.knots) - 1
        place = min(max(share, 0.0), 1.0) * last
        i = min(int(place), last - 1)
        t = place - i
        a, b, c, d = (self.knots[min(max(j, 0), last)] for j in (i - 1, i, i + 1, i + 2))
        return np.asarray(
            b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        )


@dataclass(frozen=True)
class _Body:
    """A cut-out in motion; `texture` is premultiplied RGBA, 0…1."""

    texture: Map
    place: _Course  # of its centre, in view heights from the view's corner
    height: _Course  # in view heights
    turn: _Course  # radians
    swings: Map  # (_SWINGS, h, w, 2): displacements in texture pixels
    beats: NDArray[np.float64]  # (_SWINGS, 2): turns per clip, and phase
    depth: float  # how far it follows the camera: 1 stands in the scene, 0 goes with the camera
    shadow: float

    def seen(self, share: float, camera: NDArray[np.float64], size: tuple[int, int]) -> Map:
        """(H, W, 4) premultiplied, at one moment."""
        view_h, view_w = size
        h, w = self.texture.shape[:2]
        x, y = (self.place.at(share) - self.depth * camera[:2]) * view_h
        scale = h / (float(self.height.at(share)[0]) * camera[2] ** self.depth * view_h)
        angle = float(self.turn.at(share)[0])
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        grid = np.stack(np.meshgrid(np.arange(view_w) - x, np.arange(view_h) - y), -1)
        places = grid @ np.array([[cos, -sin], [sin, cos]]) + (w / 2, h / 2)
        places = places.astype(np.float32)
        phases = np.sin(2 * np.pi * (self.beats[:, 0] * share + self.beats[:, 1]))
        bend = np.tensordot(phases.astype(np.float32), self.swings, 1)
        places += cv2.remap(bend, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        texture = self.texture
        if scale > 1.5:
            texture = np.asarray(cv2.GaussianBlur(texture, (0, 0), 0.4 * scale), np.float32)
        seen = cv2.remap(texture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(seen, np.float32)


class Clips:
    """All clips of a seed.

    Parameters
    ----------
    kinds : sequence of lists of pairs
        Pictures and masks; those of one list are of one kind, and stand beside each other.
    scenes : list of paths
    seed : int
    """

    def __init__(self, kinds: Sequence[Sequence[Pair]], scenes: Sequence[Path], seed: int) -> None:
        self._kinds, self._scenes, self._seed = kinds, scenes, seed

    def make(
        self, index: int, length: int, size: tuple[int, int], *, step: int = 1,
        only: Sequence[int] | None = None,
    ) -> Clip:  # fmt: skip
        """Clip number `index`: `length` frames of `size` (height, width); subject 0 is the one.

        With a `step` it is every such frame of a longer clip; with `only` just those frames of it,
        in that order.
        """
        rng = np.random.default_rng([self._seed, index])
        scene = _fit_scene(read_picture(self._scenes[int(rng.integers(len(self._scenes)))]), size)
        pace = length * step / 24  # what happens in a second happens in a second of every clip
        kind = self._kinds[int(rng.integers(len(self._kinds)))]
        bodies = [self._body(kind, rng, size, pace, None)]
        for _ in range(int(rng.choice([0, 1, 1, 2, 2, 3]))):
            if rng.random() < 0.25:
                kind = self._kinds[int(rng.integers(len(self._kinds)))]
            bodies.append(self._body(kind, rng, size, pace, bodies[0]))
        order = rng.permutation(len(bodies))
        camera = _camera(rng, pace)
        light = _Course(1 + rng.normal(0, 0.06, (3, 1)) + rng.normal(0, 0.015, (3, 3)))
        noise, quality = rng.uniform(0, 4), int(rng.integers(55, 96))
        frames, alphas = [], []
        for t in range(length) if only is None else only:
            moments = [(t + _SHUTTER / step * i / _SUBFRAMES) / length for i in range(_SUBFRAMES)]
            shots = [_expose(scene, bodies, order, camera, m, size) for m in moments]
            picture = np.mean([shot[0] for shot in shots], 0) * light.at(t / length)
            picture = 255 * picture + rng.normal(0, noise, picture.shape)
            frames.append(_compress(np.clip(picture, 0, 255).astype(np.uint8), quality))
            seen = np.mean([shot[1] for shot in shots], 0)
            alphas.append(np.rint(255 * np.clip(seen, 0, 1)).astype(np.uint8))
        return Clip(np.stack(frames), np.stack(alphas))

    def _body(
        self, kind: Sequence[Pair], rng: Generator, size: tuple[int, int], pace: float,
        beside: _Body | None,
    ) -> _Body:  # fmt: skip
        texture = _cut_out(kind[int(rng.integers(len(kind)))], rng)
        aspect = size[1] / size[0]
        knots = 2 + round(2 * pace)
        wide = texture.shape[1] / texture.shape[0]
        tall = float(np.exp(rng.uniform(np.log(0.2), np.log(0.85))))
        tall = min(tall, 0.8 * aspect / wide)
        start = np.array([rng.uniform(0.25, 0.75) * aspect, rng.uniform(0.4, 0.7)])
        if beside is not None:
            tall = float(beside.height.knots[0, 0]) * float(np.exp(rng.normal(0, 0.15)))
            start = beside.place.knots[0] + rng.normal(0, 1, 2) * (0.5 * aspect, 0.1)
        speed = np.exp(rng.normal(-1.2, 0.7)) * (0.7 if beside is None else 1)
        steps = rng.normal(0, 1, (knots - 1, 2)) * (0.35, 0.12) * speed
        steps += rng.normal(0, 1, 2) * (0.3, 0.05) * speed  # most go somewhere
        if beside is None and rng.random() < 0.75:  # and the subject mostly stays to be seen
            steps -= 0.5 * steps.mean(0)
        place = start + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)])
        if beside is not None and rng.random() < 0.4:  # passes over, or behind
            meet = int(rng.integers(1, knots))
            place += beside.place.knots[meet] - place[meet]
        grow = np.exp(np.cumsum(rng.normal(0, 0.08, (knots, 1)), 0))
        reach = 0.06 * min(texture.shape[:2]) * np.exp(rng.normal(0, 0.5))
        swings = np.stack([_swing(texture.shape[:2], rng) for _ in range(_SWINGS)])
        beats = np.stack([rng.uniform(0.3, 1.6, _SWINGS) * pace, rng.uniform(0, 1, _SWINGS)], 1)
        return _Body(
            texture,
            _Course(place),
            _Course(tall * grow),
            _Course(np.cumsum(rng.normal(0, 0.06, (knots, 1)), 0)),
            np.asarray(reach * swings, np.float32),
            beats,
            float(rng.choice([1.0, 1.0, 0.3])),
            float(rng.uniform(0, 0.6)) if rng.random() < 0.5 else 0.0,
        )


def _cut_out(pair: Pair, rng: Generator) -> Map:
    """The subject of a picture, premultiplied RGBA 0…1, cropped to itself with a rim."""
    picture, truth = pair.read()
    alpha = soften_mask(truth, rng)
    ys, xs = np.nonzero(alpha > 0.1)
    if not len(ys):
        ys, xs = np.array([0, alpha.shape[0] - 1]), np.array([0, alpha.shape[1] - 1])
    window = slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)
    colour = picture[window].astype(np.float32) / 255
    alpha = alpha[window]
    shrink = min(1.0, _MAX_SIDE_PX / max(alpha.shape))
    texture = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
    if shrink < 1:
        texture = cv2.resize(texture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        texture = texture[:, ::-1]
    return np.pad(texture, ((2, 2), (2, 2), (0, 0)))


def _swing(shape: tuple[int, ...], rng: Generator) -> Map:
    """A smooth displacement field of few humps, near −1…1: (h, w, 2)."""
    humps = rng.normal(0, 1, (int(rng.integers(3, 6)), int(rng.integers(3, 5)), 2))
    field = cv2.resize(
        humps.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(field, np.float32)


def _camera(rng: Generator, pace: float) -> _Course:
    """Its way: x and y in view heights, and zoom."""
    knots = 2 + round(3 * pace)
    still = rng.random() < 0.25
    drift = rng.normal(0, 0.18, 2) * (0 if still else 1)
    shake = rng.normal(0, 0.01 if still else 0.03, (knots, 2))
    zoom = np.exp(np.cumsum(rng.normal(0, 0.0 if still else 0.03, knots)))
    places = shake + drift * pace * np.linspace(-0.5, 0.5, knots)[:, None]
    return _Course(np.column_stack([places, zoom]))


def _fit_scene(scene: Image, size: tuple[int, int]) -> Map:
    """A scene that covers more than the view: (h, w, 3) 0…1."""
    height, width = scene.shape[:2]
    scale = 1.35 * max(size[0] / height, size[1] / width)
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    fitted = cv2.resize(scene, None, fx=scale, fy=scale, interpolation=mode)
    return np.asarray(fitted, np.float32) / np.float32(255)


def _expose(
    scene: Map,
    bodies: Sequence[_Body],
    order: NDArray[np.intp],
    camera: _Course,
    share: float,
    size: tuple[int, int],
) -> tuple[Map, Map]:
    """What is seen at one moment, and of each body how much: (H, W, 3), (N, H, W)."""
    view_h, view_w = size
    at = camera.at(share)
    zoom = at[2]
    centre = np.array([scene.shape[1], scene.shape[0]]) / 2 + at[:2] * view_h
    matrix = np.array([
        [1 / zoom, 0, centre[0] - view_w / 2 / zoom], [0, 1 / zoom, centre[1] - view_h / 2 / zoom]
    ])  # fmt: skip
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    picture = cv2.warpAffine(
        scene, matrix, (view_w, view_h), flags=flags, borderMode=cv2.BORDER_REFLECT
    )
    alphas = np.zeros((len(bodies), view_h, view_w), np.float32)
    for number in order:
        body = bodies[number]
        layer = body.seen(share, at, size)
        alpha = layer[..., 3]
        if body.shadow:
            move = np.array([[1, 0, 0.03 * view_h], [0, 1, 0.05 * view_h]], np.float32)
            cast = cv2.warpAffine(alpha, move, (view_w, view_h))
            cast = cv2.GaussianBlur(cast, (0, 0), 0.015 * view_h)
            picture = picture * (1 - body.shadow * cast[..., None])
        picture = picture * (1 - alpha[..., None]) + layer[..., :3]
        alphas *= 1 - alpha
        alphas[number] = alpha
    return np.asarray(picture, np.float32), alphas


def _compress(frame: Image, quality: int) -> Image:
    data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


@click.command()
@click.argument("sets", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--scenes", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--count", default=60, show_default=True)
@click.option("--length", default=24, show_default=True, help="Frames of each.")
@click.option(
    "--size", nargs=2, type=int, default=(448, 252), show_default=True, help="Width and height."
)
@click.option("--seed", default=1, show_default=True)
@click.option("--held-back", is_flag=True, help="Of what no recipe trains on.")
def main(
    sets: tuple[Path, ...], scenes: Path, out: Path, count: int, length: int,
    size: tuple[int, int], seed: int, held_back: bool,
) -> None:  # fmt: skip
    """Write OUT/NNN/frames/*.jpg and OUT/NNN/masks/*.png, the matte of the subject to follow.

    SETS are folders of images/ and masks/, one kind of thing each. Clips that are there stay.
    """
    kinds = [split_pairs(find_pairs(folder))[held_back] for folder in sets]
    paths = [path for path in list_pictures(scenes) if is_validation(path.name) == held_back]
    if not all(kinds) or not paths:
        raise UsageError("A set or the scenes hold nothing of the kind that is asked for.")
    clips = Clips(kinds, paths, seed)
    for index in range(count):
        folder = out / f"{index:03}"
        if folder.is_dir():
            continue
        clip = clips.make(index, length, size[::-1])
        part = out / f".{index:03}"
        for name in ("frames", "masks"):
            (part / name).mkdir(parents=True, exist_ok=True)
        for t, (frame, alphas) in enumerate(zip(clip.frames, clip.alphas, strict=True)):
            quality = [cv2.IMWRITE_JPEG_QUALITY, 95]
            cv2.imwrite(str(part / "frames" / f"{t:05}.jpg"), frame[..., ::-1], quality)
            cv2.imwrite(str(part / "masks" / f"{t:05}.png"), alphas[0])
        part.rename(folder)


if __name__ == "__main__":
    try:
        main()
    except MattelierError as error:
        sys.exit(f"{error}")
