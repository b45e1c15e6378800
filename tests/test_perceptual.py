"""LPIPS: the distance that the package of its authors gives, and `evaluate --measure looks`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo_weights
from numpy.typing import NDArray
from PIL import Image

from mattelier.commands.main import main
from mattelier.engines.perceptual import PerceptualDistance
from mattelier.types.errors import ModelError, PictureError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_thread")

HELD = np.load(Path(__file__).with_name("zoo_vectors") / "lpips.npz")
NETS = ("alex", "vgg", "squeeze")


def files(folder: Path, net: str) -> tuple[Path, Path]:
    """The two files of a network, as torchvision and the package publish them."""
    layout = json.loads(HELD[f"layout/{net}"].tobytes())
    state = zoo_weights.weights((name, tuple(shape)) for name, shape in layout.items())
    linear = {name: np.abs(v) for name, v in state.items() if name.startswith("lin")}
    backbone = {name: v for name, v in state.items() if name not in linear}
    backbone["classifier.1.weight"] = np.zeros((2, 3), np.float32)
    paths = (folder / f"{net}net.pth", folder / f"{net}.pth")
    for path, part in zip(paths, (backbone, linear), strict=True):
        torch.save({name: torch.from_numpy(values) for name, values in part.items()}, path)
    return paths


def picture(number: int) -> NDArray[np.uint8]:
    """0: the truth; from 1 on worse and worse ones."""
    clean = (zoo_weights.picture(72, 88)[0].transpose(1, 2, 0) * 255).round()
    if number:
        grain = np.random.RandomState(number).normal(0, 6 * number, clean.shape)
        clean = clean + grain + 10 * np.sin(np.arange(88) / (3 * number))[None, :, None]
    return clean.clip(0, 255).round().astype(np.uint8)


@pytest.mark.parametrize("net", NETS)
def test_it_is_the_distance_of_the_authors_package(tmp_path: Path, net: str) -> None:
    distance = PerceptualDistance(*files(tmp_path, net), device="cpu")
    ours = [distance(picture(number), picture(0)) for number in (1, 2, 3)]
    np.testing.assert_allclose(ours, HELD[net], rtol=1e-4)
    assert distance(picture(0), picture(0)) == 0


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    backbone, _ = files(tmp_path, "alex")
    _, linear = files(tmp_path, "vgg")
    with pytest.raises(ModelError, match=r"vgg\.pth is not LPIPS's file for alexnet\.pth"):
        PerceptualDistance(backbone, linear)
    with pytest.raises(ModelError, match=r"vgg\.pth is not torchvision's"):
        PerceptualDistance(linear, linear)


def test_pictures_that_are_too_small_are_told(tmp_path: Path) -> None:
    distance = PerceptualDistance(*files(tmp_path, "alex"), device="cpu")
    with pytest.raises(PictureError, match="32 pixels"):
        distance(picture(1)[:20], picture(0)[:20])


def test_evaluate_ranks_by_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("truth", "near", "far"):
        (tmp_path / folder).mkdir()
    for name, number in (("truth", 0), ("near", 1), ("far", 3)):
        for place in "ab":
            Image.fromarray(picture(number)).save(tmp_path / name / f"{place}.png")
    backbone, linear = map(str, files(tmp_path, "squeeze"))
    results = [f"--results={tmp_path / name}" for name in ("near", "far")]
    wanted = ["evaluate", *results, f"--truth={tmp_path / 'truth'}", "--measure", "looks"]
    page = tmp_path / "page.html"
    flags = ["--lpips", backbone, linear, "--device", "cpu", "--json", "--report", str(page)]
    assert main([*wanted, *flags]) == 0
    near, far = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert near["lpips"] == pytest.approx(HELD["squeeze"][0], rel=1e-4)
    assert far["lpips"] == pytest.approx(HELD["squeeze"][2], rel=1e-4)
    assert near["psnr_y"] > far["psnr_y"]
    assert "LPIPS ↓" in page.read_text("utf-8")
    assert main(wanted) == 2
    assert "--lpips" in capsys.readouterr().err


def test_what_is_mended_at_its_own_size_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the shipped network against noise, which is what `restore` takes where none is named."""
    for name, number in (("noisy", 3), ("truth", 0)):
        (tmp_path / name).mkdir()
        Image.fromarray(picture(number)).save(tmp_path / name / "a.png")
    backbone, linear = map(str, files(tmp_path, "alex"))
    wanted: list[Any] = ["evaluate", str(tmp_path / "noisy"), f"--truth={tmp_path / 'truth'}"]
    wanted += ["--measure", "looks", "--lpips", backbone, linear, "--device", "cpu", "--json"]
    assert main([*wanted, "--model", "denoise", "--results", str(tmp_path / "noisy")]) == 0
    before, after = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert after["psnr_y"] > before["psnr_y"] + 1
    assert after["lpips"] < before["lpips"]
