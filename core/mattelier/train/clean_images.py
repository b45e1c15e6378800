"""Pictures that count as clean in restoring: read, reduced until they are, cut to patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.data.pairs import list_pictures, read_picture
from mattelier.data.splits import is_validation
from mattelier.types.colour import from_float, to_float
from mattelier.types.errors import UsageError
from mattelier.types.resample import bicubic

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class CleanImage:
    """A picture that counts as clean once it is reduced `reduction` times."""

    path: Path
    reduction: float

    def read(self, size: float = 1.0, multiple: int = 1) -> Pixels:
        """(H, W, 3) RGB uint8 at `size` times its own size, sides multiples of `multiple`."""
        colour = read_picture(self.path)
        factor = size / self.reduction
        if factor != 1:
            height, width = (round(side * factor) for side in colour.shape[:2])
            colour = reduce(colour, height, width)
        height, width = (side - side % multiple for side in colour.shape[:2])
        return colour[:height, :width]


def find_clean_images(
    folders: Mapping[str, float], data: Path
) -> tuple[list[CleanImage], list[CleanImage]]:
    """(train, validation): the pictures in these folders, one in eight held back by name.

    Parameters
    ----------
    folders : folder below `data` → how much its pictures are reduced before they count. What was
        compressed must be, or a network learns the compression's traces as truth.

    Raises
    ------
    UsageError
        A folder holds no pictures.
    """
    train: list[CleanImage] = []
    validation: list[CleanImage] = []
    for folder, reduction in folders.items():
        paths = list_pictures(data / folder)
        if not paths:
            raise UsageError(f"{data / folder} holds no pictures to train on.")
        for path in paths:
            (validation if is_validation(path.name) else train).append(CleanImage(path, reduction))
    return train, validation


class Patches:
    """Random squares of clean pictures, turned and mirrored.

    All pictures are held in memory: 3 bytes per pixel of the pictures and size.
    """

    def __init__(self, images: list[CleanImage], sizes: tuple[float, ...], side: int) -> None:
        self.side = side
        pictures = [image.read(size) for size in sizes for image in images]
        self._pictures = [picture for picture in pictures if min(picture.shape[:2]) >= side]
        if not self._pictures:
            raise UsageError("All originals are smaller than the recipe's patch.")
        self._weights = area_weights(self._pictures)

    def draw(self, random: Generator) -> Pixels:
        """(side, side, 3) RGB uint8."""
        picture = self._pictures[random.choice(len(self._pictures), p=self._weights)]
        y, x = (int(random.integers(length - self.side + 1)) for length in picture.shape[:2])
        patch = picture[y : y + self.side, x : x + self.side]
        return turn(patch, int(random.integers(4)), bool(random.integers(2)))


def area_weights(pictures: list[Pixels]) -> NDArray[np.float64]:
    """How often each picture is drawn; large ones have more to show, but not in proportion."""
    weights = np.array([p.shape[0] * p.shape[1] for p in pictures]) ** 0.5
    return np.asarray(weights / weights.sum())


def turn(patch: Pixels, turns: int, mirrored: bool) -> Pixels:
    """The patch turned by so many right angles, mirrored before."""
    return np.rot90(patch[:, ::-1] if mirrored else patch, turns)


def reduce(colour: Pixels, height: int, width: int) -> Pixels:
    """The picture at a smaller size, bicubic."""
    small: Pixels = from_float(bicubic(to_float(colour), height, width), np.uint8)
    return small
