"""Pictures with their truths on disk: which there are, what belongs together, how one is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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


def find_pairs(folder: Path) -> list[Pair]:
    """All pairs of a folder that holds `images/` and `masks/` with the same stems, by name."""
    truths = {path.stem: path for path in _files(folder / "masks")}
    pairs = [Pair(p, truths[p.stem]) for p in _files(folder / "images") if p.stem in truths]
    if not pairs:
        raise UsageError(f"{folder} holds no pictures in images/ with equally named masks/.")
    return pairs


def list_pictures(folder: Path) -> list[Path]:
    """All pictures below a folder, by name."""
    return list(_files(folder))


def list_by_name(folder: Path, suffixes: Collection[str]) -> list[tuple[str, Path]]:
    """All files below a folder with these suffixes, and their names: path below it, no suffix."""
    files = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if not hidden and path.suffix.lower() in suffixes and path.is_file():
            files.append((relative.with_suffix("").as_posix(), path))
    return files


def index_by_name(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Those files by their names.

    Raises
    ------
    UsageError
        Two files share a name.
    """
    files: dict[str, Path] = {}
    for name, path in list_by_name(folder, suffixes):
        if name in files:
            raise UsageError(f"{path} and {files[name].name} share a name; remove one of them.")
        files[name] = path
    return files


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
