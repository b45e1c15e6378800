"""Denoising against OpenCV's non-local means: PSNR at known noise, and time.

    python benchmarks/denoise.py PICTURE... [--sigma 10 25 50] [--megapixels 12]

White noise of each strength is put on clean pictures, clipped and rounded to 8 bits as a file
holds it. Non-local means is told the truth: of several strengths the one that comes closest counts.
Ours is told nothing ("auto"), and beside it the noise's strength ("told"). PSNR in dB on RGB. The
time is for one picture of the given size, put together from the pictures; each the least of three.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import mattelier
from mattelier.filters.denoise import STRONGEST
from mattelier.media.stills import read

_SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1)  # of σ: where the best strength may lie

Colour = NDArray[np.uint8]


def noisy(colour: Colour, sigma: float, seed: int) -> Colour:
    noise = np.random.default_rng(seed).normal(0, sigma, colour.shape)
    return np.clip(np.rint(colour + noise), 0, 255).astype(np.uint8)


def psnr(result: Colour, truth: Colour) -> float:
    return float(10 * np.log10(255**2 / np.mean((result.astype(float) - truth) ** 2)))


def non_local_means(colour: Colour, strength: float) -> Colour:
    result = cv2.fastNlMeansDenoisingColored(colour, None, strength, strength, 7, 21)
    return np.asarray(result, np.uint8)


def least_seconds(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def tile_to_megapixels(pictures: list[Colour], megapixels: float) -> Colour:
    """The pictures side by side, over and over, cut to 4:3."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    tile = np.hstack([cv2.resize(p, (512, 512)) for p in pictures[:4]])
    times = (-(-height // tile.shape[0]), -(-width // tile.shape[1]), 1)
    return np.ascontiguousarray(np.tile(tile, times)[:height, :width])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--sigma", nargs="+", type=float, default=[10, 25, 50])
    parser.add_argument("--megapixels", type=float, default=12)
    args = parser.parse_args()
    truths = [read(path).colour for path in args.pictures]
    strengths = {s: min(1, s / 255 / STRONGEST) for s in args.sigma}
    for sigma in args.sigma:
        print(f"σ = {sigma:g}: picture, noisy, non-local means, ours (auto), ours (told)")
        rows = []
        for number, (path, truth) in enumerate(zip(args.pictures, truths, strict=True)):
            noised = noisy(truth, sigma, number)
            theirs = max(psnr(non_local_means(noised, s * sigma), truth) for s in _SHARES)
            ours = (
                psnr(mattelier.denoise(noised, strength=s, device="cpu").picture.colour, truth)
                for s in (None, strengths[sigma])
            )
            rows.append((psnr(noised, truth), theirs, *ours))
            print(f"  {path.stem:26}", *(f"{value:6.2f}" for value in rows[-1]), flush=True)
        print(f"  {'mean':26}", *(f"{value:6.2f}" for value in np.mean(rows, axis=0)))
    if args.megapixels:
        noised = noisy(tile_to_megapixels(truths, args.megapixels), 25, 0)
        ours = least_seconds(lambda: mattelier.denoise(noised, device="cpu"))
        theirs = least_seconds(lambda: non_local_means(noised, 12.5))
        print(
            f"{noised.shape[1]}×{noised.shape[0]}: ours {ours:.1f} s, "
            f"non-local means {theirs:.1f} s ({theirs / ours:.1f} times as long)"
        )


if __name__ == "__main__":
    main()
