"""Training pictures on disk: which there are, which are held back, how one is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.types.errors import UsageError

_SUFFIXES = {".webp", ".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class Pair:
    """A picture and the grey picture of its truth (255 subject, 128 unknown, 0 background)."""

    picture: Path
    truth: Path

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """(H, W, 3) RGB and (H, W) truth, both uint8."""
        picture = _decode(self.picture, cv2.IMREAD_COLOR)[..., ::-1]
        truth = _decode(self.truth, cv2.IMREAD_GRAYSCALE)
        if truth.shape != picture.shape[:2]:
            truth = cv2.resize(truth, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        return np.ascontiguousarray(picture), truth


def is_dev(name: str) -> bool:
    """Whether a file of this name is held back: its SHA-1 starts with 0 or 1 (one in eight)."""
    return hashlib.sha1(name.encode()).hexdigest()[0] in "01"


def pairs(folder: Path) -> list[Pair]:
    """All pairs of a folder that holds `images/` and `masks/` with the same stems, by name."""
    truths = {path.stem: path for path in _files(folder / "masks")}
    found = [Pair(p, truths[p.stem]) for p in _files(folder / "images") if p.stem in truths]
    if not found:
        raise UsageError(f"{folder} holds no pictures in images/ with equally named masks/.")
    return found


def pictures(folder: Path) -> list[Path]:
    """All pictures below a folder, by name."""
    return list(_files(folder))


def split(items: Iterable[Pair]) -> tuple[list[Pair], list[Pair]]:
    """(train, dev) by `is_dev` of the picture's file name."""
    train: list[Pair] = []
    dev: list[Pair] = []
    for pair in items:
        (dev if is_dev(pair.picture.name) else train).append(pair)
    return train, dev


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) RGB uint8."""
    return np.ascontiguousarray(_decode(path, cv2.IMREAD_COLOR)[..., ::-1])


def read_cutout(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(H, W, 3) RGB and (H, W) alpha, both uint8."""
    rgba = _decode(path, cv2.IMREAD_UNCHANGED)
    return np.ascontiguousarray(rgba[..., 2::-1]), np.ascontiguousarray(rgba[..., 3])


def _files(folder: Path) -> Iterable[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES)


def _decode(path: Path, flags: int) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    if image is None:
        raise UsageError(f"{path} is not a picture that can be trained on.")
    return np.asarray(image // 257 if image.dtype == np.uint16 else image, np.uint8)
