"""Trimap matting against PyMatting, both sides in one run.

Takes a folder with `images/`, a trimap folder and `alphas/` that hold pictures of the same names
(for example the training set of alphamatting.com). SAD is Σ|α − truth| / 1000 over the unknown
pixels, the gradient error that of Rhemann et al. 2009, in thousands. Both sides are warmed up
first, and take turns picture by picture. PyMatting's best solvers are cf (closed form), lbdm and
knn. With --model the solver is also measured as `mattelier matte --trimap` runs it, where that
network, given the trimap, decides what the known colours do not explain.

    python benchmarks/matting.py DATA [--trimap trimap1] [--quality balanced] [--rival cf]
                                 [--model cutout]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from mattelier.matting.refine import refine
from mattelier.metrics.mattes import gradient_error, sad
from mattelier.types.colour import View
from mattelier.types.picture import Picture

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _read(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert(mode))


def _ours(quality: str) -> Method:
    def solve(colour: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        unsure = np.full((8, 8), 0.5, np.float32)
        return refine(View(Picture(colour)), unsure, trimap=trimap, quality=quality)

    return solve


def _with_network(model: str, quality: str) -> Method:
    import mattelier

    def solve(colour: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        return mattelier.matte(colour, trimap=trimap, model=model, quality=quality).alpha

    return solve


def _pymatting(solver: str) -> Method:
    import pymatting

    estimate = getattr(pymatting, f"estimate_alpha_{solver}")

    def solve(colour: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        levels = np.where(trimap == 0, 0.0, np.where(trimap == 255, 1.0, 0.5))
        with contextlib.redirect_stdout(io.StringIO()):  # its preconditioner's warnings
            return np.asarray(estimate(colour / 255.0, levels), np.float32)

    return solve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--trimap", default="trimap1", help="folder of the trimaps")
    parser.add_argument("--quality", default="balanced", choices=("fast", "balanced", "best"))
    parser.add_argument("--rival", default="cf", choices=("cf", "knn", "lbdm", "lkm", "rw"))
    parser.add_argument("--model", help="a network to measure the solver with as well")
    arguments = parser.parse_args()
    methods = {"ours": _ours(arguments.quality), "PyMatting": _pymatting(arguments.rival)}
    if arguments.model:
        methods["with net"] = _with_network(arguments.model, arguments.quality)

    rows = []
    heads = "".join(f"{name + ': SAD':>16}{'gradient':>10}{'s':>8}" for name in methods)
    print(f"{'picture':<12}{'unknown':>9}{heads}")
    for path in sorted((arguments.data / "images").glob("*.png")):
        colour = _read(path, "RGB")
        trimap = _read(arguments.data / arguments.trimap / path.name, "L")
        truth = _read(arguments.data / "alphas" / path.name, "L") / np.float32(255)
        unknown = (trimap != 0) & (trimap != 255)
        row = []
        for method in methods.values():
            if not rows:
                method(colour, trimap)
            start = time.perf_counter()
            alpha = method(colour, trimap)
            seconds = time.perf_counter() - start
            row += [sad(alpha, truth, unknown), gradient_error(alpha, truth, unknown), seconds]
        rows.append(row)
        print(f"{path.stem:<12}{unknown.sum():>9}{_line(row)}", flush=True)
    print(f"{'mean':<21}{_line(np.mean(rows, axis=0))}")


def _line(row: np.ndarray | list[float]) -> str:
    return "".join(f"{value:>{(16, 10, 8)[i % 3]}.2f}" for i, value in enumerate(row))


if __name__ == "__main__":
    main()
