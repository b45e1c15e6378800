"""Writes a set whose truths tell subjects apart, of COCO's annotations: for a recipe's `instances`.

A truth is a map of labels (`data.subjects`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import cv2

from mattelier.data.coco import read_truths
from mattelier.data.subjects import label_map
from mattelier.types.errors import MattelierError


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
