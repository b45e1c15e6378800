"""Writes the part of a set that a recipe needs apart from the rest, judged by its truths alone.

Groups are pasted of whole, single subjects: a pair of half dogs teaches a click that two halves are
one. And holes, rings and thin parts are rare, so that they are shown more often.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.data.pairs import find_pairs
from mattelier.types.errors import MattelierError

Truth = NDArray[np.uint8]

_SUBJECT = 100  # of 255, so that a trimap's unknown fur is the subject's
_SINGLE_AREA = 0.95  # of the subject, in its largest piece
_LEAST_AREA = 0.03  # of the picture
_MOST_CUT = 0.22  # of the subject's box's rim, that may lie on the picture's border
_HOLE_AREA, _HOLES_AREA = 0.0005, 0.001  # of the picture: a hole that counts, and all of them
_LEAST_FINE_AREA = 0.02  # of the picture
_THIN_WIDTH = 0.01  # of the longer side
_THIN_AREA = 0.03  # of the subject


def is_single(truth: Truth) -> bool:
    """Whether a truth, (H, W) uint8, is of one subject that the picture shows as a whole."""
    subject = (truth > _SUBJECT).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(subject)
    if count < 2:
        return False
    largest = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    width, height, area = (int(value) for value in largest[2:5])
    if area < max(_SINGLE_AREA * int(subject.sum()), _LEAST_AREA * subject.size):
        return False
    rim = np.concatenate([subject[0], subject[-1], subject[:, 0], subject[:, -1]])
    return int(rim.sum()) <= _MOST_CUT * 2 * (width + height)


def is_fine(truth: Truth) -> bool:
    """Whether a truth, (H, W) uint8, has holes that count or much that is thin."""
    subject = (truth > 127).astype(np.uint8)
    if subject.sum() < _LEAST_FINE_AREA * subject.size:
        return False
    _, labels, stats, _ = cv2.connectedComponentsWithStats(1 - subject, connectivity=4)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    areas = stats[:, cv2.CC_STAT_AREA].astype(float) / subject.size
    areas[np.unique(border)] = 0
    areas[0] = 0  # the subject itself
    if areas[areas >= _HOLE_AREA].sum() > _HOLES_AREA:
        return True
    side = 2 * max(1, round(_THIN_WIDTH * max(subject.shape) / 2)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    thin = subject & (1 - np.asarray(cv2.morphologyEx(subject, cv2.MORPH_OPEN, disc)))
    return int(thin.sum()) > _THIN_AREA * int(subject.sum())


KINDS: dict[str, Callable[[Truth], bool]] = {"single": is_single, "fine": is_fine}


@click.command(
    epilog="""\b
Example:
  python -m mattelier.train.subset --set DATA/train/animals --of single --out DATA/single/animals"""
)
@click.option(
    "--set",
    "source",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with images/ and masks/.",
)
@click.option("--of", "kind", required=True, type=click.Choice(list(KINDS)))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(source: Path, kind: str, out: Path) -> None:
    """Write OUT/images and OUT/masks (links) of what is single, or has fine parts."""
    pairs = find_pairs(source)
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    chosen = [pair for pair in pairs if KINDS[kind](pair.read()[1])]
    for pair in chosen:
        for folder, file in (("images", pair.picture), ("masks", pair.truth)):
            link = out / folder / file.name
            if not link.is_symlink():
                link.symlink_to(file.resolve())
    click.echo(f"{len(chosen)} of {len(pairs)} pictures.")


if __name__ == "__main__":
    try:
        main()
    except MattelierError as error:
        sys.exit(f"{error}")
