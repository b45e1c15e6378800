"""Writes a set whose truths tell subjects apart, of COCO's annotations: for a recipe's `instances`.

A truth is a map of labels: 0 is nothing that has a name, n the n-th subject, 255 a crowd whose
members are not told apart. Polygons are as exact as their authors were, to some pixels; a recipe
says so in `loose`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.data.coco import Picture, decode, read_truths
from mattelier.types.errors import MattelierError

CROWD = 255

_MIN_SHARE = 0.012  # of the picture: what is smaller nobody cuts out by a click
_PART_SHARE = 0.7  # of a thing, inside another's outline: worn or held by it, its part
_MAX_SUBJECTS = CROWD - 1


def label_map(picture: Picture) -> NDArray[np.uint8] | None:
    """The subjects of a picture, told apart; None of fewer than two.

    Returns
    -------
    ndarray (H, W) uint8 or None

    Raises
    ------
    UsageError
        A mask does not fit the picture.
    """
    size = picture.height, picture.width
    masks: list[NDArray[np.bool_]] = []
    labels = np.zeros(size, np.uint8)
    for row in picture.annotations:
        mask = decode(row["segmentation"], *size)
        if row.get("iscrowd"):
            labels[mask] = CROWD
        elif mask.any():
            masks.append(mask)
    masks.sort(key=lambda mask: -int(mask.sum()))
    wholes: list[NDArray[np.bool_]] = []
    for mask in masks:
        part = any((mask & whole).sum() > _PART_SHARE * mask.sum() for whole in wholes)
        if not part:
            wholes.append(mask)
    # Of two outlines that cross, the smaller is most often what stands in front.
    for label, mask in enumerate(wholes[:_MAX_SUBJECTS], 1):
        labels[mask] = label
    counts = np.bincount(labels.ravel(), minlength=CROWD + 1)[1:CROWD]
    large = [int(n) + 1 for n in np.flatnonzero(counts >= _MIN_SHARE * labels.size)]
    if len(large) < 2:
        return None
    numbers = np.zeros(CROWD + 1, np.uint8)
    numbers[CROWD] = CROWD
    numbers[large] = np.arange(1, len(large) + 1)
    return numbers[labels]


@click.command(
    epilog="""\b
Example:
  python -m mattelier.train.instances --truths instances.json --pictures val2017 --out SET"""
)
@click.option(
    "--truths",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="COCO's JSON of annotations.",
)
@click.option(
    "--pictures",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the pictures that it names.",
)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
def main(truths: Path, pictures: Path, out: Path) -> None:
    """Write OUT/images (links) and OUT/masks of pictures with several subjects."""
    for folder in ("images", "masks"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    found = read_truths(truths).pictures.values()
    written = without = 0
    for picture in found:
        source = pictures / picture.file_name
        if not source.is_file():
            without += 1
            continue
        labels = label_map(picture)
        if labels is None:
            continue
        written += 1
        cv2.imwrite(str(out / "masks" / f"{source.stem}.png"), labels)
        link = out / "images" / source.name
        if not link.is_symlink():
            link.symlink_to(source.resolve())
    click.echo(
        f"{written} of {len(found)} pictures have several subjects, {without} are not there."
    )


if __name__ == "__main__":
    try:
        main()
    except MattelierError as error:
        sys.exit(f"{error}")
