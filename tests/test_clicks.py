"""Clicks are orders: what they say of a subject holds in the matte, and reaches far enough.

The tiny model knows colours alone: what is red is the subject, what is green or blue is not.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

import mattelier
from mattelier import Point

GROUND, RED, BRICK, BLUE = (20, 150, 20), (255, 50, 128), (230, 60, 20), (20, 150, 255)


pytestmark = pytest.mark.usefixtures("colours")


def alpha(picture: np.ndarray, *points: Point, **options: Any) -> np.ndarray:
    options = {"model": "colours", "quality": "fast", **options}
    return mattelier.matte(picture, points=points, **options).alpha


def positive_click(x: float, y: float) -> Point:
    return Point(x, y)


def negative_click(x: float, y: float) -> Point:
    return Point(x, y, positive=False)


def iou(found: np.ndarray, truth: np.ndarray) -> float:
    subject = found > 0.5
    return float((subject & truth).sum() / max((subject | truth).sum(), 1))


def painted(*shapes: tuple[tuple[int, int, int], tuple[int, int, int, int]]) -> np.ndarray:
    """Rectangles (x0, y0, x1, y1) of a paint on green ground of 192 × 128, with a little noise."""
    picture = np.empty((128, 192, 3))
    picture[:] = GROUND
    for paint, (x0, y0, x1, y1) in shapes:
        picture[y0:y1, x0:x1] = paint
    picture += np.random.default_rng(5).normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def box(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    mask = np.zeros((128, 192), bool)
    mask[y0:y1, x0:x1] = True
    return mask


LEFT, RIGHT = (30, 30, 90, 100), (90, 20, 160, 110)


@pytest.mark.parametrize("quality", ["fast", "balanced"])
@pytest.mark.parametrize("wanted", [LEFT, RIGHT])
def test_clicks_divide_two_subjects_that_touch(
    wanted: tuple[int, int, int, int], quality: str
) -> None:
    picture = painted((RED, LEFT), (BRICK, RIGHT))
    assert iou(alpha(picture), box(*LEFT) | box(*RIGHT)) > 0.9
    clicks = (
        [positive_click(60, 65), negative_click(125, 65)]
        if wanted is LEFT
        else [negative_click(60, 65), positive_click(125, 65)]
    )
    assert iou(alpha(picture, *clicks, quality=quality), box(*wanted)) > 0.9


def test_a_click_takes_in_what_was_missed_as_far_as_its_colour_goes() -> None:
    picture = painted((RED, LEFT), (BLUE, (90, 53, 112, 75)))
    missed = box(90, 53, 112, 75)
    assert iou(alpha(picture), missed) == 0
    found = alpha(picture, positive_click(60, 65), positive_click(101, 64))
    assert iou(found, box(*LEFT) | missed) > 0.9


def test_a_click_against_a_limb_leaves_the_body() -> None:
    limb = (90, 60, 130, 68)
    found = alpha(
        painted((RED, LEFT), (BRICK, limb)), positive_click(60, 65), negative_click(110, 64)
    )
    assert iou(found, box(*LEFT)) > 0.9
    assert (found[box(*limb)] < 0.5).mean() > 0.5


def test_one_click_chooses_and_one_on_each_keeps_all() -> None:
    """However many clicks fall on one of them: the other is not outvoted."""
    first, second = (20, 30, 80, 100), (110, 30, 170, 100)
    picture = painted((RED, first), (RED, second))
    assert iou(alpha(picture, positive_click(50, 60)), box(*first)) > 0.9
    many = [
        positive_click(50, 60),
        positive_click(40, 50),
        positive_click(60, 80),
        positive_click(50, 90),
    ]
    both = box(*first) | box(*second)
    assert iou(alpha(picture, *many, positive_click(140, 60)), both) > 0.9
    # A click against a corner of one is no click against all of it.
    found = alpha(picture, positive_click(50, 60), positive_click(140, 60), negative_click(168, 32))
    assert iou(found, both) > 0.8
    assert found[32, 168] < 0.5


def test_a_click_against_works_alone() -> None:
    first, second = (20, 30, 80, 100), (110, 30, 170, 100)
    found = alpha(painted((RED, first), (RED, second)), negative_click(50, 60))
    assert iou(found, box(*second)) > 0.9


def test_a_click_corrects_a_mask() -> None:
    picture = painted((RED, LEFT), (BRICK, RIGHT))
    both = box(*LEFT) | box(*RIGHT)
    found = alpha(picture, positive_click(60, 65), negative_click(125, 65), hint=both)
    assert iou(found, box(*LEFT)) > 0.9


def test_a_click_where_all_is_right_does_no_harm() -> None:
    picture = painted((RED, LEFT), (BLUE, (120, 30, 180, 100)))
    before = alpha(picture, positive_click(60, 65))
    after = alpha(
        picture,
        positive_click(60, 65),
        positive_click(50, 50),
        negative_click(150, 65),
        negative_click(10, 10),
    )
    assert iou(before, box(*LEFT)) > 0.9
    assert iou(after, box(*LEFT)) >= iou(before, box(*LEFT)) - 0.01


@pytest.mark.parametrize("refine", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_click_is_obeyed(seed: int, refine: bool) -> None:
    """At full size, whatever the picture: blotches, and clicks at random on them."""
    random = np.random.default_rng(seed)
    small = random.uniform(0, 255, (4, 6, 3)).astype(np.float32)
    picture = cv2.resize(small, (192, 128), interpolation=cv2.INTER_LINEAR)
    cells = random.permutation(6 * 4)[:8]
    clicks = [
        Point(32 * int(cell % 6) + 16, 32 * int(cell // 6) + 16, bool(random.integers(2)))
        for cell in cells
    ]
    found = alpha(picture.astype(np.uint8), *clicks, refine=refine, quality="balanced")
    for click in clicks:
        assert (found[int(click.y), int(click.x)] > 0.5) == click.positive


def test_clicks_at_the_picture_s_edges_and_on_one_spot() -> None:
    picture = painted((RED, (0, 0, 60, 60)))
    corners = [
        positive_click(0, 0),
        negative_click(191, 0),
        negative_click(0, 127),
        negative_click(191, 127),
    ]
    assert iou(alpha(picture, *corners), box(0, 0, 60, 60)) > 0.9
    assert (
        alpha(picture, positive_click(30, 30), negative_click(30, 30))[30, 30] < 0.5
    )  # the last word counts
    assert alpha(picture, negative_click(30, 30), positive_click(30, 30))[30, 30] > 0.5


def test_a_closer_look_at_what_a_click_chose_is_told_what_the_first_one_found():
    picture = np.full((300, 300, 3), (120, 120, 120), np.uint8)
    picture[90:210, 90:210] = (180, 100, 110)  # no more than likely, by its colour
    without, clicked = (
        alpha(picture, *points, refine=False) for points in ((), (positive_click(150, 150),))
    )
    more = clicked - without
    assert more[100:110, 100:200].min() > 0.01  # far from the click
    assert more[80:84, 100:200].max() < -0.01
