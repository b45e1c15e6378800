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
from mattelier.train.synthetic_scenes import random_scene, remove_subject
from mattelier.types.colour import View, to_float
from mattelier.types.errors import MattelierError, OutputError, UsageError
from mattelier.types.resize import resize_map

PAIRS_FOLDER, SCENES_FOLDER = "own", "scenes"

_MAX_SIDE_PX = 640  # of a working copy: the network never sees more
_MIN_PICTURES = 4  # of which one can be held back
_VALIDATION_SHARE, _MAX_VALIDATION = 0.2, 40
_RANDOM_SCENES = 24
_RANDOM_SCENE_PX = 384  # a side
_VIEWS_OF_CUTOUT = 4  # each over another scene, with `one_shot`
_SUBJECT_LEVEL, _BACKGROUND_LEVEL = 192, 64  # of 255: surely the one, surely the other


@dataclass(frozen=True)
class CustomPair:
    """A picture and the mask that belongs to it; None: its own alpha says what the subject is."""

    picture: Path
    mask: Path | None


def find_custom_pairs(
    pictures: Path, masks: Path | None, report: Callable[[str], Any]
) -> list[CustomPair]:
    """The pictures of a folder with their masks, by name; or cut-outs, when there are no masks.

    `report` receives a sentence about pictures that have no mask.

    Raises
    ------
    UsageError
        There are none.
    """
    mask_files = index_by_name(masks, INPUT_SUFFIXES) if masks is not None else {}
    picture_files = list_by_name(pictures, INPUT_SUFFIXES)
    pairs = [CustomPair(path, mask_files.get(name)) for name, path in picture_files]
    unpaired = [pair.picture for pair in pairs if masks is not None and pair.mask is None]
    if len(unpaired) == len(pairs):
        what = f"pictures that have masks of the same names in {masks}" if masks else "pictures"
        raise UsageError(f"{pictures} holds no {what}.")
    if unpaired:
        report(
            f"Left out: {len(unpaired)} picture(s) without a mask in {masks}, "
            f"as {unpaired[0].name}."
        )
    return [pair for pair in pairs if masks is None or pair.mask is not None]


def digest_pairs(pairs: Sequence[CustomPair]) -> str:
    """Differs for other pictures, or changed ones."""
    files = [path for pair in pairs for path in (pair.picture, pair.mask) if path]
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def prepare_dataset(
    pairs: Sequence[CustomPair],
    folder: Path,
    *,
    one_shot: bool,
    seed: int,
    report: Callable[[str], Any],
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
    part, train_names = folder.with_name(f"{folder.name}.part"), _file_names(validation=False)
    try:
        shutil.rmtree(part, ignore_errors=True)
        for name in (f"{PAIRS_FOLDER}/images", f"{PAIRS_FOLDER}/masks", SCENES_FOLDER):
            (part / name).mkdir(parents=True)
        written = {
            pair: _write(part, pair, copy, next(train_names), rng)
            for pair, copy in _read_usable(pairs, report)
        }
        if not written:
            raise UsageError("None of these pictures can be trained on; see above.")
        if len(written) < _MIN_PICTURES and not one_shot:
            raise UsageError(
                f"{len(written)} picture(s) are too few to hold one back to judge by; give "
                f"{_MIN_PICTURES}, or add --one-shot to be judged by variations of them."
            )
        wanted = max(1, round(_VALIDATION_SHARE * len(written)))
        held_back = 0 if one_shot else min(_MAX_VALIDATION, wanted)
        order = sorted(written, key=lambda pair: hashlib.sha1(pair.picture.name.encode()).digest())
        for pair, name in zip(order[:held_back], _file_names(validation=True), strict=False):
            for inner in ("images", "masks"):
                inside = part / PAIRS_FOLDER / inner
                (inside / written[pair]).rename(inside / name)
            (part / SCENES_FOLDER / written[pair]).unlink(missing_ok=True)
        if one_shot:
            for pair in (pair for pair in written if pair.mask is None):
                for _ in range(_VIEWS_OF_CUTOUT - 1):  # a cut-out has no place of its own
                    _write(part, pair, _read_copy(pair), next(train_names), rng)
        for number in range(_RANDOM_SCENES):
            scene = random_scene(_RANDOM_SCENE_PX, rng)
            _save(part / SCENES_FOLDER / f"imagined-{number}.png", scene)
        os.replace(part, folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error.strerror}); make room.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(written) - held_back, held_back


def _write(
    folder: Path, pair: CustomPair, copy: tuple[Image, Image], name: str, rng: np.random.Generator
) -> str:
    """Write one working copy, and its picture without the subject as a scene."""
    picture, truth = copy
    if pair.mask is not None:
        _save(folder / SCENES_FOLDER / name, remove_subject(picture, truth))
    else:
        picture = _over_random_scene(picture, truth, rng)
    _save(folder / PAIRS_FOLDER / "images" / name, picture)
    _save(folder / PAIRS_FOLDER / "masks" / name, truth)
    return name


def _read_usable(
    pairs: Sequence[CustomPair], report: Callable[[str], Any]
) -> Iterator[tuple[CustomPair, tuple[Image, Image]]]:
    """Those that can be read and show a subject, copied; of each other it is reported why not."""
    for pair in pairs:
        try:
            picture, truth = _read_copy(pair)
        except MattelierError as error:
            report(f"Left out: {error}")
            continue
        if truth.max() < _SUBJECT_LEVEL:
            report(f"Left out: {pair.mask or pair.picture} shows no subject.")
        elif pair.mask is None and truth.min() > _BACKGROUND_LEVEL:
            report(f"Left out: {pair.picture} has no transparency; say with --masks what is meant.")
        else:
            yield pair, (picture, truth)


def _read_copy(pair: CustomPair) -> tuple[Image, Image]:
    """(h, w, 3) RGB and (h, w) truth of at most 640 pixels a side, uint8."""
    picture = read(pair.picture)
    size = fit(picture.height, picture.width, _MAX_SIDE_PX)
    if pair.mask is not None:
        truth = read_grey(pair.mask)
        if truth.shape != (picture.height, picture.width):
            raise UsageError(f"The mask {pair.mask} is not of its picture's size.")
    elif picture.alpha is not None:
        truth = np.clip(to_float(picture.alpha), 0, 1)
    else:
        truth = np.ones((picture.height, picture.width), np.float32)
    colour, mask = View(picture).resize(*size), resize_map(truth, *size)
    return _to_8_bits(colour), _to_8_bits(mask)


def _over_random_scene(picture: Image, truth: Image, rng: np.random.Generator) -> Image:
    """A cut-out over a random scene: what lies under its transparency is not to be learned."""
    scene = random_scene(_RANDOM_SCENE_PX, rng)
    scene = np.asarray(cv2.resize(scene, truth.shape[::-1]), np.uint8)
    cover = to_float(truth)[..., None]
    return _to_8_bits(to_float(scene) + cover * (to_float(picture) - to_float(scene)))


def _file_names(*, validation: bool) -> Iterator[str]:
    """File names that `is_validation` holds back, or does not."""
    numbers = iter(range(10_000_000))
    return (name for name in (f"{n:05}.png" for n in numbers) if is_validation(name) == validation)


def _to_8_bits(values: Any) -> Image:
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5, np.uint8)


def _save(path: Path, values: Image) -> None:
    code = cv2.imencode(".png", values[..., ::-1] if values.ndim == 3 else values)[1]
    path.write_bytes(code.tobytes())
