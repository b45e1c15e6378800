"""What may happen to a picture before a network sees it, so that robustness can be measured."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.evaluate.names import CORRUPTIONS
from mattelier.types.colour import View, from_float, linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.resize import resize_map

Samples = NDArray[np.uint8]

_MAX_PIXELS = 100_000_000  # of an enlarged picture


@dataclass(frozen=True)
class Corruption:
    """One corruption, such as "jpeg30"; "clean" is none.

    Attributes
    ----------
    name : as the user wrote it
    turns : quarter turns of the whole scene, counter-clockwise
    scale : of its sides
    corrupt : what happens to the (H, W, 3) display RGB uint8 samples, given a seed
    """

    name: str
    turns: int = 0
    scale: float = 1.0
    corrupt: Callable[[Samples, int], Samples] | None = None

    def picture(self, picture: Picture, seed: str) -> Picture:
        """The picture so corrupted: 8-bit display samples; untouched when clean.

        Raises
        ------
        UsageError
            It would become larger than 100 megapixels.
        """
        if self == CLEAN:
            return picture
        view = View(picture)
        height, width = (max(1, round(side * self.scale)) for side in (view.height, view.width))
        if height * width > _MAX_PIXELS:
            raise UsageError(f"Under {self.name} it would have more than 100 megapixels.")
        samples = from_float(view.resize(height, width), np.uint8)
        samples = np.ascontiguousarray(np.rot90(samples, self.turns))
        if self.corrupt is not None:
            samples = self.corrupt(samples, zlib.crc32(seed.encode()))
        alpha = picture.alpha
        if alpha is not None:
            alpha = from_float(self.truth(to_float(alpha)), np.uint8)
        return Picture(samples, alpha)

    def truth(self, truth: NDArray[np.float32]) -> NDArray[np.float32]:
        """A grey map of the clean picture as it lies in the corrupted one."""
        if self.scale != 1:
            height, width = (max(1, round(side * self.scale)) for side in truth.shape)
            truth = resize_map(truth, height, width)
        return np.ascontiguousarray(np.rot90(truth, self.turns))

    def undo_turns(self, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """A prediction turned back to lie as the clean picture does; its size may differ."""
        return np.ascontiguousarray(np.rot90(alpha, -self.turns))


CLEAN = Corruption("clean")


def parse_corruptions(text: str) -> list[Corruption]:
    """Corruptions separated by commas; "all" stands for `names.CORRUPTIONS`.

    Raises
    ------
    UsageError
        One is not known, or its number makes no sense.
    """
    names = (name.strip() for name in text.replace("all", CORRUPTIONS).split(","))
    return [_parse(name) for name in dict.fromkeys(names) if name]


def _parse(name: str) -> Corruption:
    match = re.fullmatch(r"(jpeg|noise|ev|size|rot|grey)([+-]?\d+(?:\.\d+)?)?", name)
    effect, number = (match[1], float(match[2] or "nan")) if match else ("", 0.0)
    if effect == "jpeg" and 1 <= number <= 100:
        return Corruption(name, corrupt=lambda samples, seed: _compress_jpeg(samples, int(number)))
    if effect == "noise" and 0 < number <= 255:
        return Corruption(name, corrupt=lambda samples, seed: _add_noise(samples, number, seed))
    if effect == "ev" and abs(number) <= 8:
        return Corruption(name, corrupt=lambda samples, seed: _change_exposure(samples, number))
    if effect == "size" and 1 <= number <= 1000:
        return Corruption(name, scale=number / 100)
    if effect == "rot" and number in (90, 180, 270):
        return Corruption(name, turns=int(number) // 90)
    if effect == "grey" and number != number:
        return Corruption(name, corrupt=lambda samples, seed: _remove_colour(samples))
    raise UsageError(
        f"--under {name!r} is not known; conditions are like {CORRUPTIONS}, or all of these: all."
    )


def _compress_jpeg(samples: Samples, quality: int) -> Samples:
    code = cv2.imencode(".jpg", samples[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _add_noise(samples: Samples, sigma: float, seed: int) -> Samples:
    noise = np.random.default_rng(seed).normal(0, sigma, samples.shape)
    return np.asarray(np.clip(np.rint(samples + noise), 0, 255), np.uint8)


def _change_exposure(samples: Samples, stops: float) -> Samples:
    linear = srgb_to_linear(to_float(samples)) * np.float32(2**stops)
    exposed: Samples = from_float(linear_to_srgb(np.clip(linear, 0, 1)), np.uint8)
    return exposed


def _remove_colour(samples: Samples) -> Samples:
    return np.repeat(cv2.cvtColor(samples, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
