"""Whole mattes and cut-outs through the Python door, with the shipped network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_task import run
from tiny_model import make_looking_model

import mattelier
from mattelier import Box, MattelierError, Point
from mattelier.requests import MatteRequest
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture

SIZE = 128


def scene(height: int, width: int) -> np.ndarray:
    """A plain, slightly noisy wall with a soft gradient."""
    ramp = np.linspace(90, 150, height)[:, None, None] * np.array([0.8, 0.95, 1.0])
    noise = np.random.default_rng(width).normal(0, 3, (height, width, 3))
    return np.clip(np.broadcast_to(ramp, noise.shape) + noise, 0, 255)


def with_disc(
    picture: np.ndarray, x: float, y: float, radius: float, colour: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """A striped, shaded disc on the picture; and its true alpha."""
    ys, xs = np.mgrid[: picture.shape[0], : picture.shape[1]]
    alpha = np.clip(radius - np.hypot(xs - x, ys - y) + 0.5, 0, 1)
    stripes = ((xs + ys) // 6 % 2) * 40 - 20
    shade = 1 - 0.35 * ((xs - x) + (ys - y)) / (2 * radius)
    paint = np.clip((np.array(colour) + stripes[..., None]) * shade[..., None], 0, 255)
    return picture + alpha[..., None] * (paint - picture), alpha


def iou(alpha: np.ndarray, truth: np.ndarray) -> float:
    ours, theirs = alpha > 0.5, truth > 0.5
    return float((ours & theirs).sum() / (ours | theirs).sum())


@pytest.fixture(scope="module")
def ball() -> tuple[np.ndarray, np.ndarray]:
    picture, truth = with_disc(scene(SIZE, SIZE + 32), 88, 64, 38, (220, 120, 40))
    return picture.astype(np.uint8), truth


@pytest.fixture(scope="module")
def two() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    picture, left = with_disc(scene(160, 288), 80, 80, 45, (220, 110, 40))
    picture, right = with_disc(picture, 210, 80, 45, (60, 90, 210))
    return picture.astype(np.uint8), left, right


@pytest.fixture(scope="module")
def plain(ball: tuple[np.ndarray, np.ndarray]) -> mattelier.Result:
    """The cut-out of the ball, nothing special asked for."""
    return mattelier.cutout(ball[0], quality="fast")


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_the_subject_is_found_at_every_quality(
    quality: str, ball: tuple[np.ndarray, np.ndarray]
) -> None:
    picture, truth = ball
    before = picture.copy()
    result = mattelier.matte(picture, quality=quality)  # type: ignore[arg-type]
    assert result.alpha.shape == truth.shape
    assert result.alpha.dtype == np.float32
    assert result.alpha.min() >= 0
    assert result.alpha.max() <= 1
    assert iou(result.alpha, truth) > 0.6
    np.testing.assert_array_equal(picture, before)


def test_the_same_picture_gives_the_same_alpha(
    ball: tuple[np.ndarray, np.ndarray], plain: mattelier.Result
) -> None:
    np.testing.assert_array_equal(mattelier.matte(ball[0], quality="fast").alpha, plain.alpha)


def test_the_report_says_what_was_done(plain: mattelier.Result) -> None:
    report = plain.report
    assert (report.model, report.device) == ("cutout", "cpu")
    assert report.engine in ("openvino", "onnxruntime", "torch")
    assert isinstance(report.note, str)
    assert report.coverage == pytest.approx(float(plain.alpha.mean()), abs=1e-4)
    assert set(report.seconds) == {"network", "refine", "foreground"}
    assert all(seconds >= 0 for seconds in report.seconds.values())


def test_a_right_mask_does_no_harm(
    ball: tuple[np.ndarray, np.ndarray], plain: mattelier.Result
) -> None:
    picture, truth = ball
    hinted = mattelier.matte(picture, truth.astype(np.float32), quality="fast")
    assert iou(hinted.alpha, truth) >= iou(plain.alpha, truth) - 0.02


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("hint_type", ["mask", "box", "click"])
def test_a_hint_chooses_one_of_two(
    hint_type: str, side: int, two: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    picture, *truths = two
    wanted_subject, other = truths[side], truths[1 - side]
    boxes = ((30, 30, 100, 100), Box(160, 30, 100, 100))
    y, x = np.argwhere(wanted_subject > 0.5).mean(0)
    options = {
        "mask": {"hint": wanted_subject > 0.5},
        "box": {"box": boxes[side]},
        "click": {"points": [(x, y)]},
    }[hint_type]
    alpha = mattelier.matte(picture, quality="fast", **options).alpha  # type: ignore[arg-type]
    assert iou(alpha, wanted_subject) > 0.6
    assert iou(alpha, other) < 0.2


def test_hints_may_be_of_any_grey_type_or_a_file(
    ball: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    picture, truth = ball
    mask = truth > 0.5
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    masks = [mask, mask.astype(np.uint8) * 255, mask.astype(np.uint16) * 65535]
    masks += [mask.astype(float), tmp_path / "mask.png", str(tmp_path / "mask.png")]
    first, *others = [mattelier.matte(picture, each, quality="fast").alpha for each in masks]
    for other in others:
        np.testing.assert_array_equal(other, first)


def test_a_trimap_is_obeyed_even_against_the_network(
    ball: tuple[np.ndarray, np.ndarray],
) -> None:
    picture, truth = ball
    trimap = np.full(truth.shape, 128, np.uint8)
    trimap[truth == 0] = 0
    trimap[24:104, 60:116][truth[24:104, 60:116] == 1] = 255
    trimap[60:70, 80:90], trimap[:6, :6] = 0, 255
    alpha = mattelier.matte(picture, trimap=trimap, quality="fast").alpha
    assert (alpha[trimap == 255] == 1).all()
    assert (alpha[trimap == 0] == 0).all()
    only_background = np.where(trimap == 0, 0, 128).astype(np.uint8)
    alpha = mattelier.matte(picture, trimap=only_background, quality="fast", refine=False).alpha
    assert (alpha[only_background == 0] == 0).all()


def test_refining_can_be_left_out(
    ball: tuple[np.ndarray, np.ndarray], plain: mattelier.Result
) -> None:
    coarse = mattelier.matte(ball[0], quality="fast", refine=False).alpha
    assert coarse.shape == plain.alpha.shape
    assert not np.array_equal(coarse, plain.alpha)
    assert iou(coarse, ball[1]) > 0.6


def test_sixteen_bits_are_matted_as_eight_are(
    ball: tuple[np.ndarray, np.ndarray], plain: mattelier.Result
) -> None:
    result = mattelier.cutout(ball[0].astype(np.uint16) * 257, quality="fast")
    np.testing.assert_allclose(result.alpha, plain.alpha, atol=0.02)
    assert result.foreground.dtype == result.picture.dtype == np.uint16
    assert result.picture.alpha is not None
    assert result.picture.alpha.dtype == np.uint16
    inside = result.alpha == 1
    assert inside.any()
    np.testing.assert_array_equal(result.foreground[inside], ball[0][inside].astype(int) * 257)


def test_scene_linear_light_above_one_survives(ball: tuple[np.ndarray, np.ndarray]) -> None:
    linear = ((ball[0] / 255.0) ** 2.2).astype(np.float32)
    linear[50:70, 80:100] = 7.5
    result = mattelier.cutout(linear, quality="fast")
    assert result.picture.transfer == "linear"
    assert result.foreground.dtype == np.float32
    assert result.alpha[60, 90] > 0.98
    np.testing.assert_allclose(result.foreground[60, 90], 7.5, rtol=0.02)
    assert iou(result.alpha, ball[1]) > 0.6


def test_a_grey_picture_stays_grey(ball: tuple[np.ndarray, np.ndarray]) -> None:
    grey = ball[0][..., 1]
    result = mattelier.cutout(grey, quality="fast")
    assert result.alpha.shape == grey.shape
    assert result.picture.grey
    assert result.foreground.dtype == np.uint8
    assert np.ptp(result.foreground.astype(int), axis=2).max() <= 1


def test_the_picture_s_own_alpha_is_multiplied_in(
    ball: tuple[np.ndarray, np.ndarray], plain: mattelier.Result
) -> None:
    own = np.full(ball[1].shape, 255, np.uint8)
    own[:, :70], own[:, 70:100] = 0, 128
    result = mattelier.cutout(np.dstack([ball[0], own]), quality="fast")
    np.testing.assert_allclose(result.alpha, plain.alpha * (own / 255), atol=1e-6)
    assert result.report.coverage == pytest.approx(float(result.alpha.mean()), abs=1e-4)
    twice = np.dstack([ball[0] / np.float32(255), own / np.float32(100)]).astype(np.float32)
    assert mattelier.matte(twice, quality="fast").alpha.max() <= 1


def test_the_result_is_the_picture_with_alpha(
    ball: tuple[np.ndarray, np.ndarray], plain: mattelier.Result
) -> None:
    assert plain.picture.alpha is not None
    np.testing.assert_array_equal(plain.picture.alpha, np.rint(plain.alpha * 255))
    np.testing.assert_array_equal(plain.picture.colour, plain.foreground)
    inside = plain.alpha == 1
    np.testing.assert_array_equal(plain.foreground[inside], ball[0][inside])


def test_foreground_estimation_can_be_left_out(ball: tuple[np.ndarray, np.ndarray]) -> None:
    result = mattelier.cutout(ball[0], foreground=False, quality="fast")
    np.testing.assert_array_equal(result.foreground, ball[0])
    assert "foreground" not in result.report.seconds


def test_a_colour_fills_the_background(ball: tuple[np.ndarray, np.ndarray]) -> None:
    result = mattelier.cutout(ball[0], background="#0a64ff", quality="fast")
    assert result.picture.alpha is None
    clear, solid = result.alpha == 0, result.alpha == 1
    assert clear.any()
    assert (result.picture.colour[clear] == (10, 100, 255)).all()
    np.testing.assert_array_equal(result.picture.colour[solid], ball[0][solid])


def test_a_picture_fills_the_background(
    ball: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    Image.new("RGB", (40, 30), (1, 200, 3)).save(tmp_path / "wall.png")
    result = mattelier.cutout(ball[0], background=str(tmp_path / "wall.png"), quality="fast")
    assert (result.picture.colour[result.alpha == 0] == (1, 200, 3)).all()


def test_a_blurred_background_keeps_the_place_and_loses_the_subject(
    ball: tuple[np.ndarray, np.ndarray],
) -> None:
    result = mattelier.cutout(ball[0], background="blur", quality="fast")
    clear = result.alpha == 0
    behind = result.picture.colour[clear].astype(float)
    np.testing.assert_allclose(behind.mean(0), ball[0][clear].mean(0), atol=8)
    across = np.abs(np.diff(result.picture.colour[:, :30].astype(float), axis=1))
    assert across.mean() < 1 < np.abs(np.diff(ball[0][:, :30].astype(float), axis=1)).mean()


def test_a_background_that_is_nothing_is_one_sentence(
    ball: tuple[np.ndarray, np.ndarray],
) -> None:
    with pytest.raises(PictureError, match=r"'noncolour' is neither a picture file nor a colour"):
        mattelier.cutout(ball[0], background="noncolour", quality="fast")


@pytest.mark.parametrize("padding", [0, 5, 1000])
def test_a_crop_holds_the_subject_and_its_padding(
    padding: int, ball: tuple[np.ndarray, np.ndarray]
) -> None:
    result = mattelier.cutout(ball[0], crop=True, padding=padding, quality="fast")
    height, width = result.alpha.shape
    ys, xs = np.nonzero(result.alpha > 1 / 255)
    y0, y1 = max(0, ys.min() - padding), min(height, ys.max() + 1 + padding)
    x0, x1 = max(0, xs.min() - padding), min(width, xs.max() + 1 + padding)
    assert result.picture.colour.shape == (y1 - y0, x1 - x0, 3)
    np.testing.assert_array_equal(result.picture.colour, result.foreground[y0:y1, x0:x1])
    assert result.picture.alpha is not None
    assert result.picture.alpha.shape == (y1 - y0, x1 - x0)
    assert result.alpha.shape == ball[1].shape  # what was measured stays whole


def test_paths_pictures_and_arrays_are_the_same_door(
    ball: tuple[np.ndarray, np.ndarray], plain: mattelier.Result, tmp_path: Path
) -> None:
    Image.fromarray(ball[0]).save(tmp_path / "ball.png")
    for source in (tmp_path / "ball.png", str(tmp_path / "ball.png"), Picture(ball[0])):
        np.testing.assert_array_equal(mattelier.matte(source, quality="fast").alpha, plain.alpha)


def test_one_open_network_serves_several_threads(ball: tuple[np.ndarray, np.ndarray]) -> None:
    request = MatteRequest(quality="fast", device="cpu")
    pictures = [Picture(np.ascontiguousarray(p)) for p in (ball[0], ball[0][:, ::-1], ball[0][::2])]
    alone = [run(request, p).alpha for p in pictures]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda p: run(request, p).alpha, pictures * 2))
    for ours, theirs in zip(together, alone * 2, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_smallest_pictures_work(shape: tuple[int, int], dtype: type) -> None:
    picture = np.full((*shape, 3), 0.5 if dtype == np.float32 else 120, dtype)
    result = mattelier.cutout(picture, points=[(0, 0)])
    assert result.alpha.shape == shape
    assert np.isfinite(result.alpha).all()
    assert result.foreground.shape == (*shape, 3)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((8, 8, 3)), "float64"),
        (np.zeros((8, 8, 3), np.int32), "int32"),
        (np.zeros((8, 8, 2), np.uint8), r"\(8, 8, 2\)"),
        (np.zeros(8, np.uint8), r"\(8,\)"),
        (np.zeros((0, 8, 3), np.uint8), r"\(0, 8, 3\)"),
        (np.zeros((8, 0), np.uint8), r"\(8, 0\)"),
        (np.full((8, 8, 3), np.nan, np.float32), "finite"),
    ],
)
def test_an_array_that_is_no_picture_is_one_sentence(array: np.ndarray, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        mattelier.matte(array)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hint": np.zeros((4, 8), np.uint8)}, "8×4 pixels but the picture is 8×8"),
        ({"hint": np.zeros((8, 8), np.int64)}, "int64"),
        ({"trimap": np.zeros((8, 9))}, "trimap is 9×8"),
        ({"box": (20, 0, 5, 5)}, "outside"),
        ({"points": [Point(3, 3), (8, 3)]}, "point 8,3 lies outside"),
        ({"quality": "superb"}, "quality is one of"),
        ({"device": "abacus"}, "device is one of"),
        ({"model": "unheard-of"}, "no model 'unheard-of'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        mattelier.cutout(np.zeros((8, 8, 3), np.uint8), **options)  # type: ignore[arg-type]


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MattelierError, match="nowhere"):
        mattelier.cutout(tmp_path / "nowhere.png")


@pytest.fixture
def red_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model without a hint input, in the user's folder: what is red is the subject."""
    name = f"red-{tmp_path.parent.name[-8:]}".lower()
    looks = np.array([40, -20, -20], np.float32).reshape(1, 3, 1, 1)
    make_looking_model(tmp_path / "models", name, looks, -5)
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    return name


def test_a_model_without_hints_works(red_model: str) -> None:
    picture = np.full((64, 64, 3), 40, np.uint8)
    picture[16:48, 16:48] = (250, 10, 10)
    for quality in ("fast", "best"):
        result = mattelier.matte(picture, model=red_model, quality=quality)  # type: ignore[arg-type]
        assert iou(result.alpha, picture[..., 0] > 200) > 0.9
        assert result.report.model == red_model
