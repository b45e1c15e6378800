"""A picture's objects as files: a Cryptomatte, layers, or a numbered matte of each."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.media import stills
from mattelier.media.cryptomatte import write_cryptomatte
from mattelier.media.layered import LAYER_SUFFIXES, write_layers
from mattelier.types.colour import View, from_float
from mattelier.types.errors import OutputError
from mattelier.types.found import Found
from mattelier.types.picture import Picture
from mattelier.types.result import Layer

_TINT_SHARE = 0.45  # of an object's colour over the picture, in the overview
_DIMMED = 0.5  # how bright the rest is there
_TURN = 0.61803398875  # of the colour circle from one object to the next: neighbours differ


def object_names(objects: Sequence[Found]) -> list[str]:
    """Names by which files and compositors know the objects: "1-person"."""
    names = []
    for number, one in enumerate(objects, 1):
        label = re.sub(r"[^\w]+", "-", one.label).strip("-_").lower()[:60]
        names.append(f"{number}-{label}" if label else f"{number}")
    return names


def write_objects(
    path: Path, objects: Sequence[Found], picture: Picture, *, overwrite: bool = True
) -> None:
    """Write the objects of a picture.

    `.exr` is one Cryptomatte. `.psd` and `.ora` hold the picture and above it a layer of each, cut
    out, the surest on top. Else the file shows which number is which, and beside it lies a matte
    of each: `photo-objects-1-person.png`.

    Raises
    ------
    OutputError
        A matte exists already and is not to be replaced, or the system refuses; nothing was
        written.
    """
    names = object_names(objects)
    if path.suffix.lower() == ".exr":
        alphas = dict(zip(names, shared([one.mask for one in objects]), strict=True))
        write_cryptomatte(path, alphas, picture)
        return
    if path.suffix.lower() in LAYER_SUFFIXES:
        cut = [
            Layer(name, replace(picture, alpha=from_float(one.mask, picture.dtype)))
            for name, one in zip(names, objects, strict=True)
        ]
        write_layers(path, [Layer("picture", picture), *reversed(cut)], picture)
        return
    files = [path.with_name(f"{path.stem}-{name}{path.suffix}") for name in names]
    there = [file for file in files if os.path.lexists(file)]
    if there and not overwrite:
        raise OutputError(f"{there[0]} exists already; add --overwrite to replace it.")
    with _all_or_none(files, there):
        for file, one in zip(files, objects, strict=True):
            stills.write_matte(file, one.mask, like=picture)
        stills.write_cutout(path, draw_overview(objects, picture))


def draw_overview(objects: Sequence[Found], picture: Picture) -> Picture:
    """The picture with its objects tinted and numbered, 8 bit."""
    import cv2

    shown = View(picture).resize(picture.height, picture.width) * np.float32(_DIMMED)
    scale = max(picture.height, picture.width) / 1000
    for number, one in enumerate(objects):
        tint = np.array(_colour(number), np.float32)
        bright = shown / np.float32(_DIMMED)
        cover = one.mask[..., None]
        shown += cover * (bright + np.float32(_TINT_SHARE) * (tint - bright) - shown)
    samples = np.ascontiguousarray(from_float(np.clip(shown, 0, 1), np.dtype(np.uint8)))
    for number, one in enumerate(objects, 1):
        inside = np.pad((one.mask > 0.5).astype(np.uint8), 1)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        text, size = str(number), max(0.5, 1.4 * scale)
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size, 1)
        place = (int(x) - width // 2, int(y) + height // 2)
        for colour, thickness in ((0, max(3, round(6 * scale))), (255, max(1, round(2 * scale)))):
            cv2.putText(
                samples, text, place, cv2.FONT_HERSHEY_DUPLEX, size, (colour,) * 3, thickness,
                cv2.LINE_AA,
            )  # fmt: skip
    return replace(picture, colour=samples, alpha=None, transfer="display", icc=None, metadata={})


def _colour(number: int) -> tuple[float, float, float]:
    import colorsys

    return colorsys.hsv_to_rgb(number * _TURN % 1, 0.85, 1.0)


def shared(masks: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """The masks, less where together they would cover more of a pixel than there is."""
    if not masks:
        return []
    total = np.maximum(np.sum(masks, axis=0), 1).astype(np.float32)
    return [mask / total for mask in masks]


@contextlib.contextmanager
def _all_or_none(files: Sequence[Path], there: Sequence[Path]) -> Iterator[None]:
    """On failure the files that were not there before are taken away again."""
    try:
        yield
    except BaseException:
        for file in files:
            if file not in there:
                file.unlink(missing_ok=True)
        raise
