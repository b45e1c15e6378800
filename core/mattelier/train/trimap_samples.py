"""Samples for the network that weighs cues: open pixels of made pictures, and their exact alpha.

A subject that is drawn, rendered or cut out of a photograph lies over a scene; a trimap is drawn
around its edge as broadly as users draw it, and solved as theirs are. Sample i of a recipe is a
pure function of the seed and i.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.data.pairs import find_pairs, list_pictures, read_picture
from mattelier.data.splits import is_validation, split_pairs
from mattelier.engines.model_cache import ModelCache
from mattelier.learning.augment import Image, resize_image
from mattelier.learning.corrupt_mask import corrupt_mask
from mattelier.matting.alpha_cues import alpha_cues
from mattelier.matting.hint import Hint
from mattelier.matting.matte import glance
from mattelier.matting.refine import solve_closed_form
from mattelier.train.composites import soften_mask
from mattelier.train.render.drawn import draw
from mattelier.train.render.source import Alpha, Colour, Source, extend_colour, read_source
from mattelier.types.colour import View, from_float, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

_ATTEMPTS = 6  # at a picture whose trimap leaves something open, and not nearly all
_MIN_OPEN, _MAX_OPEN = 0.03, 0.75
_SOFT = (0.01, 0.99)  # alpha between these is open in any trimap


@dataclass(frozen=True)
class TrimapRecipe:
    """One training run of the network that weighs cues.

    Attributes
    ----------
    seed : int
        Picture i of a run is a pure function of the seed and i.
    pictures : int
        Length of the run; a time box ends it earlier, with the learning rate let down in time.
    scenes, rendered, sets : tuple
        Folders of pictures to set subjects in, of rendered subjects, and of picture pairs.
    mix : mapping
        Kind of subject ("drawn", "rendered", "photo") → share.
    side : int
        Of a picture, in pixels.
    pixels : int
        At most so many open ones are kept of a picture.
    first : int
        Pictures made before the first step: of them are the mean and deviation of each cue.
    steps, batch : int
        Steps after each picture, pixels at once.
    width : of the network
    rate, weight_decay, ema : AdamW's, and the decay of the weights' moving average
    """

    seed: int
    pictures: int
    scenes: tuple[str, ...]
    rendered: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    mix: dict[str, float] = field(default_factory=dict)
    side: int = 384
    pixels: int = 1200
    first: int = 200
    steps: int = 3
    batch: int = 4096
    width: int = 192
    rate: float = 2e-3
    weight_decay: float = 1e-3
    ema: float = 0.999


class Made(NamedTuple):
    """picture (H, W, 3) uint8 RGB; alpha (H, W) float32 0…1; trimap (H, W) uint8 0, 128, 255."""

    picture: Image
    alpha: Alpha
    trimap: Image


class TrimapSamples:
    """All samples of a recipe; `make(i)` gives the i-th."""

    def __init__(self, recipe: TrimapRecipe, data: Path) -> None:
        self.recipe = recipe
        self.scenes = [
            path
            for folder in recipe.scenes
            for path in list_pictures(data / folder)
            if not is_validation(path.name)
        ]
        if not self.scenes:
            raise UsageError("The recipe's scenes hold no pictures.")
        self.sets = [split_pairs(find_pairs(data / folder))[0] for folder in recipe.sets]
        self.rendered = [
            path for folder in recipe.rendered for path in sorted((data / folder).glob("*.png"))
        ]
        shares = {"drawn": 1.0, "rendered": 0.0, "photo": 0.0} | recipe.mix
        photos = bool(self.sets) and all(self.sets)
        if (shares["rendered"] and not self.rendered) or (shares["photo"] and not photos):
            raise UsageError("The recipe mixes in subjects of which there are none.")
        self._kinds = list(shares)
        self._shares = np.array(list(shares.values())) / sum(shares.values())
        self._network = ModelCache().open("default", "matte", "cpu")

    def make(self, index: int) -> NDArray[np.float16]:
        """(N, C + 1) float16: cues of N open pixels, and their alpha; N is 0 now and then."""
        rng = np.random.default_rng([self.recipe.seed, index])
        made = self.picture(rng)
        if made is None:
            return np.zeros((0, 0), np.float16)
        picture = to_float(made.picture)
        subject, background = made.trimap == 255, made.trimap == 0
        coarse, seen = self._coarse(made, rng)
        solution = solve_closed_form(picture, made.trimap, coarse, seen=seen)
        cues = alpha_cues(picture, subject, background, solution)
        truth = made.alpha[~(subject | background)]
        kept = rng.permutation(len(truth))[: self.recipe.pixels]
        return np.concatenate([cues[kept], truth[kept, None]], 1).astype(np.float16)

    def picture(self, rng: Generator) -> Made | None:
        """A made picture and a trimap; None where several attempts showed nothing of an edge."""
        for _ in range(_ATTEMPTS):
            laid = _lay(self._subject(rng), self.recipe.side, rng)
            if laid is None:
                continue
            colour, alpha = laid
            trimap = random_trimap(alpha, rng)
            open_share = float((trimap == 128).mean())
            if not _MIN_OPEN <= open_share <= _MAX_OPEN or set(np.unique(trimap)) != {0, 128, 255}:
                continue
            return Made(self._over_scene(colour, alpha, rng), alpha, trimap)
        return None

    def _subject(self, rng: Generator) -> Source:
        kind = rng.choice(self._kinds, p=self._shares)
        if kind == "drawn":
            return draw(self.recipe.seed, int(rng.integers(1 << 20)))
        if kind == "rendered":
            return read_source(self.rendered[int(rng.integers(len(self.rendered)))])
        pairs = self.sets[int(rng.integers(len(self.sets)))]
        picture, truth = pairs[int(rng.integers(len(pairs)))].read()
        alpha = soften_mask(truth, rng)
        # A pixel inside its edge still shows the old background.
        colour = extend_colour(to_float(picture), alpha > 0.9)
        return Source(colour, alpha)

    def _over_scene(self, colour: Colour, alpha: Alpha, rng: Generator) -> Image:
        """Textured and tinted at times, over a scene, as light or as its encoding mixes."""
        side = self.recipe.side
        if rng.random() < 0.6:
            texture = self._scene(rng, side)
            much = np.float32(rng.uniform(0.2, 1))
            colour = np.clip(colour * (1 - much + much * texture / max(texture.mean(), 0.05)), 0, 1)
        if rng.random() < 0.5:
            tint = np.exp(rng.normal(0, 0.3) + rng.normal(0, 0.1, 3)).astype(np.float32)
            colour = np.clip(colour * tint, 0, 1) ** np.float32(np.exp(rng.uniform(-0.4, 0.4)))
        ground = self._scene(rng, side)
        if rng.random() < 0.25 and (alpha > 0.5).any():  # of like colour
            ground = (ground + colour[alpha > 0.5].mean(0)) / 2
        gamma = np.float32(rng.choice([1.0, 2.2, rng.uniform(1, 2.4)]))
        cover = alpha[..., None]
        mixed = cover * colour**gamma + (1 - cover) * ground**gamma
        picture = from_float(np.clip(mixed, 0, 1) ** (1 / gamma), np.uint8)
        if rng.random() < 0.25:
            noise = rng.normal(0, rng.uniform(0.5, 6), picture.shape)
            picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
        if rng.random() < 0.25:
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))]
            code = cv2.imencode(".jpg", picture, quality)[1]
            picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
        return np.asarray(picture, np.uint8)

    def _scene(self, rng: Generator, side: int) -> Colour:
        scene = read_picture(self.scenes[int(rng.integers(len(self.scenes)))])
        height, width = scene.shape[:2]
        scale = max(side / min(height, width), np.exp(rng.uniform(np.log(0.5), np.log(1.6))))
        scene = resize_image(
            scene, max(side, round(height * scale)), max(side, round(width * scale))
        )
        y, x = (int(rng.integers(full - side + 1)) for full in scene.shape[:2])
        scene = scene[y : y + side, x : x + side]
        if rng.random() < 0.5:
            scene = scene[:, ::-1]
        colour = to_float(np.ascontiguousarray(scene))
        if rng.random() < 0.45:  # out of focus
            sigma = float(np.exp(rng.uniform(np.log(0.7), np.log(10))))
            colour = cv2.GaussianBlur(colour, (0, 0), sigma)
        return np.asarray(colour, np.float32)

    def _coarse(self, made: Made, rng: Generator) -> tuple[Alpha | None, bool]:
        """What comes with a trimap: the network's view, nothing, or somebody's selection.

        And whether it was seen; see `refine`.
        """
        chance = rng.random()
        shape = made.alpha.shape
        if chance < 0.55:
            hint = Hint(shape[0], shape[1], trimap=made.trimap)
            return glance(View(Picture(made.picture)), hint, self._network), True
        if chance < 0.8:
            return None, False
        mask = corrupt_mask(made.alpha, rng)
        rough = mask > 0.5 if rng.random() < 0.6 else np.clip(mask, 0, 1)
        return np.asarray(rough, np.float32), False


def _lay(source: Source, side: int, rng: Generator) -> tuple[Colour, Alpha] | None:
    """A window of a subject around some place of its edge: (side, side, 3) and (side, side)."""
    colour, alpha = source.colour, source.alpha
    scale = np.exp(rng.uniform(np.log(0.75), np.log(1.35))) * max(1, 0.8 * side / max(alpha.shape))
    rows, columns = (max(32, round(n * scale)) for n in alpha.shape)
    colour, alpha = (np.clip(resize_image(plane, rows, columns), 0, 1) for plane in (colour, alpha))
    if rng.random() < 0.5:
        colour, alpha = colour[:, ::-1], alpha[:, ::-1]
    ys, xs = np.nonzero((alpha > 0.03) & (alpha < 0.97))
    if len(ys) < side // 2:
        return None
    pick = int(rng.integers(len(ys)))
    top, left = (
        int(at[pick]) + int(rng.integers(-side // 3, side // 3)) - side // 2 for at in (ys, xs)
    )
    canvas = np.zeros((side, side, 4), np.float32)
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(rows, top + side), min(columns, left + side)
    if min(y1 - y0, x1 - x0) < side // 3:
        return None
    part = np.dstack([colour, alpha])[y0:y1, x0:x1]
    canvas[y0 - top : y1 - top, x0 - left : x1 - left] = part
    return np.ascontiguousarray(canvas[..., :3]), np.ascontiguousarray(canvas[..., 3])


def random_trimap(alpha: Alpha, rng: Generator) -> Image:
    """A trimap as users draw it, with a fine or a broad brush: right everywhere, (H, W) uint8."""
    open_ = ((alpha > _SOFT[0]) & (alpha < _SOFT[1])).astype(np.uint8)
    if rng.random() < 0.5:
        open_ = cv2.morphologyEx(open_, cv2.MORPH_CLOSE, _disc(int(rng.integers(2, 14))))
    open_ = cv2.dilate(open_, _disc(round(np.exp(rng.uniform(0, np.log(26))))))
    if rng.random() < 0.25:
        open_ = cv2.dilate(open_, _disc(int(rng.integers(6, 36))))
    return np.where(open_ > 0, 128, np.where(alpha > 0.5, 255, 0)).astype(np.uint8)


def _disc(radius: int) -> Image:
    size = (2 * radius + 1, 2 * radius + 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size), np.uint8)
