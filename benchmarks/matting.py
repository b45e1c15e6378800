"""Trimap matting against PyMatting's closed form, both sides in one run.

Takes a folder with `images/`, a trimap folder and `alphas/` that hold pictures of the same names
(for example the training set of alphamatting.com). SAD is Σ|α − truth| / 1000 over the unknown
pixels. Both sides are warmed up first, and take turns picture by picture.

    python benchmarks/matting.py DATA [--trimap trimap1] [--quality balanced]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from pathlib import Path

import numpy as np
from PIL import Image

from mattelier.colour import View
from mattelier.picture import Picture
from mattelier.tasks.refine import refine


def _read(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert(mode))


def main() -> None:
    from pymatting import estimate_alpha_cf

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--trimap", default="trimap1", help="folder of the trimaps")
    parser.add_argument("--quality", default="balanced", choices=("fast", "balanced", "best"))
    arguments = parser.parse_args()

    def ours(colour: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        unsure = np.full((8, 8), 0.5, np.float32)
        view = View(Picture(colour))
        return refine(view, unsure, trimap=trimap, quality=arguments.quality)

    def theirs(colour: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        levels = np.where(trimap == 0, 0.0, np.where(trimap == 255, 1.0, 0.5))
        with contextlib.redirect_stdout(io.StringIO()):  # its preconditioner's warnings
            return estimate_alpha_cf(colour / 255.0, levels)

    rows = []
    print(f"{'picture':<12}{'unknown':>9}{'SAD':>8}{'PyMatting':>11}{'s':>8}{'PyMatting':>11}")
    for path in sorted((arguments.data / "images").glob("*.png")):
        colour = _read(path, "RGB")
        trimap = _read(arguments.data / arguments.trimap / path.name, "L")
        truth = _read(arguments.data / "alphas" / path.name, "L") / 255.0
        unknown = (trimap != 0) & (trimap != 255)
        row = []
        for method in (ours, theirs):
            if not rows:
                method(colour, trimap)
            start = time.perf_counter()
            alpha = method(colour, trimap)
            seconds = time.perf_counter() - start
            row += [np.abs(alpha - truth)[unknown].sum() / 1000, seconds]
        rows.append(row)
        sad, s, their_sad, their_s = row
        print(
            f"{path.stem:<12}{unknown.sum():>9}{sad:>8.2f}{their_sad:>11.2f}"
            f"{s:>8.2f}{their_s:>11.2f}",
            flush=True,
        )
    sad, s, their_sad, their_s = np.mean(rows, axis=0)
    print(f"{'mean':<21}{sad:>8.2f}{their_sad:>11.2f}{s:>8.2f}{their_s:>11.2f}")


if __name__ == "__main__":
    main()
