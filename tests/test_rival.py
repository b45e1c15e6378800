"""One click on one of two subjects that touch, with the shipped network, on drawn figures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from synthetic_clips import texture

import mattelier

HEIGHT, WIDTH = 240, 320
RED, BLUE, GREEN = (0.8, 0.3, 0.3), (0.3, 0.3, 0.8), (0.2, 0.6, 0.3)
PLACES = (118, 202)
SAMPLE = Path(__file__).parents[1] / "install" / "sample.jpg"
Mask = NDArray[np.bool_]


def surface(seed: int, colour: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(texture(seed, colour), (WIDTH, HEIGHT)), np.float32)


def figures(*colours: tuple[float, float, float]) -> tuple[NDArray[np.uint8], list[Mask]]:
    """Figures of head and body that overlap a little, side by side; and where each is seen."""
    picture, seen = surface(1, (0.35, 0.42, 0.5)), []
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for number, (x, colour) in enumerate(zip((125, 195), colours, strict=False)):
        body = (np.abs(columns - x) < 36) & (rows > 100) & (rows < 215)
        figure = body | (np.hypot(columns - x, rows - 75) < 24)
        picture[figure] = surface(2 + number, colour)[figure]
        seen = [other & ~figure for other in seen] + [figure]
    return np.rint(255 * picture).astype(np.uint8), seen


def overlap(alpha: NDArray[np.float32], truth: Mask) -> float:
    found = alpha > 0.5
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize("colours", [(RED, BLUE), (RED, GREEN)], ids=["red, blue", "red, green"])
def test_one_click_means_one_of_two(colours: tuple[tuple[float, float, float], ...]) -> None:
    picture, seen = figures(*colours)
    for x, truth in zip(PLACES, seen, strict=True):
        assert overlap(mattelier.matte(picture, points=[(x, 140)]).alpha, truth) > 0.85


def test_two_clicks_mean_both() -> None:
    picture, seen = figures(RED, BLUE)
    both = mattelier.matte(picture, points=[(x, 140) for x in PLACES]).alpha
    assert all(both[truth].mean() > 0.8 for truth in seen)


def test_a_further_click_does_not_bring_the_other_back() -> None:
    """Neither one for the same subject nor one against the background."""
    picture, seen = figures(RED, BLUE)
    for further in ((202, 190), (40, 40, False)):
        alpha = mattelier.matte(picture, points=[(PLACES[1], 140), further]).alpha
        assert overlap(alpha, seen[1]) > 0.85


def test_what_stands_alone_keeps_all_its_parts() -> None:
    """The face, hair, suit and arm of one woman."""
    whole = mattelier.matte(SAMPLE).alpha > 0.5
    for point in ((230, 120), (240, 60), (200, 250), (90, 420)):
        alpha = mattelier.matte(SAMPLE, points=[point]).alpha
        assert overlap(alpha, whole) > 0.9
