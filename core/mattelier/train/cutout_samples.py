"""Training samples: sample i of a recipe is a pure function of the seed and i."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.data.pairs import Pair, find_pairs, list_pictures, read_cutout, read_picture
from mattelier.data.splits import split_pairs
from mattelier.data.subjects import CROWD
from mattelier.learning.augment import Image, augment_photometry, resize_image
from mattelier.matting.detail_pass import open_and_close
from mattelier.train import composites
from mattelier.train.followed_frames import FollowedFrames
from mattelier.train.random_crop import random_crop
from mattelier.train.random_hints import draw_hint
from mattelier.train.recipe import HINT_KINDS, Recipe
from mattelier.train.synthetic_scenes import random_pattern
from mattelier.types.colour import to_float
from mattelier.types.errors import UsageError

_MIN_VISIBLE_SHARE = 0.004  # of the picture: smaller subjects are out of frame or covered


_KINDS_WITH_SCENES = ("paste", "shape", "nothing", "followed")
_HAZE_SHARE = 0.008  # of the longer side: half the width from which an unsure area is no edge


class LabelledPicture(NamedTuple):
    """A picture of a set, its truth, and what the recipe says of that."""

    picture: Image
    truth: Image
    loose: int
    one_of_several: bool
    soft: bool


class Scene(NamedTuple):
    """A picture, its subjects' alphas, where the truth is known, whether a hint must choose.

    `others` are alphas of what a hint has not chosen; `hint` is one that belongs to the picture.
    """

    picture: Image
    subjects: list[NDArray[np.float32]]
    weight: NDArray[np.float32]
    one_of_several: bool = False
    others: tuple[NDArray[np.float32], ...] = ()
    hint: NDArray[np.float32] | None = None


class Sample(NamedTuple):
    """picture (3, S, S) uint8; alpha and weight (1, S, S) float32; hint (2, S, S) float32.

    All of 0…1 but the weight, which reaches 1 + the recipe's `fine` where something is narrow.
    """

    picture: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    weight: NDArray[np.float32]
    hint: NDArray[np.float32]


class Samples:
    """All samples of a recipe; `make(i, size)` builds the i-th."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.sets: list[list[Pair]] = []
        self.odds: list[float] = []
        for folder, weight in recipe.sets.items():
            self.sets.append(self._trained_pairs(data, folder))
            self.odds.append(weight)
        self.groups = [self._trained_pairs(data, folder) for folder in recipe.groups]
        self.group_odds = _odds(recipe.groups)
        self.instances = [self._trained_pairs(data, folder) for folder in recipe.instances]
        self.instance_odds = _odds(recipe.instances)
        self.soft = [folder in recipe.soft for folder in recipe.sets]
        self.loose = [recipe.loose.get(folder, 0) for folder in recipe.sets]
        self.one_of_several = [set(recipe.one_of_several.get(f, ())) for f in recipe.sets]
        total = sum(self.odds)
        self.odds = [weight / total for weight in self.odds]
        self.cutouts = [list_pictures(data / folder) for folder in recipe.cutouts]
        for folder, paths in zip(recipe.cutouts, self.cutouts, strict=True):
            if not paths:
                raise UsageError(f"{data / folder} holds no cut-outs.")
        self.scenes = [
            path
            for folder in recipe.scenes
            for path in list_pictures(data / folder)
            if path.stem not in recipe.left_out.get(folder, ())
        ]
        if not self.scenes and any(recipe.mix.get(kind) for kind in _KINDS_WITH_SCENES):
            raise UsageError("The recipe mixes in scenes but its scenes hold no pictures.")
        self.followed = FollowedFrames(self.groups, self.scenes, recipe.seed)
        self.sample_types = list(recipe.mix)
        self.shares = np.array(list(recipe.mix.values())) / sum(recipe.mix.values())
        hints = recipe.hints
        self.hint_shares = _shares(hints)
        # A picture of several subjects of which one is meant needs a hint that says which.
        self.choose = recipe.choose if any(hints.get(k) for k in HINT_KINDS[1:]) else 0.0
        self.choice_shares = _shares({**hints, "none": 0.0, "trimap": hints.get("trimap", 0) / 2})

    def _trained_pairs(self, data: Path, folder: str) -> list[Pair]:
        left_out = set(self.recipe.left_out.get(folder, ()))
        pairs = [
            pair
            for pair in split_pairs(find_pairs(data / folder))[0]
            if pair.picture.stem not in left_out
        ]
        if not pairs:
            raise UsageError(f"{data / folder} holds only pictures that are held back.")
        return pairs

    def make(self, index: int, size: int) -> Sample:
        rng = np.random.default_rng([self.recipe.seed, index])
        sample_type = rng.choice(self.sample_types, p=self.shares)
        scene: Scene = getattr(self, f"_{sample_type}")(rng, size)
        picture, subjects, weight, one_of_several, *_ = scene
        choose = len(subjects) > 1 and rng.random() < self.choose
        others = list(scene.others)
        if choose:
            others = subjects[:]
            subjects = [others.pop(int(rng.integers(len(others))))]
        alpha = np.sum(subjects, 0)  # what covers a subject was taken from its alpha
        alpha = np.clip(alpha, 0, 1, dtype=np.float32)
        if self.recipe.fine:
            weight = weight * (1 + np.float32(self.recipe.fine) * _narrow(alpha))
        needs_hint = choose or (one_of_several and self.choose > 0)
        shares = self.choice_shares if needs_hint else self.hint_shares
        evidence = draw_hint(alpha, rng, shares, others) if scene.hint is None else scene.hint
        picture = augment_photometry(picture, rng)
        return Sample(
            np.ascontiguousarray(picture.transpose(2, 0, 1)), alpha[None], weight[None], evidence
        )

    def _draw_pair(self, rng: Generator) -> LabelledPicture:
        number = int(rng.choice(len(self.sets), p=self.odds))
        pair = self.sets[number][int(rng.integers(len(self.sets[number])))]
        several = pair.picture.stem in self.one_of_several[number]
        return LabelledPicture(*pair.read(), self.loose[number], several, self.soft[number])

    def _photo(self, rng: Generator, size: int) -> Scene:
        source = self._draw_pair(rng)
        picture, truth, weight = _crop(source, rng, size)
        alpha = to_float(truth)
        subjects = _split_subjects(alpha) if rng.random() < 0.5 else [alpha]
        return Scene(picture, subjects, weight, source.one_of_several)

    def _paste(self, rng: Generator, size: int) -> Scene:
        canvas = self._draw_scene(rng, size)
        subjects: list[NDArray[np.float32]] = []
        for _ in range(1 + (rng.random() < 0.35)):
            canvas, placed = composites.paste(canvas, *self._draw_subject(rng), rng)
            subjects = [_occlude(s, placed) for s in subjects] + [placed]
        return Scene(canvas, _drop_invisible(subjects), np.ones((size, size), np.float32))

    def _over(self, rng: Generator, size: int) -> Scene:
        """A new subject set over the one that a photograph has: a scene with a fitting place."""
        source = self._draw_pair(rng)
        canvas, truth, weight = _crop(source, rng, size)
        original = to_float(truth)
        ys, xs = np.nonzero(truth > 64)
        if not len(ys):
            return Scene(canvas, [original], weight)
        box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        canvas, placed = composites.paste(canvas, *self._draw_subject(rng), rng, box=box)
        subjects = _drop_invisible([_occlude(original, placed), placed])
        weight = np.maximum(weight, np.minimum(placed, 1))  # what was pasted is known
        return Scene(canvas, subjects, weight, source.one_of_several)

    def _group(self, rng: Generator, size: int) -> Scene:
        """Two to six subjects that stand side by side, touch and cover each other."""
        canvas = self._draw_scene(rng, size)
        count = int(rng.choice([2, 2, 2, 3, 3, 4, 5, 6]))
        number = int(rng.choice(len(self.groups), p=self.group_odds))
        height = rng.uniform(0.5, 1.0) * size * (1.0 if count < 4 else 0.8)
        floor = rng.uniform(0.75, 1.1) * size
        left = rng.uniform(-0.1, 0.25 if count > 2 else 0.45) * size
        subjects: list[NDArray[np.float32]] = []
        for _ in range(count):
            if rng.random() < 0.25:  # most groups are of one kind
                number = int(rng.choice(len(self.groups), p=self.group_odds))
            pairs = self.groups[number]
            picture, truth = pairs[int(rng.integers(len(pairs)))].read()
            alpha = composites.soften_mask(truth, rng)
            tall = height * np.exp(rng.normal(0, 0.15))
            wide = tall * composites.aspect(alpha)
            foot = floor + rng.normal(0, 0.04) * size
            box = (left, foot - tall, left + wide, foot)
            canvas, placed = composites.paste(canvas, picture, alpha, rng, box=box, margin=1.0)
            subjects = [_occlude(s, placed) for s in subjects] + [placed]
            left += wide * rng.uniform(0.45, 1.02)
            if left > 0.95 * size:
                break
        return Scene(canvas, _drop_invisible(subjects), np.ones((size, size), np.float32))

    def _several(self, rng: Generator, size: int) -> Scene:
        """A photograph of several subjects that a hint has to choose from."""
        number = int(rng.choice(len(self.instances), p=self.instance_odds))
        pairs = self.instances[number]
        picture, labels = pairs[int(rng.integers(len(pairs)))].read()
        meant = labels == rng.integers(1, labels[labels < CROWD].max() + 1)
        truth = np.dstack([meant, (labels > 0) & ~meant]).astype(np.uint8) * 255
        if rng.random() < 0.5:  # as a second look at a small subject, or tracking, sees it
            window = _near(meant, rng)
            picture, truth = picture[window], truth[window]
        loose = self.recipe.loose.get(list(self.recipe.instances)[number], 0)
        source = LabelledPicture(picture, truth, loose, one_of_several=True, soft=False)
        picture, truth, weight = _crop(source, rng, size)
        subject, other = (to_float(np.ascontiguousarray(truth[..., i])) for i in range(2))
        return Scene(picture, [subject], weight, True, (other,) if other.max() > 0.5 else ())

    def _shape(self, rng: Generator, size: int) -> Scene:
        canvas = self._draw_scene(rng, size)
        texture = random_crop(*self._draw_pair(rng)[:2], rng, size)[0]
        paint = composites.random_surface(texture, size, rng)
        shape = composites.random_shape(size, rng)
        canvas, placed = composites.paste(canvas, paint, shape, rng)
        return Scene(canvas, [placed], np.ones((size, size), np.float32))

    def _nothing(self, rng: Generator, size: int) -> Scene:
        """A picture in which there is nothing to find: no hint goes with it."""
        canvas = random_pattern(size, rng) if rng.random() < 0.5 else self._draw_scene(rng, size)
        nothing = np.zeros((size, size), np.float32)
        return Scene(canvas, [nothing], np.ones((size, size), np.float32))

    def _followed(self, rng: Generator, size: int) -> Scene:
        """A frame of a made clip, and what tracking says of it."""
        frame = self.followed.make(int(rng.integers(2**31)), rng)
        picture = resize_image(frame.picture, size, size)
        planes = np.stack([resize_image(plane, size, size) for plane in (frame.alpha, *frame.hint)])
        if rng.random() < 0.5:
            picture, planes = picture[:, ::-1].copy(), planes[..., ::-1].copy()
        return Scene(picture, [planes[0]], np.ones((size, size), np.float32), hint=planes[1:])

    def _draw_scene(self, rng: Generator, size: int) -> Image:
        scene = read_picture(self.scenes[int(rng.integers(len(self.scenes)))])
        whole = np.full(scene.shape[:2], 255, np.uint8)
        scene = random_crop(scene, whole, rng, size)[0]
        if rng.random() < 0.4:
            scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.5, 6)), np.uint8)
        return scene

    def _draw_subject(self, rng: Generator) -> tuple[Image, NDArray[np.float32]]:
        if self.cutouts and rng.random() < 0.1 * len(self.cutouts):
            folder = self.cutouts[int(rng.integers(len(self.cutouts)))]
            picture, alpha = read_cutout(folder[int(rng.integers(len(folder)))])
            return picture, to_float(alpha)
        picture, truth = self._draw_pair(rng)[:2]
        return picture, composites.soften_mask(truth, rng)


def _crop(
    source: LabelledPicture, rng: Generator, size: int
) -> tuple[Image, Image, NDArray[np.float32]]:
    """A window of the picture, its truth, and where that is known: not in fur, nor at loose edges.

    The truth's own 128 counts as unknown only where there is enough of it: at a smooth edge it is
    half a pixel of subject.
    """
    has_band = np.count_nonzero(source.truth == 128) > 0.005 * source.truth.size
    picture, truth = random_crop(source.picture, source.truth, rng, size)
    meant = truth if truth.ndim == 2 else truth[..., 0]
    unsure = (meant > 64) & (meant < 192)
    if source.soft:
        unsure = wide_haze(meant)
    reliable = ~unsure if has_band or source.soft else np.ones(meant.shape, bool)
    if source.loose:
        side = 2 * source.loose + 1
        near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        reliable &= cv2.morphologyEx(meant, cv2.MORPH_GRADIENT, near) < 64
    return picture, truth, reliable.astype(np.float32)


def _near(meant: NDArray[np.bool_], rng: Generator) -> tuple[slice, slice]:
    """The window of a subject's surroundings, 1.2 to 3 times as large as its box."""
    window = []
    for axis in (1, 0):
        places = np.flatnonzero(meant.any(axis))
        first, last = int(places[0]), int(places[-1]) + 1
        more = rng.uniform(0.1, 1.0, 2) * (last - first)
        window.append(slice(max(0, int(first - more[0])), int(last + more[1]) + 1))
    return window[0], window[1]


def wide_haze(truth: Image) -> NDArray[np.bool_]:
    """What a network's answer leaves open over more than the width of an edge or a strand."""
    hazy = ((truth > 24) & (truth < 231)).astype(np.uint8)
    side = 2 * max(2, round(_HAZE_SHARE * max(truth.shape))) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(hazy, cv2.MORPH_OPEN, disc) > 0)


def _narrow(alpha: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Thin parts, narrow gaps and enclosed holes: what area hardly counts and eyes see first."""
    subject = (alpha > 0.5).astype(np.uint8)
    opened, closed = open_and_close(subject)
    _, labels = cv2.connectedComponents(1 - subject, connectivity=4)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    hole = (subject == 0) & ~np.isin(labels, border)
    return np.asarray((opened != subject) | (closed != subject) | hole)


def _odds(weights: dict[str, float]) -> NDArray[np.float64]:
    values = np.array(list(weights.values()), float)
    return np.asarray(values / values.sum()) if len(values) else values


def _shares(hints: dict[str, float]) -> tuple[float, ...]:
    total = sum(hints.values()) or 1.0
    return tuple(hints.get(k, 0.0) / total for k in HINT_KINDS)


def _split_subjects(alpha: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The separate subjects of a mask, largest first; small pieces stay with the largest."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.25).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = [i + 1 for i in np.argsort(-areas) if areas[i] > 0.12 * areas.sum()]
    if count <= 2 or len(large) < 2:
        return [alpha]
    subjects = [np.where(labels == i, alpha, 0).astype(np.float32) for i in large]
    subjects[0] = (alpha - np.sum(subjects[1:], axis=0)).astype(np.float32)
    return subjects


def _occlude(under: NDArray[np.float32], over: NDArray[np.float32]) -> NDArray[np.float32]:
    return under * (1 - over)


def _drop_invisible(subjects: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Without those that ended up out of frame or covered, as long as one is left."""
    visible = [s for s in subjects if s.mean() > _MIN_VISIBLE_SHARE and s.max() > 0.5]
    return visible or [np.sum(subjects, 0)]
