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
KINDS = {
    "rgb": (np.uint8, 3),
    "rgba": (np.uint8, 4),
    "grey": (np.uint8, 1),
    "grey-alpha": (np.uint8, 2),
    "u16": (np.uint16, 3),
    "float-linear": (np.float32, 3),
}


@pytest.mark.parametrize("case", cases_in("pictures"))
def test_every_kind(batch, case):
    batch.check(case)


@pytest.fixture(scope="module", params=COMMANDS)
def command_line(request, batch, gimp) -> tuple[str, Path]:
    """A procedure's name, and what its command makes of the pictures where GIMP's engine runs."""
    name = request.param
    given, made = (batch.folder / folder / name for folder in ("given", "made"))
    given.mkdir(parents=True)
    for kind in KINDS:
        suffix = "tif" if kind == "float-linear" else "png"
        write(given / f"{kind}.{suffix}", dumped(batch, name, kind, "before", PHOTO))
    program = [sys.executable, "-m", "mattelier", *COMMANDS[name], given, "-o", made]
    done = subprocess.run(
        gimp.command(*program, "--format", "tiff"), capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return name, made


@pytest.mark.parametrize("case", [CASE])
@pytest.mark.parametrize("kind", KINDS)
def test_the_picture_is_the_command_lines_own(batch, command_line, case, kind):
    name, folder = command_line
    sizes = json.loads((batch.folder / f"{case}.json").read_text("utf-8"))["sizes"]
    before = dumped(batch, name, kind, "before", PHOTO)
    after = dumped(batch, name, kind, "after", sizes[f"{name}-{kind}"])
    (made,) = folder.glob(f"{kind}.*")
    np.testing.assert_array_equal(after, as_samples(stills.read(made), after.shape[2]))
    assert after.shape != before.shape or not np.array_equal(after, before)


def dumped(batch, name: str, kind: str, when: str, size: tuple[int, int]) -> np.ndarray:
    dtype, channels = KINDS[kind]
    raw = np.fromfile(batch.folder / f"{CASE}-{name}-{kind}-{when}.raw", dtype)
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
