"""What the shipped network makes of clicks on one of two who touch, and of an empty sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic_clips import texture

import mattelier

HEIGHT, WIDTH = 420, 640
SAMPLE = Path(__file__).parents[1] / "install" / "sample.jpg"
Mask = NDArray[np.bool_]
Place = tuple[float, float]


@pytest.fixture(scope="module", params=[0.02, 0.12], ids=["side by side", "one before the other"])
def twins(request: pytest.FixtureRequest) -> tuple[NDArray[np.uint8], list[Mask]]:
    """A picture of both, and where each is seen."""
    woman = np.asarray(mattelier.cutout(SAMPLE).to_pil(), np.float32) / 255
    rows, columns = np.nonzero(woman[..., 3] > 0.5)
    woman = woman[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    woman[..., :3] *= woman[..., 3:]
    picture = np.asarray(cv2.resize(texture(1, (0.35, 0.42, 0.5)), (WIDTH, HEIGHT)), np.float32)
    seen: list[Mask] = []
    left = 30
    for shown, height in ((woman, 360), (woman[:, ::-1], 324)):
        width = round(woman.shape[1] * height / woman.shape[0])
        one = cv2.resize(shown, (width, height), interpolation=cv2.INTER_AREA)
        one = one[:, : WIDTH - left]
        place = np.s_[HEIGHT - height :, left : left + one.shape[1]]
        picture[place] = picture[place] * (1 - one[..., 3:]) + one[..., :3]
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[place] = one[..., 3] > 0.5
        seen = [other & ~mask for other in seen] + [mask]
        left += round(width * (1 - request.param))
    return np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8), seen


def middle(mask: Mask) -> Place:
    depth = cv2.distanceTransform(np.pad(mask.view(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), mask.shape)
    return float(x), float(y)


def overlap(alpha: NDArray[np.float32], truth: Mask) -> float:
    found = alpha > 0.5
    return float((found & truth).sum() / (found | truth).sum())


def test_a_click_against_the_other_leaves_the_one(
    twins: tuple[NDArray[np.uint8], list[Mask]],
) -> None:
    picture, seen = twins
    for one, other in (seen, seen[::-1]):
        points = [middle(one), (*middle(other), False)]
        assert overlap(mattelier.matte(picture, points=points).alpha, one) > 0.8


def test_two_clicks_mean_both(twins: tuple[NDArray[np.uint8], list[Mask]]) -> None:
    picture, seen = twins
    both = mattelier.matte(picture, points=[middle(one) for one in seen]).alpha
    assert all(both[truth].mean() > 0.8 for truth in seen)


def test_what_stands_alone_keeps_all_its_parts() -> None:
    """The face, hair, suit and arm of one woman."""
    whole = mattelier.matte(SAMPLE).alpha > 0.5
    for point in ((230, 120), (240, 60), (200, 250), (90, 420)):
        alpha = mattelier.matte(SAMPLE, points=[point]).alpha
        assert overlap(alpha, whole) > 0.9


def test_an_empty_sheet_shows_no_subject() -> None:
    """Not even as a haze, of which a host would make a mask."""
    for height, width in ((107, 160), (600, 800)):
        sheet = np.full((height, width, 3), 255, np.uint8)
        assert not mattelier.matte(sheet).alpha.any()
