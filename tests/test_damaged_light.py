"""One damaged sample of a float picture never makes a result that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from PIL import Image
from random_adain import NAME, bring_in_style

from mattelier.commands.main import main
from mattelier.media import stills
from mattelier.tasks.registry import TASKS

SIZE = 64
ODD = [
    (0, 0, 0, 1e-39),
    (0.5, 0.5, 0.5, 6e-8),
    (1, 1, 1, 1e-30),
    (3e38, 3e38, 3e38, 1),
    (-3e38, -3e38, -3e38, 1),
    (1e30, 1e30, 1e30, 1),
    (np.nan, np.inf, -np.inf, 1),
    (1, 1, 1, np.nan),
]
# What the tasks need besides the picture.
FLAGS = {
    "refine": ["--mask", "mask.png"],
    "erase": ["--mask", "mask.png"],
    "restore": ["--model", "denoise"],
    "style": ["--reference", "mask.png", "--model", NAME],
    "depth": ["--depth-model", "matte"],
    "key": ["--screen", "#2f8f4e"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One picture with all the odd pixels, and each of them alone."""
    root = tmp_path_factory.mktemp("light")
    rng = np.random.default_rng(1)
    samples = np.ones((SIZE, SIZE, 4), np.float32)
    samples[..., :3] = 0.2 + 0.02 * rng.random((SIZE, SIZE, 3))
    samples[16:48, 16:48, :3] += 0.5
    every = samples.copy()
    for number, pixel in enumerate(ODD):
        alone = samples.copy()
        alone[10, 10] = every[7 * number + 3, 9] = pixel
        _save(root / f"{number}.exr", alone)
    _save(root / "all.exr", every)
    mask = np.zeros((SIZE, SIZE, 3), np.uint8)
    mask[16:48, 16:48] = 255
    Image.fromarray(mask).save(root / "mask.png")
    return root


def _save(path: Path, samples: np.ndarray) -> None:
    spec = OpenImageIO.ImageSpec(SIZE, SIZE, 4, "float")
    file = OpenImageIO.ImageOutput.create(str(path))
    assert file.open(str(path), spec)
    assert file.write_image(samples)
    file.close()


def _result(path: Path) -> np.ndarray:
    file = OpenImageIO.ImageInput.open(str(path))
    samples = np.asarray(file.read_image("float"))
    file.close()
    return samples


@pytest.mark.parametrize("task", TASKS)
def test_every_task_gives_finite_pixels(
    task: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(folder)
    if task == "style":
        bring_in_style(tmp_path / "models")
    pictures = ["all.exr", *(f"{number}.exr" for number in range(len(ODD)))]
    # One mask is for one picture; else one command does all.
    masked = task in ("refine", "erase")
    for inputs in [[name] for name in pictures] if masked else [pictures]:
        assert main([task, *inputs, "-o", f"{tmp_path}/", *FLAGS.get(task, [])]) == 0
    for name in pictures:
        assert np.isfinite(_result(tmp_path / name)).all(), name


def test_the_picture_around_a_damaged_pixel_is_what_it_was(folder: Path) -> None:
    with pytest.warns(UserWarning, match="cleaned"):
        colour = stills.read(folder / "3.exr").colour
    sound = np.ones(colour.shape[:2], bool)
    sound[10, 10] = False
    assert colour[sound].min() >= 0.2
    assert colour[sound].max() <= 0.72
