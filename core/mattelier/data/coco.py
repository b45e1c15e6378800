"""Objects of pictures in COCO's JSON (cocodataset.org): truths, and results that others made.

A mask is run lengths, plain or packed as text, or polygons, which are filled to within the pixels
of their outline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.types.errors import UsageError
from mattelier.types.plain_files import read_json

_FINENESS = 8  # samples of a pixel across and down, where a polygon is filled


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of the set: its file's name, size in pixels, and annotations as they stand."""

    file_name: str
    height: int
    width: int
    annotations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Truths:
    """A file of truths: pictures by their number, and classes' names by theirs."""

    path: Path
    pictures: Mapping[int, Picture]
    labels: Mapping[int, str]


def read_truths(path: Path) -> Truths:
    """What a file of COCO's annotations holds.

    Raises
    ------
    UsageError
        It cannot be read, or is no such file.
    """
    values = _read(path)
    try:
        labels = {int(row["id"]): str(row["name"]) for row in values["categories"]}
        rows: dict[int, list[Mapping[str, Any]]] = {int(row["id"]): [] for row in values["images"]}
        for row in values["annotations"]:
            rows[int(row["image_id"])].append({**row, "label": labels[int(row["category_id"])]})
        pictures = {
            int(row["id"]): Picture(
                str(row["file_name"]), int(row["height"]), int(row["width"]),
                tuple(rows[int(row["id"])]),
            )
            for row in values["images"]
        }  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} holds no COCO annotations of objects ({error}).") from error
    return Truths(path, pictures, labels)


def read_results(path: Path, truths: Truths) -> dict[int, list[Mapping[str, Any]]]:
    """Results in COCO's format: a list of picture, class, score and mask; by the picture's number.

    Raises
    ------
    UsageError
        It cannot be read, is no such file, or speaks of pictures or classes that are not there.
    """
    values = _read(path)
    found: dict[int, list[Mapping[str, Any]]] = {}
    try:
        for row in values:
            label = truths.labels[int(row["category_id"])]
            if int(row["image_id"]) not in truths.pictures:
                raise KeyError(row["image_id"])
            plain = {**row, "label": label, "score": float(row["score"])}
            found.setdefault(int(row["image_id"]), []).append(plain)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} holds no COCO results for {truths.path} ({error}).") from error
    return found


def decode(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """The mask (H, W) that run lengths or polygons describe.

    Raises
    ------
    UsageError
        They describe none of this size.
    """
    try:
        if isinstance(segmentation, Mapping):
            size = tuple(int(length) for length in segmentation["size"])
            counts = segmentation["counts"]
            lengths = _unpack(counts) if isinstance(counts, str) else [int(n) for n in counts]
            if size != (height, width) or sum(lengths) != height * width or min(lengths) < 0:
                raise ValueError("another size")
            values = np.arange(len(lengths)) % 2 == 1
            return np.repeat(values, lengths).reshape(width, height).T
        return _fill(segmentation, height, width)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UsageError(f"A mask of {width}×{height} pixels cannot be read ({error}).") from error


def _fill(polygons: Iterable[Iterable[float]], height: int, width: int) -> NDArray[np.bool_]:
    """Pixels of which polygons cover half or more."""
    mask = np.zeros((height, width), bool)
    for polygon in polygons:
        corners = np.asarray(polygon, np.float64).reshape(-1, 2)
        x0, y0 = np.clip(np.floor(corners.min(0)), 0, (width, height)).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(0)), 0, (width, height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            continue
        fine = np.zeros(((y1 - y0) * _FINENESS, (x1 - x0) * _FINENESS), np.uint8)
        # Samples' middles lie at half numbers in the file, and at whole ones in OpenCV.
        places = np.rint((corners - (x0, y0)) * _FINENESS - 0.5).astype(np.int32)
        cv2.fillPoly(fine, [places], 1)
        blocks = fine.reshape(y1 - y0, _FINENESS, x1 - x0, _FINENESS)
        mask[y0:y1, x0:x1] |= blocks.mean((1, 3)) >= 0.5
    return mask


def _unpack(text: str) -> list[int]:
    """Run lengths of their text: five bits a character, and each less the last but one."""
    lengths: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    return lengths


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as JSON: {error}.") from error
