"""Draw the README's pictures: each photo beside its cut-out on a checkerboard and on magenta.

    python benchmarks/gallery.py PHOTO... -o FOLDER

The README's come from scikit-image's sample pictures in the public domain (astronaut, camera,
chelsea, clock, coffee, rocket), cut out with the shipped network and default settings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import mattelier

HEIGHT = 300


def panels(photo: Path) -> Image.Image:
    """The photo, its cut-out on a checkerboard, and on magenta, side by side."""
    result = mattelier.cutout(photo)
    colour = result.foreground.astype(np.float32) / 255
    alpha = result.alpha[..., None]
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
    square = max(4, alpha.shape[0] // 30)
    board = np.where((y // square + x // square) % 2, 0.55, 0.8)[..., None]
    magenta = np.array([1, 0, 1], np.float32)
    original = np.asarray(Image.open(photo).convert("RGB"), np.float32) / 255
    row = [original, colour * alpha + board * (1 - alpha), colour * alpha + magenta * (1 - alpha)]
    strip = Image.fromarray(np.rint(np.hstack(row) * 255).astype(np.uint8))
    return strip.resize(
        (round(strip.width * HEIGHT / strip.height), HEIGHT), Image.Resampling.LANCZOS
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for photo in args.photos:
        panels(photo).save(args.output / f"{photo.stem}.jpg", quality=88)


if __name__ == "__main__":
    main()
