"""Depth of a shot: one network's answers, steadied from frame to frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from depth_model import NAME, make_depth_model
from PIL import Image

from mattelier.commands.main import main
from mattelier.media.depth_maps import read_depth
from mattelier.requests import DepthRequest, FramesRequest
from mattelier.shot import filter_shot

FRAMES = range(1001, 1025)


def scene(frame: int) -> np.ndarray:
    """A floor that comes nearer, and a bright disc that walks; light trembles, a spark flashes."""
    rows, columns = np.mgrid[:90, :160]
    texture = 8 * np.sin(columns / 5) * np.sin(rows / 4)
    picture = 60 + rows * 0.8 + texture
    picture[np.hypot(rows - 45, columns - 40 - 2 * (frame - 1001)) < 18] = 200
    light = 1 + 0.12 * np.random.default_rng(frame).uniform(-1, 1)
    if frame % 3 == 0:
        picture[4:14, 140:150] = 255
    grey = np.clip(picture * light, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)


@pytest.fixture
def shot(tmp_path, monkeypatch) -> Path:
    make_depth_model(tmp_path / "models")
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    for frame in FRAMES:
        Image.fromarray(scene(frame)).save(tmp_path / f"plate.{frame}.png")
    return tmp_path


def request(shot: Path, output: str, frames: str = "", **depth) -> FramesRequest:
    return FramesRequest(
        str(shot / "plate.####.png"),
        str(shot / output / "depth.####.exr"),
        "depth",
        DepthRequest(**{"model": NAME, **depth}),
        frames=frames,
    )


def maps(folder: Path, frames=FRAMES) -> np.ndarray:
    return np.stack([read_depth(folder / f"depth.{frame}.exr").disparity for frame in frames])


def trembling(depth: np.ndarray) -> float:
    """How much the floor, which nothing passes, comes and goes from frame to frame."""
    return float(np.abs(np.diff(depth[:, 75:88].mean((1, 2)))).mean())


def test_it_is_steady_where_each_frame_alone_is_not(shot):
    assert filter_shot.run(request(shot, "shot")).exit_code == 0
    steady = maps(shot / "shot")
    assert steady.shape == (24, 90, 160)
    for frame in FRAMES:
        picture = str(shot / f"plate.{frame}.png")
        output = str(shot / f"depth.{frame}.exr")
        assert main(["depth", picture, "-o", output, "--depth-model", NAME]) == 0
    alone = maps(shot)
    assert trembling(steady) < 0.1 * trembling(alone)
    disc = [steady[i, 45, 40 + 2 * i] for i in range(24)]
    assert min(disc) > 1.5 * steady[:, 20, :].mean()  # it is near, wherever it has walked
    assert (steady[:, 85, 5] > steady[:, 5, 5]).all()  # and so is the floor below
    assert steady.min() >= 0
    assert steady.max() < 1.3


def test_a_part_of_the_shot_is_as_in_the_whole(shot):
    assert filter_shot.run(request(shot, "whole")).exit_code == 0
    assert filter_shot.run(request(shot, "part", "1020-1021")).exit_code == 0
    part = maps(shot / "part", (1020, 1021))
    np.testing.assert_array_equal(part, maps(shot / "whole", (1020, 1021)))
    assert not (shot / "part" / "depth.1019.exr").exists()


def test_what_is_done_is_kept_and_other_light_is_made_again(shot):
    assert filter_shot.run(request(shot, "out")).exit_code == 0
    again = filter_shot.run(request(shot, "out"))
    assert all(result.kept for result in again.results)
    Image.fromarray(255 - scene(1010)).save(shot / "plate.1010.png")
    changed = filter_shot.run(request(shot, "out"))
    assert not next(r for r in changed.results if r.frame == 1010).kept
    assert changed.exit_code == 0


def test_a_frame_that_cannot_be_read_is_named_and_the_others_are_made(shot):
    (shot / "plate.1005.png").write_bytes(b"\x89PNG nonsense")
    result = filter_shot.run(request(shot, "out"))
    assert str(result.failed) == "1005"
    assert result.exit_code == 3
    assert maps(shot / "out", [f for f in FRAMES if f != 1005]).shape[0] == 23


def test_without_a_network_there_is_no_flat_silhouette(shot, monkeypatch, capsys):
    plate, output = str(shot / "plate.####.png"), str(shot / "depth.####.exr")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MATTELIER_MODELS", str(shot / "none"))
        assert main(["depth", plate, "-o", output]) == 3
    assert "models get depth-anything-v2-small" in capsys.readouterr().err
    assert main(["depth", plate, "-o", output, "--depth-model", "matte"]) == 2
    assert "no depth of a shot" in capsys.readouterr().err
    assert main(["depth", plate, "-o", str(shot / "depth.mov"), "--depth-model", NAME]) == 2
    assert "depth is written as .exr" in capsys.readouterr().err
    assert not list(shot.glob("depth.*"))


def test_bokeh_takes_the_maps(shot):
    assert filter_shot.run(request(shot, "near", "1001-1003")).exit_code == 0
    flags = ["--depth", str(shot / "near" / "depth.####.exr"), "--focus", "40,45"]
    output = ["--frames", "1001-1003", "-o", str(shot / "blurred.####.png"), "--radius", "16"]
    assert main(["bokeh", str(shot / "plate.####.png"), *flags, *output]) == 0
    plate, blurred = (
        np.asarray(Image.open(shot / f"{name}.1001.png").convert("L")).astype(int)
        for name in ("plate", "blurred")
    )
    assert np.abs(plate - blurred)[40:50, 35:45].max() <= 2  # the disc is sharp
    assert blurred[:20].std(1).mean() < 0.5 * plate[:20].std(1).mean()  # what is far is not
