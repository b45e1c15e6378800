"""What is small in a picture is looked at again from nearby, as sharply as the picture has it.

The tiny model knows colours alone: what is red is the subject. It sees pictures at 64 pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mattelier
from mattelier import Box, Point
from mattelier.types.progress import heard_by

SIDE, LEFT, TOP, COMB = 1024, 700, 620, 192


pytestmark = pytest.mark.usefixtures("colours")


def matte(picture: np.ndarray, *positional: Any, **more: Any) -> np.ndarray:
    return mattelier.matte(picture, *positional, model="colours", refine=False, **more).alpha


def comb(left: int = LEFT, top: int = TOP, size: int = COMB, tooth: int = 16) -> np.ndarray:
    """Where a comb is, whose teeth are finer than a pixel of what the network sees first."""
    truth = np.zeros((SIDE, SIDE), bool)
    truth[top : top + size // 3, left : left + size] = True
    for x in range(left, left + size, 2 * tooth):
        truth[top : top + size, x : x + tooth] = True
    return truth


def painted(truth: np.ndarray) -> np.ndarray:
    return np.where(truth[..., None], (255, 50, 128), (20, 150, 20)).astype(np.uint8)


def iou(alpha: np.ndarray, truth: np.ndarray) -> float:
    taken = alpha > 0.5
    return float((taken & truth).sum() / (taken | truth).sum())


def hints() -> dict[str, dict[str, Any]]:
    x, y = LEFT + COMB / 2, TOP + 20
    return {
        "box": {"box": Box(LEFT, TOP, COMB, COMB)},
        "click": {"points": [Point(x, y)]},
        "clicks": {"points": [Point(x, y), Point(900, 200, positive=False)]},
    }


@pytest.mark.parametrize("quality", ["fast", "balanced", "best"])
def test_the_teeth_of_a_small_comb_are_told_apart(quality: str) -> None:
    truth = comb()
    assert iou(matte(painted(truth), quality=quality), truth) > 0.8


@pytest.mark.parametrize("hint", ["box", "click", "clicks"])
def test_so_they_are_where_a_hint_says_which_comb_is_meant(hint: str) -> None:
    truth, other = comb(), comb(left=100, top=100)
    alpha = matte(painted(truth | other), quality="fast", **hints()[hint])
    assert iou(alpha, truth) > 0.8
    assert alpha[other].max() < 0.5


def looked_closer(picture: np.ndarray, **more: Any) -> bool:
    told: list[tuple[float, str]] = []
    with heard_by(lambda share, stage: told.append((share, stage))):
        matte(picture, **more)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    return "looking closer" in {stage for _, stage in told}


def test_only_a_small_subject_that_has_more_to_show_is_looked_at_again() -> None:
    assert looked_closer(painted(comb()))
    assert not looked_closer(painted(comb(left=8, top=8, size=1000, tooth=100)))
    assert not looked_closer(painted(comb())[::16, ::16])
    larger = painted(comb(left=100, top=100, size=750, tooth=75))
    assert not looked_closer(larger)
    assert looked_closer(larger, quality="best")


@pytest.mark.parametrize("place", [(0, 0), (SIDE - 40, 0), (0, SIDE - 40), (SIDE - 40, SIDE - 40)])
def test_a_subject_in_a_corner_stays_where_it_is(place: tuple[int, int]) -> None:
    truth = np.zeros((SIDE, SIDE), bool)
    truth[place[1] : place[1] + 40, place[0] : place[0] + 40] = True
    assert iou(matte(painted(truth), quality="fast"), truth) > 0.7


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (3, 5)])
def test_pictures_of_every_shape_have_a_matte(shape: tuple[int, int]) -> None:
    truth = np.zeros(shape, bool)
    truth[: max(1, shape[0] // 3), : max(1, shape[1] // 3)] = True
    alpha = matte(painted(truth), quality="fast")
    assert alpha.shape == shape
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_nothing_found_is_nothing_found() -> None:
    assert matte(painted(np.zeros((200, 300), bool))).max() < 0.5


@pytest.mark.parametrize("tooth", [10, 12])
def test_teeth_of_a_comb_that_fills_the_picture_are_told_apart_as_details(tooth: int) -> None:
    """At first they are narrower than a pixel of what the network sees."""
    truth = comb(left=8, top=8, size=1000, tooth=tooth)
    glimpsed = iou(matte(painted(truth), quality="fast"), truth)
    assert iou(matte(painted(truth)), truth) > glimpsed + 0.06


def test_a_click_against_a_detail_holds_when_that_is_looked_at() -> None:
    truth = comb(left=8, top=8, size=1000, tooth=40)
    last = Point(8 + 40 * 24 + 20, 900, positive=False)
    alpha = matte(painted(truth), points=[Point(500, 100), last])
    assert alpha[round(last.y), round(last.x)] < 0.5
    assert alpha[100, 500] > 0.5


@pytest.mark.parametrize("size", [(64, 96), (20, 30)])
def test_a_picture_of_few_pixels_has_no_details(size: tuple[int, int]) -> None:
    truth = np.zeros(size, bool)
    truth[: size[0] // 2, : size[1] // 2] = True
    assert matte(painted(truth)).shape == size
