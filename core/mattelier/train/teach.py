"""`python -m mattelier.train.teach`: truths mended by what a large network answers.

A hand-drawn outline knows which thing is meant, and is some pixels off with its holes filled; a
large network sees every spoke, and now and then misses half the thing. Where the two agree on the
whole, the network's answer is the better truth: its edges, what is thin, and holes that the outline
closes. A large part that only one of them has stays unknown (128), and a picture in which they do
not agree is left out. Pictures without an outline are taken as the network answers, where it is
sure of itself. The result is a set for a recipe's `soft`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.data.pairs import Pair, find_pairs, list_pictures
from mattelier.metrics.masks import iou
from mattelier.train.cutout_samples import wide_haze
from mattelier.types.errors import MattelierError

_MIN_AGREEMENT = 0.8  # IoU from which a picture is taught at all
_DETAIL_SHARE = 0.02  # of the longer side: narrower differences are detail
_MAX_HAZE = 0.08  # of the picture
_MIN_SUBJECT = 0.005  # of the picture
_UNKNOWN = 128

Grey = NDArray[np.uint8]


def mend_truth(truth: Grey, answer: Grey) -> Grey | None:
    """The network's answer, unknown where a large part is one's alone; None: they do not agree.

    Parameters
    ----------
    truth : (H, W) uint8
        255 subject, 128 unknown, 0 background.
    answer : (H, W) uint8
        Alpha.
    """
    known = (truth > 192) | (truth < 64)
    subject, found = truth > 192, answer > 127
    # Outlines fill wheels and the backs of chairs: by what an outline can say they agree or not.
    if not subject.any() or iou(_filled(found)[known], _filled(subject)[known]) < _MIN_AGREEMENT:
        return None
    width = 2 * max(1, round(_DETAIL_SHARE * max(truth.shape) / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    differs = ((found != subject) & known).astype(np.uint8)
    large = cv2.morphologyEx(differs, cv2.MORPH_OPEN, disc)
    count, labels = cv2.connectedComponents(large)
    mended = answer.copy()
    for label in range(1, count):
        part = labels == label
        # With the thin rest around it that the opening took off.
        grown = (cv2.dilate(part.astype(np.uint8), disc) > 0) & (differs > 0)
        beside = cv2.dilate(grown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        is_hole = subject[part].all() and subject[beside].all()
        if not is_hole:
            mended[grown] = _UNKNOWN
    return mended


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with its holes: all that the outside does not reach."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(outside, connectivity=4)
    return np.asarray(labels != labels[0, 0])[1:-1, 1:-1]


def is_plain(answer: Grey) -> bool:
    """Whether a network's answer by itself is sure enough to teach: a subject, and little haze.

    Spokes, strands and fur are no haze, though hardly a pixel there is sure.
    """
    subject, haze = float((answer > 127).mean()), float(wide_haze(answer).mean())
    return subject >= _MIN_SUBJECT and haze <= _MAX_HAZE


@click.command(
    epilog="""\b
Example:
  python -m mattelier.train.teach --set train/vehicles --answers labels --out taught/vehicles"""
)
@click.option(
    "--set",
    "source",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="images/ and masks/ of a set, or pictures alone.",
)
@click.option(
    "--answers",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The network's alphas, of the pictures' names.",
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(source: Path, answers: Path, out: Path) -> None:
    """Write OUT/images (links) and OUT/masks for a recipe's `soft` sets.

    Pictures without an answer are passed over: the same command goes on when more are there.
    """
    found = {path.stem: path for path in list_pictures(answers)}
    outlined = (source / "masks").is_dir()
    pairs = (
        find_pairs(source)
        if outlined
        else [Pair(path, found.get(path.stem, path)) for path in list_pictures(source)]
    )
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    taught = without = 0
    for pair in pairs:
        if pair.picture.stem not in found:
            without += 1
            continue
        answer = Pair(pair.picture, found[pair.picture.stem]).read()[1]
        truth = mend_truth(pair.read()[1], answer) if outlined else answer
        if truth is None or not is_plain(np.where(truth == _UNKNOWN, 0, truth).astype(np.uint8)):
            continue
        taught += 1
        cv2.imwrite(str(out / "masks" / f"{pair.picture.stem}.png"), truth)
        link = out / "images" / pair.picture.name
        if not link.is_symlink():
            link.symlink_to(pair.picture.resolve())
    click.echo(f"{taught} of {len(pairs)} pictures are taught, {without} have no answer.")


if __name__ == "__main__":
    try:
        main()
    except MattelierError as error:
        sys.exit(f"{error}")
