"""Truths mended by a large network's answers: its detail, and nothing that only one of them has."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mattelier.data.pairs import find_pairs
from mattelier.train.teach import is_plain, main, mend_truth

SIDE = 256


def plate(radius: int = 80, x: int = 120) -> np.ndarray:
    grey = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(grey, (x, 128), radius, 255, -1)
    return grey


def test_edges_strands_and_holes_are_the_network_s() -> None:
    truth, answer = plate(82), plate(80)
    cv2.circle(answer, (120, 128), 30, 0, -1)  # a hole that the outline closes
    cv2.line(answer, (120, 50), (120, 20), 255, 2)  # a strand that it cuts off
    mended = mend_truth(truth, answer)
    assert mended is not None
    np.testing.assert_array_equal(mended, answer)


def test_a_wheel_that_the_outline_fills_is_no_disagreement() -> None:
    truth, answer = plate(80), plate(80)
    cv2.circle(answer, (120, 128), 74, 0, -1)  # of the wheel the tyre is left, and spokes
    for angle in np.linspace(0, np.pi, 9):
        ray = 76 * np.array([np.cos(angle), np.sin(angle)])
        ends = [tuple(int(v) for v in np.rint((120, 128) + side * ray)) for side in (-1, 1)]
        cv2.line(answer, *ends, 160, 1, cv2.LINE_AA)
    mended = mend_truth(truth, answer)
    assert mended is not None
    np.testing.assert_array_equal(mended, answer)
    assert is_plain(mended)


def test_thin_parts_are_no_haze() -> None:
    answer = plate(40, 60)
    for x in range(120, 250, 6):
        cv2.line(answer, (x, 10), (x, 240), 120, 2)  # nowhere sure, over a third of the picture
    assert is_plain(answer)


def test_a_large_part_that_one_of_them_has_is_unknown() -> None:
    truth, answer = plate(), plate()
    cv2.rectangle(answer, (10, 190), (60, 240), 255, -1)  # a thing beside it
    cv2.rectangle(answer, (180, 110), (220, 140), 0, -1)  # a bite out of it
    mended = mend_truth(truth, answer)
    assert mended is not None
    assert (mended[195:235, 15:55] == 128).all()
    assert (mended[112:138, 185:195] == 128).all()
    assert mended[128, 120] == 255
    assert mended[5, 5] == 0


def test_where_they_mean_different_things_nothing_is_taught() -> None:
    assert mend_truth(plate(60, 80), plate(60, 150)) is None
    assert mend_truth(np.zeros((SIDE, SIDE), np.uint8), plate()) is None


def test_unknown_truth_does_not_count_as_a_difference() -> None:
    truth = plate()
    truth[:, 150:] = 128
    answer = plate()
    mended = mend_truth(truth, answer)
    assert mended is not None
    np.testing.assert_array_equal(mended, answer)


@pytest.mark.parametrize(("level", "plain"), [(255, True), (128, False), (10, False)])
def test_an_answer_alone_must_be_sure(level: int, plain: bool) -> None:
    answer = plate()
    answer[answer > 0] = level
    assert is_plain(answer) == plain


def test_sets_with_and_without_outlines_become_sets(tmp_path: Path) -> None:
    for folder in ("set/images", "set/masks", "answers"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"set/images/{number}.png"), np.dstack([plate()] * 3))
        cv2.imwrite(str(tmp_path / f"set/masks/{number}.png"), plate(82))
        if number < 3:
            moved = plate(80, 120 + 60 * (number == 2))
            cv2.imwrite(str(tmp_path / f"answers/{number}.png"), moved)
    arguments = ["--answers", str(tmp_path / "answers"), "--out"]
    outlined = CliRunner().invoke(
        main, ["--set", str(tmp_path / "set"), *arguments, str(tmp_path / "taught/set")]
    )
    assert outlined.output == "2 of 4 pictures are taught, 1 have no answer.\n"
    pairs = find_pairs(tmp_path / "taught/set")
    assert [pair.picture.name for pair in pairs] == ["0.png", "1.png"]
    np.testing.assert_array_equal(pairs[0].read()[1], plate(80))
    alone = CliRunner().invoke(
        main, ["--set", str(tmp_path / "set/images"), *arguments, str(tmp_path / "taught/alone")]
    )
    assert alone.output == "3 of 4 pictures are taught, 1 have no answer.\n"
    assert len(find_pairs(tmp_path / "taught/alone")) == 3
