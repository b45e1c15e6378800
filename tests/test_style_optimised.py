"""Optimised painting: its style comes nearer, and all else is kept, as with networks that paint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from run_task import MODELS, run
from zoo_weights import published

from mattelier.commands.main import main
from mattelier.filters.style import optimise
from mattelier.requests import StyleRequest
from mattelier.types.picture import Picture
from mattelier.types.progress import Cancelled, heard_by

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def request_(tmp_path_factory: pytest.TempPathFactory) -> StyleRequest:
    """Random weights, of which no painting becomes fine, but all the same nearer to its style."""
    file = tmp_path_factory.mktemp("weights") / "vgg_conv.pth"
    torch.save({k: torch.from_numpy(v) for k, v in published("gatys").state.items()}, file)
    return StyleRequest(model=str(file), device="cpu", paint_size=128)


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = (optimise._Level(0.5, 6), optimise._Level(1.0, 6))
    monkeypatch.setattr(optimise, "_LEVELS", levels)


def scene(height: int = 72, width: int = 96) -> Picture:
    small = np.random.default_rng(3).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    return Picture(np.asarray(Image.fromarray(small).resize((width, height))))


def stripes(height: int = 64, width: int = 80) -> Picture:
    """A style that is told at a glance: dark blue and yellow, across."""
    rows = (np.arange(height)[:, None, None] // 4 % 2).astype(bool)
    colour = np.where(rows, np.uint8([20, 30, 90]), np.uint8([240, 210, 60]))
    return Picture(np.ascontiguousarray(np.broadcast_to(colour, (height, width, 3))))


def grams(request: StyleRequest, picture: Picture) -> list[np.ndarray[Any, Any]]:
    shown = np.ascontiguousarray(picture.colour.transpose(2, 0, 1)[None] / np.float32(255))
    told = MODELS.open(request.model, "style", "cpu").run({"picture": shown}, "targets")
    return [told[f"gram{n}"] for n in range(1, 6)]


def test_the_style_comes_nearer_and_what_is_shown_stays(request_: StyleRequest) -> None:
    picture, painting = scene(), stripes()
    painted = run(request_, picture, reference=painting).picture
    wanted, before, after = (grams(request_, one) for one in (painting, picture, painted))
    for number in range(5):
        gaps = [np.abs(one[number] - wanted[number]).mean() for one in (before, after)]
        assert gaps[1] < 0.75 * gaps[0], f"relu{number + 1}_1"
    light, was = (one.colour.mean(2).ravel() for one in (painted, picture))
    assert np.corrcoef(light, was)[0, 1] > 0.3


def test_strength_goes_from_the_picture_to_the_style(request_: StyleRequest) -> None:
    picture = scene()

    def at(strength: float) -> np.ndarray[Any, Any]:
        asked = replace(request_, strength=strength)
        return run(asked, picture, reference=stripes()).picture.colour.astype(float)

    np.testing.assert_array_equal(at(0), picture.colour)
    far = [np.abs(at(strength) - picture.colour).mean() for strength in (0.01, 0.1, 1)]
    assert far[0] < far[1] < far[2]
    assert far[0] < 0.2 * far[2]


def test_a_seed_gives_the_same_painting_and_another_one_another(request_: StyleRequest) -> None:
    first, again, other = (
        run(replace(request_, seed=seed), scene(), reference=stripes()).picture.colour
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 1


@pytest.mark.parametrize("size", [(1, 1), (7, 33), (300, 200)])
def test_the_result_has_the_pictures_size(request_: StyleRequest, size: tuple[int, int]) -> None:
    painted = run(request_, scene(*size), reference=stripes()).picture
    assert painted.colour.shape == (*size, 3)


def test_what_is_finer_than_the_painting_comes_from_the_picture(request_: StyleRequest) -> None:
    picture = scene(300, 400)
    colour = picture.colour.copy()
    colour[::2, ::2] //= 2  # a pattern that no painting of 128 pixels can hold
    painted = run(request_, Picture(colour), reference=stripes()).picture.colour.astype(float)
    steps = [np.abs(np.diff(one.mean(2), axis=1)).mean() for one in (painted, colour.astype(float))]
    assert steps[0] > 0.5 * steps[1]


def test_depth_alpha_and_light_are_kept(request_: StyleRequest) -> None:
    source = scene()
    alpha = np.full(source.colour.shape[:2], 65535, np.uint16)
    alpha[:, :30] = 0
    deep = Picture(source.colour.astype(np.uint16) * 257, alpha=alpha, icc=b"profile")
    result = run(request_, deep, reference=stripes()).picture
    assert (result.dtype, result.icc) == (np.uint16, b"profile")
    np.testing.assert_array_equal(result.alpha, alpha)
    linear = Picture(source.colour.astype(np.float32) / 64, transfer="linear")
    result = run(request_, linear, reference=stripes()).picture
    assert (result.dtype, result.transfer) == (np.float32, "linear")
    assert np.isfinite(result.colour).all()
    assert result.colour.min() >= 0


def test_progress_only_grows_and_whoever_leaves_is_obeyed(request_: StyleRequest) -> None:
    told: list[float] = []
    with heard_by(lambda share, stage: told.append(share)):
        run(request_, scene(), reference=stripes())
    assert told == sorted(told)
    assert len(told) > 6
    assert told[-1] == pytest.approx(1)

    def leave(share: float, stage: str) -> None:
        if share > 0.3:
            raise Cancelled

    with heard_by(leave), pytest.raises(Cancelled):
        run(request_, scene(), reference=stripes())


def test_the_command(request_: StyleRequest, tmp_path: Path, capsys: Any) -> None:
    for name, picture in (("a", scene()), ("b", stripes())):
        Image.fromarray(picture.colour).save(tmp_path / f"{name}.png")
    flags = ["--model", request_.model, "--paint-size", "128", "--seed", "3", "--json"]
    files = [str(tmp_path / "a.png"), "--reference", str(tmp_path / "b.png")]
    assert main(["style", *files, *flags]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "vgg_conv"
    painted = np.asarray(Image.open(tmp_path / "a-style.png"))
    asked = replace(request_, seed=3)
    np.testing.assert_array_equal(painted, run(asked, scene(), reference=stripes()).picture.colour)
