"""Pictures that the plug-in makes are those of the command line on the same pixels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from in_gimp import PHOTO, cases_in
from PIL import Image

from mattelier.media import stills
from mattelier.types.picture import Picture

CASE = "pictures.case_each"
COMMANDS = {
    "upscale": ["upscale", "--scale", "3"],
    "portrait-blur": ["bokeh", "--radius", "6"],
    "denoise": ["denoise"],
    "enhance": [
        "enhance", "--white-balance", "0.7", "--tone", "0.6", "--contrast", "0.3",
        "--sharpen", "0.4",
    ],
}  # fmt: skip
IMAGE_TYPES = {
    "rgb": (np.uint8, 3),
    "rgba": (np.uint8, 4),
    "grey": (np.uint8, 1),
    "grey-alpha": (np.uint8, 2),
    "u16": (np.uint16, 3),
    "float-linear": (np.float32, 3),
}


@pytest.mark.parametrize("case", cases_in("pictures"))
def test_every_type(batch, case):
    batch.check(case)


@pytest.fixture(scope="module", params=COMMANDS)
def command_line(request, batch, gimp) -> tuple[str, Path]:
    """A procedure's name, and what its command makes of the pictures where GIMP's engine runs."""
    name = request.param
    inputs, outputs = (batch.folder / folder / name for folder in ("inputs", "outputs"))
    inputs.mkdir(parents=True)
    for image_type in IMAGE_TYPES:
        suffix = "tif" if image_type == "float-linear" else "png"
        write(inputs / f"{image_type}.{suffix}", dumped(batch, name, image_type, "before", PHOTO))
    program = [sys.executable, "-m", "mattelier", *COMMANDS[name], inputs, "-o", outputs]
    done = subprocess.run(
        gimp.command(*program, "--format", "tiff"), capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return name, outputs


@pytest.mark.parametrize("case", [CASE])
@pytest.mark.parametrize("image_type", IMAGE_TYPES)
def test_the_picture_is_the_command_lines_own(batch, command_line, case, image_type):
    name, folder = command_line
    sizes = json.loads((batch.folder / f"{case}.json").read_text("utf-8"))["sizes"]
    before = dumped(batch, name, image_type, "before", PHOTO)
    after = dumped(batch, name, image_type, "after", sizes[f"{name}-{image_type}"])
    (output,) = folder.glob(f"{image_type}.*")
    np.testing.assert_array_equal(after, as_samples(stills.read(output), after.shape[2]))
    assert after.shape != before.shape or not np.array_equal(after, before)


def dumped(batch, name: str, image_type: str, when: str, size: tuple[int, int]) -> np.ndarray:
    dtype, channels = IMAGE_TYPES[image_type]
    raw = np.fromfile(batch.folder / f"{CASE}-{name}-{image_type}-{when}.raw", dtype)
    return raw.reshape(size[1], size[0], channels)


def write(path: Path, samples: np.ndarray) -> None:
    channels = samples.shape[2]
    if channels < 3:  # the engine itself writes no grey pictures
        Image.fromarray(samples.squeeze(2) if channels == 1 else samples).save(path)
        return
    alpha = samples[..., 3] if channels == 4 else None
    linear = samples.dtype == np.float32
    picture = Picture(samples[..., :3], alpha, transfer="linear" if linear else "display")
    stills.write_cutout(path, picture)


def as_samples(picture: Picture, channels: int) -> np.ndarray:
    colour = picture.colour[..., :1] if channels < 3 else picture.colour
    if channels in (2, 4):
        return np.dstack([colour, picture.alpha])
    return colour
