"""Networks that know no hint still serve those who give one: parts are chosen, and looked at again.

The network here knows colours alone: what is red is the subject, wherever and however often.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import make_looking_model

import mattelier
from mattelier import Box, Point

HEIGHT, WIDTH = 128, 256
LEFT, RIGHT = (slice(30, 100), slice(20, 90)), (slice(20, 110), slice(160, 240))
QUALITIES = ("fast", "balanced", "best")


@pytest.fixture(params=["fit", "stretch"])
def red(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model without a hint input."""
    name = f"red-{tmp_path.parent.name[-8:]}-{request.param}".lower()
    looks = np.array([40, -20, -20], np.float32).reshape(1, 3, 1, 1)
    make_looking_model(tmp_path / "models", name, looks, -5, resize=request.param)
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    return name


def painted(*places: tuple[slice, slice]) -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    for place in places:
        picture[place] = (250, 10, 10)
    return picture


def masked(*places: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for place in places:
        mask[place] = True
    return mask


def iou(alpha: np.ndarray, truth: np.ndarray) -> float:
    taken = alpha > 0.5
    return float((taken & truth).sum() / max((taken | truth).sum(), 1))


def matte(picture: np.ndarray, model: str, **more: Any) -> np.ndarray:
    more = {"quality": "fast", **more}
    return mattelier.matte(picture, model=model, **more).alpha


def loose_mask(place: tuple[slice, slice]) -> np.ndarray:
    rows, columns = place
    grown = (
        slice(max(0, rows.start - 8), rows.stop + 8),
        slice(max(0, columns.start - 8), columns.stop + 8),
    )
    return masked(grown).astype(np.float32)


def trimap(place: tuple[slice, slice]) -> np.ndarray:
    known = np.where(loose_mask(place) > 0, 0.5, 0).astype(np.float32)
    rows, columns = place
    known[rows.start + 9 : rows.stop - 9, columns.start + 9 : columns.stop - 9] = 1
    return known


@pytest.mark.parametrize("quality", QUALITIES)
def test_without_a_hint_all_is_taken(red: str, quality: str) -> None:
    picture, both = painted(LEFT, RIGHT), masked(LEFT, RIGHT)
    assert iou(matte(picture, red, quality=quality), both) > 0.9


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("wanted", [LEFT, RIGHT])
@pytest.mark.parametrize("kind", ["click", "box", "mask", "trimap"])
def test_every_kind_of_hint_says_which_of_two(
    red: str, kind: str, wanted: tuple[slice, slice], quality: str
) -> None:
    rows, columns = wanted
    box = Box(
        columns.start - 4, rows.start - 4, columns.stop - columns.start + 8,
        rows.stop - rows.start + 8,
    )  # fmt: skip
    hints: dict[str, dict[str, Any]] = {
        "click": {"points": [Point(columns.start + 30, rows.start + 30)]},
        "box": {"box": box},
        "mask": {"hint": loose_mask(wanted)},
        "trimap": {"trimap": trimap(wanted)},
    }
    found = matte(painted(LEFT, RIGHT), red, quality=quality, **hints[kind])
    assert iou(found, masked(wanted)) > 0.9


def test_a_click_against_one_of_two_leaves_the_other(red: str) -> None:
    found = matte(painted(LEFT, RIGHT), red, points=[Point(200, 60, positive=False)])
    assert iou(found, masked(LEFT)) > 0.9


def test_a_box_cuts_out_of_what_is_grown_together(red: str) -> None:
    whole = (slice(30, 100), slice(20, 240))
    wanted = (slice(30, 100), slice(100, 170))
    found = matte(painted(whole), red, box=Box(100, 26, 70, 78))
    assert iou(found, masked(wanted)) > 0.9
    assert found[:, :92].max() == 0


def test_a_neighbour_that_reaches_into_the_box_is_left_out(red: str) -> None:
    arm = (slice(60, 70), slice(85, 160))
    picture = painted((slice(30, 100), slice(10, 60)), (slice(10, 120), slice(160, 240)), arm)
    found = matte(picture, red, box=Box(4, 24, 110, 84))
    assert iou(found, masked((slice(30, 100), slice(10, 60)))) > 0.9


def test_what_is_small_is_seen_as_sharply_as_nearby(red: str) -> None:
    """Teeth that the first look blurs into grey are told apart in the window of the hint."""
    truth = np.zeros((1024, 1024), bool)
    for x in range(700, 892, 32):
        truth[620:812, x : x + 16] = True
    picture = np.where(truth[..., None], (210, 20, 20), (20, 130, 130)).astype(np.uint8)
    assert iou(matte(picture, red, box=Box(690, 610, 196, 212), refine=False), truth) > 0.8


def test_a_click_on_what_was_not_found_looks_there(red: str) -> None:
    """A speck that vanishes in the first look."""
    speck = (slice(60, 64), slice(200, 204))
    picture = painted(LEFT, speck)
    found = matte(picture, red, points=[Point(202, 62)], quality="balanced")
    assert found[62, 202] > 0.5
    assert found[masked(LEFT)].mean() < 0.05


def test_a_hint_that_leaves_nothing_is_no_error(red: str) -> None:
    found = matte(painted(LEFT), red, box=Box(150, 20, 60, 60))
    assert found.max() < 0.5
