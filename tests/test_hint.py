"""Hints become evidence for and against the subject, at whatever size the network wants it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mattelier.matting.hint import CLICK_RADIUS, MASK_CONFIDENCE, Hint, load_hint, make_hint
from mattelier.requests import Box, HintRequest, Point
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture

HEIGHT, WIDTH = 60, 100


def left_half(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    mask = np.zeros((height, width), np.float32)
    mask[:, : width // 2] = 1
    return mask


def hint_of(**hint_inputs: object) -> Hint:
    hint = make_hint(HEIGHT, WIDTH, **hint_inputs)  # type: ignore[arg-type]
    assert hint is not None
    return hint


def test_nothing_given_is_no_hint() -> None:
    assert make_hint(HEIGHT, WIDTH) is None
    assert load_hint(HintRequest(), picture()) is None


def test_a_mask_is_trusted_but_not_entirely() -> None:
    evidence = hint_of(mask=left_half()).evidence(HEIGHT, WIDTH)
    assert evidence.shape == (2, HEIGHT, WIDTH)
    assert evidence.dtype == np.float32
    np.testing.assert_allclose(evidence[0], MASK_CONFIDENCE * left_half())
    np.testing.assert_allclose(evidence.sum(0), MASK_CONFIDENCE)
    assert 0 < MASK_CONFIDENCE < 1


def test_a_mask_beyond_its_range_is_clipped() -> None:
    evidence = hint_of(mask=3 * left_half() - 1).evidence(HEIGHT, WIDTH)
    np.testing.assert_allclose(evidence[0], MASK_CONFIDENCE * left_half())


def test_shrinking_a_mask_averages_all_it_covers() -> None:
    stripes = np.zeros((HEIGHT, WIDTH), np.float32)
    stripes[:, ::5] = 1
    evidence = hint_of(mask=stripes).evidence(HEIGHT // 5, WIDTH // 5)
    np.testing.assert_allclose(evidence[0], MASK_CONFIDENCE / 5, atol=1e-6)
    np.testing.assert_allclose(evidence[1], MASK_CONFIDENCE * 4 / 5, atol=1e-6)


def test_growing_a_mask_keeps_its_place() -> None:
    evidence = hint_of(mask=left_half()).evidence(4 * HEIGHT, 4 * WIDTH)
    np.testing.assert_allclose(evidence[0][:, : 2 * WIDTH - 4], MASK_CONFIDENCE, atol=1e-6)
    np.testing.assert_allclose(evidence[0][:, 2 * WIDTH + 4 :], 0, atol=1e-6)


def test_a_trimap_is_certain_where_it_knows_and_silent_elsewhere() -> None:
    trimap = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    trimap[:, :30], trimap[:, 70:] = 1, 0
    hint = hint_of(trimap=trimap)
    assert hint.trimap is not None
    assert np.unique(hint.trimap).tolist() == [0, 128, 255]
    evidence = hint.evidence(HEIGHT, WIDTH)
    np.testing.assert_array_equal(evidence[0], trimap == 1)
    np.testing.assert_array_equal(evidence[1], trimap == 0)


@pytest.mark.parametrize(
    ("value", "meaning"), [(0.0, 0), (0.019, 0), (0.1, 128), (0.9, 128), (0.981, 255), (1.0, 255)]
)
def test_trimap_files_may_be_lossy(value: float, meaning: int) -> None:
    hint = hint_of(trimap=np.full((HEIGHT, WIDTH), value, np.float32))
    assert hint.trimap is not None
    assert np.unique(hint.trimap).tolist() == [meaning]


def test_outside_a_box_nothing_is_the_subject_and_inside_nothing_is_known() -> None:
    evidence = hint_of(box=Box(20, 10, 40, 30)).evidence(HEIGHT, WIDTH)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[10:40, 20:60] = True
    assert not evidence[:, inside].any()
    assert not evidence[0][~inside].any()
    assert (evidence[1][~inside] == 1).all()


def test_a_box_scales_and_may_reach_out_of_the_picture() -> None:
    evidence = hint_of(box=Box(-20, -10, 70, 40)).evidence(2 * HEIGHT, WIDTH // 2)
    expected = np.ones((2 * HEIGHT, WIDTH // 2), np.float32)
    expected[:60, :25] = 0
    np.testing.assert_array_equal(evidence[1], expected)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(-50, 99.99), y=st.floats(-50, 59.99), w=st.floats(0.01, 200), h=st.floats(0.01, 200)
)
def test_a_box_in_the_picture_always_leaves_room_for_its_subject(
    x: float, y: float, w: float, h: float
) -> None:
    if x + w <= 0 or y + h <= 0:
        return
    evidence = hint_of(box=Box(x, y, w, h)).evidence(6, 10)
    assert (evidence[1] == 0).any()
    assert np.isin(evidence, (0, 1)).all()
    assert not evidence[0].any()


def test_clicks_mark_a_disc_for_or_against() -> None:
    evidence = hint_of(points=(Point(30, 20), Point(80, 45, positive=False))).evidence(300, 500)
    radius = CLICK_RADIUS * 500
    ys, xs = np.mgrid[:300, :500]
    for channel, (x, y) in zip(evidence, ((150, 100), (400, 225)), strict=True):
        distance = np.hypot(xs - x, ys - y)
        assert (channel[distance < radius - 1.5] == 1).all()
        assert not channel[distance > radius + 1.5].any()


def test_a_click_at_the_picture_s_last_pixel_is_still_in_the_small_map() -> None:
    evidence = hint_of(points=(Point(WIDTH - 1, HEIGHT - 1),)).evidence(32, 32)
    assert evidence[0, -1, -1] == 1
    assert not evidence[1].any()


def test_a_click_corrects_a_mask_and_a_box() -> None:
    points = (Point(25, 30, positive=False), Point(40, 30))
    evidence = hint_of(mask=left_half(), box=Box(0, 0, 80, 60), points=points).evidence(
        HEIGHT, WIDTH
    )
    assert evidence[:, 30, 25].tolist() == [0, 1]
    assert evidence[:, 30, 40].tolist() == [1, 0]
    np.testing.assert_allclose(evidence[:, 30, 10], [MASK_CONFIDENCE, 0])
    np.testing.assert_allclose(evidence[:, 30, 70], [0, MASK_CONFIDENCE])
    assert evidence[:, 30, 90].tolist() == [0, 1]


def test_a_box_overrules_a_mask_outside_it() -> None:
    evidence = hint_of(mask=left_half(), box=Box(20, 0, 80, 60)).evidence(HEIGHT, WIDTH)
    assert evidence[:, 30, 10].tolist() == [0, 1]


def test_a_trimap_overrules_everything_where_it_knows() -> None:
    trimap = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    trimap[:, :20], trimap[:, 80:] = 0, 1
    points = (Point(10, 30), Point(50, 30))
    evidence = hint_of(mask=left_half(), trimap=trimap, points=points).evidence(HEIGHT, WIDTH)
    assert evidence[:, 30, 10].tolist() == [0, 1]
    assert evidence[:, 30, 90].tolist() == [1, 0]
    assert evidence[:, 30, 50].tolist() == [1, 0]
    np.testing.assert_allclose(evidence[:, 30, 30], [MASK_CONFIDENCE, 0])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    hint_types=st.sets(st.sampled_from(["mask", "trimap", "box", "points"]), min_size=1),
)
def test_evidence_is_bounded_and_never_wholly_for_and_against(
    seed: int, height: int, width: int, hint_types: set[str]
) -> None:
    random = np.random.default_rng(seed)
    everything = {
        "mask": random.random((HEIGHT, WIDTH), np.float32),
        "trimap": random.integers(0, 3, (HEIGHT, WIDTH)).astype(np.float32) / 2,
        "box": Box(*random.uniform(1, 50, 4)),
        "points": tuple(
            Point(random.uniform(0, WIDTH), random.uniform(0, HEIGHT), bool(random.integers(2)))
            for _ in range(3)
        ),
    }
    evidence = hint_of(**{hint_type: everything[hint_type] for hint_type in hint_types}).evidence(
        height, width
    )
    assert evidence.shape == (2, height, width)
    assert evidence.dtype == np.float32
    assert evidence.min() >= 0
    assert evidence.sum(0).max() <= 1 + 1e-5


@pytest.mark.parametrize(
    ("hint_inputs", "words"),
    [
        ({"mask": np.zeros((WIDTH, HEIGHT), np.float32)}, ("hint", "60×100", "100×60")),
        ({"trimap": np.zeros((30, 50), np.float32)}, ("trimap", "50×30", "100×60")),
        ({"mask": np.zeros((HEIGHT, WIDTH, 3), np.float32)}, ("hint", "100×60")),
        ({"points": (Point(100, 5),)}, ("point 100,5", "outside", "100×60")),
        ({"points": (Point(5, 5), Point(-1, 5))}, ("point -1,5", "outside")),
        ({"points": (Point(float("nan"), 5),)}, ("outside",)),
        ({"box": Box(100, 0, 5, 5)}, ("box", "outside", "100×60")),
        ({"box": Box(-5, 0, 5, 5)}, ("box", "outside")),
        ({"mask": np.full((HEIGHT, WIDTH), np.nan, np.float32)}, ("hint", "finite")),
        ({"trimap": np.full((HEIGHT, WIDTH), np.inf, np.float32)}, ("trimap", "finite")),
    ],
)
def test_a_hint_that_does_not_fit_is_one_sentence(
    hint_inputs: dict[str, object], words: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        hint_of(**hint_inputs)
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("width", [0, -3, float("inf"), float("nan")])
def test_a_box_without_a_size_is_refused(width: float) -> None:
    with pytest.raises(UsageError, match="positive width and height"):
        Box(1, 1, width, 5)


def picture(height: int = HEIGHT, width: int = WIDTH) -> Picture:
    return Picture(np.zeros((height, width, 3), np.uint8))


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[..., str]:
    def save(name: str, values: np.ndarray) -> str:
        Image.fromarray(values).save(tmp_path / name)
        return str(tmp_path / name)

    return save


def test_hints_are_read_from_files(drawn: Callable[..., str]) -> None:
    mask = (left_half() * 255).astype(np.uint8)
    trimap = np.full((HEIGHT, WIDTH), 128, np.uint8)
    trimap[:, :20], trimap[:, 80:] = 255, 0
    request = HintRequest(
        mask=drawn("mask.png", mask),
        trimap=drawn("trimap.png", trimap),
        box=Box(0, 0, 90, 60),
        points=(Point(45, 30, positive=False),),
    )
    hint = load_hint(request, picture())
    assert hint is not None
    assert hint.mask is not None
    assert (hint.height, hint.width) == (HEIGHT, WIDTH)
    np.testing.assert_allclose(hint.mask, left_half())
    np.testing.assert_array_equal(hint.trimap, trimap)
    assert (hint.box, hint.points) == (request.box, request.points)


def test_a_hint_file_of_another_size_is_one_sentence(drawn: Callable[..., str]) -> None:
    mask = drawn("small.png", np.zeros((30, 50), np.uint8))
    with pytest.raises(UsageError, match="50×30 pixels but the picture is 100×60"):
        load_hint(HintRequest(mask=mask), picture())


def test_a_hint_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_text("not a picture")
    with pytest.raises(PictureError, match=r"mask\.png"):
        load_hint(HintRequest(mask=str(tmp_path / "mask.png")), picture())
