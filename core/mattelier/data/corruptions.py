"""What may happen to a picture before a network sees it, so that robustness can be measured."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.data.names import CONDITIONS
from mattelier.types.colour import View, from_float, linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

Samples = NDArray[np.uint8]

_LARGEST = 100_000_000  # pixels that an enlarged picture may have


@dataclass(frozen=True)
class Condition:
    """One treatment, such as "jpeg30"; "clean" is none.

    Attributes
    ----------
    name : as the user wrote it
    turns : quarter turns of the whole scene, counter-clockwise
    scale : of its sides
    change : what happens to the (H, W, 3) display RGB uint8 samples, given a seed
    """

    name: str
    turns: int = 0
    scale: float = 1.0
    change: Callable[[Samples, int], Samples] | None = None

    def picture(self, picture: Picture, seed: str) -> Picture:
        """The picture under this condition: 8-bit display samples; untouched when clean.

        Raises
        ------
        UsageError
            It would become larger than 100 megapixels.
        """
        if self == CLEAN:
            return picture
        view = View(picture)
        height, width = (max(1, round(side * self.scale)) for side in (view.height, view.width))
        if height * width > _LARGEST:
            raise UsageError(f"Under {self.name} it would have more than 100 megapixels.")
        samples = from_float(view.resized(height, width), np.uint8)
        samples = np.ascontiguousarray(np.rot90(samples, self.turns))
        if self.change is not None:
            samples = self.change(samples, zlib.crc32(seed.encode()))
        alpha = picture.alpha
        if alpha is not None:
            alpha = from_float(self.truth(to_float(alpha)), np.uint8)
        return Picture(samples, alpha)

    def truth(self, truth: NDArray[np.float32]) -> NDArray[np.float32]:
        """A grey map of the clean picture as it lies under this condition."""
        if self.scale != 1:
            height, width = (max(1, round(side * self.scale)) for side in truth.shape)
            truth = fitted(truth, height, width)
        return np.ascontiguousarray(np.rot90(truth, self.turns))

    def back(self, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        """An answer turned back to lie as the clean picture does; its size may differ."""
        return np.ascontiguousarray(np.rot90(alpha, -self.turns))


CLEAN = Condition("clean")


def fitted(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A map at another size: area-averaged when shrunk, linear when enlarged."""
    if values.shape[:2] == (height, width):
        return values
    mode = (
        cv2.INTER_AREA if height * width < values.shape[0] * values.shape[1] else cv2.INTER_LINEAR
    )
    return np.asarray(cv2.resize(values, (width, height), interpolation=mode), np.float32)


def parse_conditions(text: str) -> list[Condition]:
    """Conditions separated by commas; "all" stands for `names.CONDITIONS`.

    Raises
    ------
    UsageError
        One is not known, or its number makes no sense.
    """
    names = (name.strip() for name in text.replace("all", CONDITIONS).split(","))
    return [_parse(name) for name in dict.fromkeys(names) if name]


def _parse(name: str) -> Condition:
    match = re.fullmatch(r"(jpeg|noise|ev|size|rot|grey)([+-]?\d+(?:\.\d+)?)?", name)
    kind, number = (match[1], float(match[2] or "nan")) if match else ("", 0.0)
    if kind == "jpeg" and 1 <= number <= 100:
        return Condition(name, change=lambda samples, seed: _jpeg(samples, int(number)))
    if kind == "noise" and 0 < number <= 255:
        return Condition(name, change=lambda samples, seed: _noisy(samples, number, seed))
    if kind == "ev" and abs(number) <= 8:
        return Condition(name, change=lambda samples, seed: _exposed(samples, number))
    if kind == "size" and 1 <= number <= 1000:
        return Condition(name, scale=number / 100)
    if kind == "rot" and number in (90, 180, 270):
        return Condition(name, turns=int(number) // 90)
    if kind == "grey" and number != number:
        return Condition(name, change=lambda samples, seed: _grey(samples))
    raise UsageError(
        f"--under {name!r} is not known; conditions are like {CONDITIONS}, or all of these: all."
    )


def _jpeg(samples: Samples, quality: int) -> Samples:
    code = cv2.imencode(".jpg", samples[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _noisy(samples: Samples, sigma: float, seed: int) -> Samples:
    noise = np.random.default_rng(seed).normal(0, sigma, samples.shape)
    return np.asarray(np.clip(np.rint(samples + noise), 0, 255), np.uint8)


def _exposed(samples: Samples, stops: float) -> Samples:
    linear = srgb_to_linear(to_float(samples)) * np.float32(2**stops)
    exposed: Samples = from_float(linear_to_srgb(np.clip(linear, 0, 1)), np.uint8)
    return exposed


def _grey(samples: Samples) -> Samples:
    return np.repeat(cv2.cvtColor(samples, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
