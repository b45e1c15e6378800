"""A user's own pictures and masks as training data: any format in, small working copies out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mattelier.data.pairs import index_by_name, list_by_name
from mattelier.data.splits import is_validation
from mattelier.learning.augment import Image
from mattelier.media.stills import INPUT_SUFFIXES, read, read_grey
from mattelier.media.thumbnails import fit
from mattelier.train.synthetic_scenes import emptied, imagined
from mattelier.types.colour import View, to_float
from mattelier.types.errors import MattelierError, OutputError, UsageError
from mattelier.types.resize import resize_map

SET, SCENES = "own", "scenes"

_LONGEST = 640  # pixels of a working copy: the network never sees more
_FEWEST = 4  # pictures of which one can be held back
_HELD, _MOST_HELD = 0.2, 40
_IMAGINED = 24  # scenes
_VIEWS = 4  # of a cut-out, each over another scene, when there is only one


@dataclass(frozen=True)
class Own:
    """A picture and the mask that belongs to it; None: its own alpha says what the subject is."""

    picture: Path
    mask: Path | None


def find(pictures: Path, masks: Path | None, told: Callable[[str], Any]) -> list[Own]:
    """The pictures of a folder with their masks, by name; or cut-outs, when there are no masks.

    `told` hears of pictures that have no mask.

    Raises
    ------
    UsageError
        There are none.
    """
    named = index_by_name(masks, INPUT_SUFFIXES) if masks is not None else {}
    every = [Own(path, named.get(name)) for name, path in list_by_name(pictures, INPUT_SUFFIXES)]
    alone = [own.picture for own in every if masks is not None and own.mask is None]
    if len(alone) == len(every):
        what = f"pictures that have masks of the same names in {masks}" if masks else "pictures"
        raise UsageError(f"{pictures} holds no {what}.")
    if alone:
        told(f"Left out: {len(alone)} picture(s) without a mask in {masks}, as {alone[0].name}.")
    return [own for own in every if masks is None or own.mask is not None]


def digest(found: Sequence[Own]) -> str:
    """Tells other pictures, or changed ones, from these."""
    files = [path for own in found for path in (own.picture, own.mask) if path]
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def prepare(
    found: Sequence[Own], folder: Path, *, one_shot: bool, seed: int, told: Callable[[str], Any]
) -> tuple[int, int]:
    """Write working copies: `own/images`, `own/masks` and `scenes` in `folder`, whole or not.

    Names are such that those held back count as such for `splits.is_validation`: one picture in
    five, chosen by its own name; none with `one_shot`.

    Returns
    -------
    (pictures to train on, pictures held back)

    Raises
    ------
    UsageError
        No picture can be used, or there are too few to hold one back.
    OutputError
        The folder cannot be written.
    """
    rng = np.random.default_rng(seed)
    part, train = folder.with_name(f"{folder.name}.part"), _names(False)
    try:
        shutil.rmtree(part, ignore_errors=True)
        for name in (f"{SET}/images", f"{SET}/masks", SCENES):
            (part / name).mkdir(parents=True)
        written = {
            own: _write(part, own, copy, next(train), rng) for own, copy in _usable(found, told)
        }
        if not written:
            raise UsageError("None of these pictures can be trained on; see above.")
        if len(written) < _FEWEST and not one_shot:
            raise UsageError(
                f"{len(written)} picture(s) are too few to hold one back to judge by; give "
                f"{_FEWEST}, or add --one-shot to be judged by variations of them."
            )
        held = 0 if one_shot else min(_MOST_HELD, max(1, round(_HELD * len(written))))
        order = sorted(written, key=lambda own: hashlib.sha1(own.picture.name.encode()).digest())
        for own, name in zip(order[:held], _names(True), strict=False):
            for kind in ("images", "masks"):
                (part / SET / kind / written[own]).rename(part / SET / kind / name)
            (part / SCENES / written[own]).unlink(missing_ok=True)
        if one_shot:
            for own in (own for own in written if own.mask is None):
                for _ in range(_VIEWS - 1):  # a cut-out has no place of its own
                    _write(part, own, _copy(own), next(train), rng)
        for number in range(_IMAGINED):
            _save(part / SCENES / f"imagined-{number}.png", imagined(384, rng))
        os.replace(part, folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); make room.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(written) - held, held


def _write(
    folder: Path, own: Own, copy: tuple[Image, Image], name: str, rng: np.random.Generator
) -> str:
    """Write one working copy, and its picture without the subject as a scene."""
    picture, truth = copy
    if own.mask is not None:
        _save(folder / SCENES / name, emptied(picture, truth))
    shown = picture if own.mask is not None else _over(picture, truth, rng)
    _save(folder / SET / "images" / name, shown)
    _save(folder / SET / "masks" / name, truth)
    return name


def _usable(
    found: Sequence[Own], told: Callable[[str], Any]
) -> Iterator[tuple[Own, tuple[Image, Image]]]:
    """Those that can be read and show a subject, copied; says of each other why not."""
    for own in found:
        try:
            picture, truth = _copy(own)
        except MattelierError as error:
            told(f"Left out: {error}")
            continue
        if truth.max() < 192:
            told(f"Left out: {own.mask or own.picture} shows no subject.")
        elif own.mask is None and truth.min() > 64:
            told(f"Left out: {own.picture} has no transparency; say with --masks what is meant.")
        else:
            yield own, (picture, truth)


def _copy(own: Own) -> tuple[Image, Image]:
    """(h, w, 3) RGB and (h, w) truth of at most 640 pixels a side, uint8."""
    picture = read(own.picture)
    size = fit(picture.height, picture.width, _LONGEST)
    if own.mask is not None:
        truth = read_grey(own.mask)
        if truth.shape != (picture.height, picture.width):
            raise UsageError(f"The mask {own.mask} is not of its picture's size.")
    elif picture.alpha is not None:
        truth = np.clip(to_float(picture.alpha), 0, 1)
    else:
        truth = np.ones((picture.height, picture.width), np.float32)
    colour, mask = View(picture).resized(*size), resize_map(truth, *size)
    return _levels(colour), _levels(mask)


def _over(picture: Image, truth: Image, rng: np.random.Generator) -> Image:
    """A cut-out over an imagined scene: what lies under its transparency is not to be learned."""
    scene = imagined(384, rng)
    scene = np.asarray(cv2.resize(scene, truth.shape[::-1]), np.uint8)
    cover = to_float(truth)[..., None]
    return _levels(to_float(scene) + cover * (to_float(picture) - to_float(scene)))


def _names(held: bool) -> Iterator[str]:
    """File names that `is_validation` holds back, or does not."""
    numbers = iter(range(10_000_000))
    return (name for name in (f"{n:05}.png" for n in numbers) if is_validation(name) == held)


def _levels(values: Any) -> Image:
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5, np.uint8)


def _save(path: Path, values: Image) -> None:
    code = cv2.imencode(".png", values[..., ::-1] if values.ndim == 3 else values)[1]
    path.write_bytes(code.tobytes())
