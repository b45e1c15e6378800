"""Enhancing: what is not asked for stays to the bit, and everything but the look is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_task import MODELS, run

import mattelier
from mattelier.commands.main import main
from mattelier.media import stills
from mattelier.requests import EnhanceRequest, from_json, to_json
from mattelier.tasks.registry import TASKS
from mattelier.types.picture import Picture, Window
from mattelier.types.progress import heard_by

TASK = TASKS["enhance"].load()

ALL = EnhanceRequest(white_balance=1, tone=1, contrast=0.6, saturation=0.5, sharpen=0.6)
EACH = [
    EnhanceRequest(white_balance=1),
    EnhanceRequest(tone=1),
    EnhanceRequest(contrast=0.8),
    EnhanceRequest(contrast=-0.8),
    EnhanceRequest(saturation=0.8),
    EnhanceRequest(saturation=-1),
    EnhanceRequest(sharpen=1),
]


def scene(height: int = 120, width: int = 160, dtype: type = np.uint8, seed: int = 4) -> Picture:
    """Warm light, dark; patches, a gradient and grain."""
    random = np.random.default_rng(seed)
    patches = random.random((6, 8, 3)) * [0.5, 0.38, 0.25]
    colour = np.kron(patches, np.ones((-(-height // 6), -(-width // 8), 1)))[:height, :width]
    colour = colour * np.linspace(0.6, 1, width)[:, None] + random.normal(0, 0.004, colour.shape)
    if dtype is np.float32:
        return Picture(np.abs(colour).astype(np.float32), transfer="linear")
    top = np.iinfo(dtype).max
    return Picture(np.rint(np.clip(colour, 0, 1) * top).astype(dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_strength_0_is_the_picture_itself(dtype: type) -> None:
    picture = scene(dtype=dtype)
    assert run(EnhanceRequest(), picture).picture is picture
    unmatched = EnhanceRequest(match_strength=0)
    assert run(unmatched, picture, reference=scene(seed=1)).picture is picture


@pytest.mark.parametrize("request_", EACH)
def test_each_quality_changes_the_picture(request_: EnhanceRequest) -> None:
    picture = scene()
    result = run(request_, picture).picture.colour
    assert (result != picture.colour).any()
    slight = {
        name: value * 1e-3 for name, value in to_json(request_).items() if isinstance(value, float)
    }
    near = run(EnhanceRequest(**slight), picture).picture.colour.astype(int)
    assert np.abs(near - picture.colour).max() <= 1  # from nothing on, without a jump


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_depth_profile_alpha_and_exif_are_kept(dtype: type) -> None:
    picture = scene(dtype=dtype)
    alpha = np.linspace(0, 1, 160)[None].repeat(120, 0)
    alpha = (alpha * (1 if dtype is np.float32 else np.iinfo(dtype).max)).astype(dtype)
    window = Window(3, 4, 0, 0, 200, 200)
    rich = replace(picture, alpha=alpha, icc=b"profile", exif=b"exif", window=window)
    result = run(ALL, rich, reference=scene(seed=8)).picture
    assert result.dtype == dtype
    assert result.colour.shape == picture.colour.shape
    assert (result.icc, result.exif, result.window) == (b"profile", b"exif", window)
    np.testing.assert_array_equal(result.alpha, alpha)


def test_deep_samples_use_their_depth() -> None:
    """A smooth 16-bit gradient does not come back in steps of 8 bits."""
    row = np.linspace(2000, 60000, 640).astype(np.uint16)
    picture = Picture(np.ascontiguousarray(np.broadcast_to(row[None, :, None], (64, 640, 3))))
    result = run(EnhanceRequest(tone=1, contrast=0.3), picture).picture.colour[32, :, 1]
    assert len(np.unique(result)) > 500


def test_scene_linear_light_above_1_is_not_clipped() -> None:
    picture = scene(dtype=np.float32)
    picture.colour[40:44, 40:44] = 30.0
    picture.colour[80, 80] = (-0.01, 0.2, 0.1)
    result = run(ALL, picture).picture.colour
    assert np.isfinite(result).all()
    assert result[40:44, 40:44].min() > 8
    assert result[80, 80, 0] < 0.05


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_linear_picture_may_be_exposed_as_it_likes(factor: float) -> None:
    """White balance, contrast and sharpening do not depend on the unit of light."""
    picture = scene(dtype=np.float32)
    request = EnhanceRequest(white_balance=1, contrast=0.5, sharpen=0.5)
    expected = run(request, picture).picture.colour
    other = replace(picture, colour=picture.colour * np.float32(factor))
    result = run(request, other).picture.colour / factor
    middle = np.median(picture.colour)
    assert np.abs(result - expected).mean() < 0.05 * middle


def test_grey_stays_grey() -> None:
    grey = scene().colour[..., :1].repeat(3, axis=2)
    result = run(ALL, Picture(grey, grey=True), reference=scene(seed=8)).picture.colour
    assert (result != grey).any()
    np.testing.assert_array_equal(result[..., 0], result[..., 1])
    np.testing.assert_array_equal(result[..., 0], result[..., 2])


def test_what_alpha_hides_has_no_influence() -> None:
    results = []
    for hidden in (0, 255):
        picture = scene(160, 240)
        alpha = np.full((160, 240), 255, np.uint8)
        alpha[:, :100] = 0
        picture.colour[:, :100] = hidden
        result = run(ALL, replace(picture, alpha=alpha), reference=scene(seed=8)).picture
        results.append(result.colour[:, 100:].astype(int))
    # Sharpening's bounds are the neighbours', so the very edge may differ a little.
    assert np.abs(results[0] - results[1])[:, 8:].max() <= 1


def test_tiles_leave_no_seams() -> None:
    """The result of a picture of several tiles is that of its part in one."""
    picture = scene(600, 1100)
    request = replace(ALL, contrast=0, tone=0)
    look = TASK.settle(request, [picture])
    whole = TASK.run(request, picture, MODELS, **look).picture.colour
    part = replace(picture, colour=np.ascontiguousarray(picture.colour[400:600, 400:700]))
    alone = TASK.run(request, part, MODELS, **look).picture.colour
    np.testing.assert_array_equal(whole[410:600, 410:690], alone[10:, 10:-10])


def test_a_shot_is_measured_once() -> None:
    """A passing cloud of red does not change the balance of the frames behind it."""
    frames = [scene(seed=4) for _ in range(3)]
    frames[1].colour[20:110, 20:150] = (200, 20, 20)
    request = EnhanceRequest(white_balance=1, tone=1, saturation=0.3)
    look = TASK.settle(request, [frames[0]])
    results = [TASK.run(request, frame, MODELS, **look).picture.colour for frame in frames]
    corner = [result[:12, :12].astype(int) for result in results]
    assert np.abs(corner[1] - corner[0]).max() <= 6
    np.testing.assert_array_equal(corner[0], corner[2])
    np.testing.assert_array_equal(results[0], run(request, frames[0]).picture.colour)


def test_a_request_travels_as_json() -> None:
    request = replace(ALL, match="a.png", match_strength=0.5)
    assert from_json(EnhanceRequest, json.loads(json.dumps(to_json(request)))) == request


def test_progress_is_told() -> None:
    shares = []
    with heard_by(lambda share, stage: shares.append(share)):
        run(EnhanceRequest(sharpen=0.5), scene(600, 1100))
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (17, 400)])
def test_any_size_works(size: tuple[int, int]) -> None:
    picture = Picture(scene(*size).colour)
    assert run(ALL, picture, reference=scene(seed=8)).picture.colour.shape == (*size, 3)


def test_blank_pictures_work() -> None:
    for value in (0, 128, 255):
        blank = Picture(np.full((40, 50, 3), value, np.uint8))
        result = run(ALL, blank).picture.colour.astype(int)
        assert result.std() < 1
        assert abs(result.mean() - value) < (2 if value != 128 else 60)


def test_the_python_door_takes_paths_and_arrays(tmp_path: Path) -> None:
    picture = scene()
    stills.write_cutout(tmp_path / "a.png", picture)
    by_path = mattelier.enhance(tmp_path / "a.png", tone=0.5, match=scene(seed=8).colour)
    by_array = mattelier.enhance(picture.colour, tone=0.5, match=scene(seed=8))
    np.testing.assert_array_equal(by_path.picture.colour, by_array.picture.colour)
    with pytest.raises(mattelier.MattelierError, match="Tone"):
        mattelier.enhance(picture.colour, tone=2)


def test_the_command_writes_what_the_task_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, other = scene(dtype=np.uint16), scene(seed=8)
    stills.write_cutout(tmp_path / "a.png", picture)
    stills.write_cutout(tmp_path / "other.png", other)
    command = ["enhance", str(tmp_path / "a.png"), "--tone", "0.5", "--sharpen", "0.4"]
    command += ["--match", str(tmp_path / "other.png"), "--match-strength", "0.5"]
    assert main([*command, "-o", str(tmp_path / "b.png"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    assert report["width"] == 160
    request = EnhanceRequest(tone=0.5, sharpen=0.4, match_strength=0.5)
    expected = run(request, picture, reference=other).picture.colour
    np.testing.assert_array_equal(stills.read(tmp_path / "b.png").colour, expected)


def test_auto_can_be_overruled(tmp_path: Path) -> None:
    stills.write_cutout(tmp_path / "a.png", scene())
    for name, more in (("auto", []), ("none", ["--tone", "0"])):
        command = ["enhance", str(tmp_path / "a.png"), "--auto", *more]
        assert main([*command, "-o", str(tmp_path / f"{name}.png")]) == 0
    auto, none = (stills.read(tmp_path / f"{name}.png").colour for name in ("auto", "none"))
    assert auto.mean() > none.mean() + 5  # the scene is dark


def test_alone_it_does_what_auto_does(tmp_path: Path) -> None:
    stills.write_cutout(tmp_path / "a.png", scene())
    command = ["enhance", str(tmp_path / "a.png")]
    assert main([*command, "-o", str(tmp_path / "alone.png")]) == 0
    assert main([*command, "--auto", "-o", str(tmp_path / "auto.png")]) == 0
    assert (tmp_path / "alone.png").read_bytes() == (tmp_path / "auto.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--match-strength", "0.5"], "--match"),
        (["--match", "none.png"], "no such file"),
        (["--tone", "2"], "0<=x<=1"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    Image.fromarray(scene().colour).save(tmp_path / "a.png")
    assert main(["enhance", str(tmp_path / "a.png"), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_reference_that_is_no_picture_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(scene().colour).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("not a picture")
    command = ["enhance", str(tmp_path / "a.png"), "--match", str(tmp_path / "b.png")]
    assert main(command) == 3
    assert "b.png" in capsys.readouterr().err
    assert not (tmp_path / "a-enhance.png").exists()
