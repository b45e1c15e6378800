"""Draw the README's before/after strips with the shipped networks and default settings.

    python benchmarks/before_after.py FOLDER -o benchmarks/gallery

FOLDER holds astronaut.png, chelsea.png, coffee.png and rocket.jpg: sample pictures of scikit-image,
in the public domain or CC0.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import mattelier

Pixels = NDArray[np.uint8]

_HEIGHT = 300
_GAP = 6


def enlarged(folder: Path) -> list[Pixels]:
    """A quarter of the coffee cup's size: bicubic, ours."""
    photo = _opened(folder / "coffee.png")
    small = photo.resize((photo.width // 4, photo.height // 4), Image.Resampling.BICUBIC)
    plain = small.resize((small.width * 4, small.height * 4), Image.Resampling.BICUBIC)
    ours = mattelier.upscale(np.asarray(small), 4).picture.colour
    window = (slice(60, 60 + _HEIGHT), slice(150, 150 + 420))
    return [np.asarray(plain)[window], ours[window]]


def enlarged_photo(folder: Path) -> list[Pixels]:
    """A small, noisy, hard-pressed JPEG of the cat: bicubic, ours with `denoise`."""
    photo = _opened(folder / "chelsea.png")
    small = photo.resize((photo.width // 3, photo.height // 3), Image.Resampling.BICUBIC)
    noisy = np.asarray(small) + np.random.default_rng(1).normal(0, 6, (*small.size[::-1], 3))
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "jpeg", quality=45)
    small = Image.open(file).convert("RGB")
    plain = small.resize((small.width * 4, small.height * 4), Image.Resampling.BICUBIC)
    ours = mattelier.upscale(np.asarray(small), 4, denoise=1).picture.colour
    window = (slice(60, 60 + _HEIGHT), slice(130, 130 + 420))
    return [np.asarray(plain)[window], ours[window]]


def denoised(folder: Path) -> list[Pixels]:
    """The astronaut under noise of 25 levels: noisy, ours."""
    photo = np.asarray(_opened(folder / "astronaut.png"), np.float32)
    noise = np.random.default_rng(1).normal(0, 25, photo.shape)
    noisy = np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8)
    ours = mattelier.denoise(noisy).picture.colour
    window = (slice(20, 20 + _HEIGHT), slice(90, 90 + 330))
    return [noisy[window], ours[window]]


def blurred(folder: Path) -> list[Pixels]:
    """The astronaut as she is, and before a wide lens; the depth is the matte's alone."""
    photo = np.asarray(_opened(folder / "astronaut.png"))
    ours = mattelier.bokeh(photo, radius=12, highlights=True).picture.colour
    return [photo, ours]


def mended(folder: Path) -> list[Pixels]:
    """The rocket at dusk: as it is, and as `--auto` makes it."""
    photo = np.asarray(_opened(folder / "rocket.jpg"))
    light = {"white_balance": 0.5, "tone": 0.6, "contrast": 0.2, "saturation": 0.1, "sharpen": 0.2}
    return [photo, mattelier.enhance(photo, **light).picture.colour]


def matched(folder: Path) -> list[Pixels]:
    """The cat, and the cat in the look of the rocket's evening."""
    photo = np.asarray(_opened(folder / "chelsea.png"))
    look = np.asarray(_opened(folder / "rocket.jpg"))
    return [photo, mattelier.enhance(photo, match=look).picture.colour]


STRIPS: dict[str, Callable[[Path], list[Pixels]]] = {
    "upscale": enlarged,
    "upscale-photo": enlarged_photo,
    "denoise": denoised,
    "bokeh": blurred,
    "enhance": mended,
    "match": matched,
}


def _opened(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def _side_by_side(panels: list[Pixels]) -> Image.Image:
    row = [Image.fromarray(panel) for panel in panels]
    row = [
        panel
        if panel.height == _HEIGHT
        else panel.resize(
            (round(panel.width * _HEIGHT / panel.height), _HEIGHT), Image.Resampling.LANCZOS
        )
        for panel in row
    ]
    width = sum(panel.width for panel in row) + _GAP * (len(row) - 1)
    strip, x = Image.new("RGB", (width, _HEIGHT), "white"), 0
    for panel in row:
        strip.paste(panel, (x, 0))
        x += panel.width + _GAP
    return strip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name, panels in STRIPS.items():
        _side_by_side(panels(args.folder)).save(args.output / f"{name}.jpg", quality=90)


if __name__ == "__main__":
    main()
