"""`mattelier evaluate`: scores of pictures whose truth is known."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mattelier.cli import main
from mattelier.evaluate.given_hints import GIVEN_HINTS
from mattelier.evaluate.names import HINTS

NAMES = [f"{letter}.png" for letter in "abcdefghijklmnop"]
HELD = [name for name in NAMES if hashlib.sha1(name.encode()).hexdigest()[0] in "01"]
SCORES = ("max_f", "mae", "iou", "s_measure")


def drawn(number: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(number)
    picture = random.normal(110, 4, (72, 96, 3))
    truth = np.zeros((72, 96), np.uint8)
    cv2.circle(truth, (48, 36), 22, 255, -1)
    picture[truth > 0] = random.normal((225, 110, 40), 15, (int((truth > 0).sum()), 3))
    return np.clip(picture, 0, 255).astype(np.uint8), truth


def write(folder: Path, name: str, picture: np.ndarray, truth: np.ndarray) -> None:
    for part, values in (("images", picture), ("masks", truth)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(folder / part / name)


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("truths") / "balls"
    for number, name in enumerate(NAMES[:4]):
        write(folder, name, *drawn(number))
    return folder


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_table_for_people(balls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(balls), "--quality", "fast"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["folder", "hint", "count", "max-F", "MAE", "IoU", "S", "IoU", "of",
                            "hint"]  # fmt: skip
    name, hint, count, max_f, mae, iou, s = row.split()
    assert (name, hint, count) == ("balls", "none", "4")
    assert float(max_f) > 0.6
    assert float(iou) > 0.6
    assert float(s) > 0.5
    assert float(mae) < 0.2


def test_json_holds_the_scores_and_the_hint_s_own(
    balls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["evaluate", str(balls), "--json", "--limit", "1", "--quality", "fast"]
    assert main([*wanted, "--hint", "none", "--hint", "exact"]) == 0
    none, exact = lines(capsys)
    assert set(none) == {"folder", "hint", "count", "hint_iou", *SCORES}
    assert (none["folder"], none["hint"], none["count"]) == ("balls", "none", 1)
    assert (none["hint_iou"], exact["hint_iou"]) == (None, 1.0)
    assert exact["iou"] > 0.6  # type: ignore[operator]


def test_several_folders_have_a_line_for_all(
    balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "more", "x.png", *drawn(9))
    wanted = ["evaluate", str(balls), str(tmp_path / "more"), "--json", "--quality", "fast"]
    assert main(wanted) == 0
    first, second, everything = lines(capsys)
    assert [line["folder"] for line in (first, second, everything)] == ["balls", "more", "all"]
    assert everything["count"] == 5
    for score in ("mae", "iou", "s_measure"):
        mean = (4 * first[score] + second[score]) / 5  # type: ignore[operator]
        assert everything[score] == pytest.approx(mean)


def test_dev_takes_only_what_training_never_saw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 < len(HELD) < len(NAMES) / 2
    for number, name in enumerate(NAMES):
        picture, truth = drawn(number)
        write(tmp_path / "all", name, picture[::2, ::2], truth[::2, ::2])
    arguments = ["--json", "--quality", "fast", "--no-refine"]
    assert main(["evaluate", str(tmp_path / "all"), "--dev", *arguments]) == 0
    for name in set(NAMES) - set(HELD):
        for part in ("images", "masks"):
            (tmp_path / "all" / part / name).unlink()
    assert main(["evaluate", str(tmp_path / "all"), *arguments]) == 0
    dev, held = lines(capsys)
    assert dev == held
    assert dev["count"] == len(HELD)


def test_nothing_to_score_is_valid_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = next(name for name in NAMES if name not in HELD)
    write(tmp_path / "seen", name, *drawn(1))
    assert main(["evaluate", str(tmp_path / "seen"), "--dev", "--json"]) == 0
    out = capsys.readouterr().out
    assert "NaN" not in out
    assert json.loads(out)["count"] == 0


def test_unknown_pixels_are_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A corner that is wrongly called subject costs, one that is called unknown does not."""
    picture, truth = drawn(3)
    for name, value in (("right", 0), ("wrong", 255), ("unknown", 128)):
        truth[:20, :20] = value
        write(tmp_path / name, "x.png", picture, truth)
    folders = [str(tmp_path / name) for name in ("right", "wrong", "unknown")]
    assert main(["evaluate", *folders, "--json", "--quality", "fast"]) == 0
    right, wrong, unknown, _ = (line["iou"] for line in lines(capsys))
    assert unknown == pytest.approx(right, abs=0.01)
    assert wrong < unknown - 0.05  # type: ignore[operator]


@pytest.mark.parametrize("hint", HINTS)
def test_each_hint_can_be_asked_for(
    hint: str, balls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--hint", hint, "--limit", "1", "--json", "--quality", "fast", "--no-refine"]
    assert main(["evaluate", str(balls), *arguments]) == 0
    (line,) = lines(capsys)
    assert (line["hint"], line["count"]) == (hint, 1)
    is_mask = hint not in ("none", "click", "box")
    assert (line["hint_iou"] is not None) == is_mask


def test_hints_made_from_a_truth_are_what_their_names_say() -> None:
    truth = drawn(0)[1] > 0
    assert set(GIVEN_HINTS) == set(HINTS)
    assert GIVEN_HINTS["none"](truth) is None
    hints = {name: make(truth) for name, make in GIVEN_HINTS.items() if name != "none"}
    masks = {name: hint.mask for name, hint in hints.items() if hint and hint.mask is not None}
    np.testing.assert_array_equal(masks["exact"], truth)
    assert ((masks["fat"] > 0.5) & truth).sum() == truth.sum() < (masks["fat"] > 0.5).sum()
    assert 0 < (masks["thin"] > 0.5).sum() < truth.sum()
    assert not ((masks["thin"] > 0.5) & ~truth).any()
    np.testing.assert_allclose(masks["shifted"][5:, 5:][truth[2:-3, 2:-3]].mean(), 1, atol=0.1)
    assert masks["blocks"].mean() == pytest.approx(truth.mean(), abs=0.02)
    assert len(np.unique(masks["blocks"])) <= (72 // 16) * (96 // 16)

    box, points = hints["box"].box, hints["click"].points  # type: ignore[union-attr]
    ys, xs = np.nonzero(truth)
    assert box is not None
    assert (box.x, box.y) == (xs.min(), ys.min())
    assert (box.x + box.width, box.y + box.height) == (xs.max() + 1, ys.max() + 1)
    (point,) = points
    assert point.positive
    assert np.hypot(point.x - 48, point.y - 36) < 3


def test_a_thin_hint_does_not_vanish_with_a_thin_subject() -> None:
    truth = np.zeros((100, 100), bool)
    truth[50, 10:90] = True
    hint = GIVEN_HINTS["thin"](truth)
    assert hint is not None
    assert hint.mask is not None
    assert hint.mask.any()


def test_what_cannot_be_scored_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    picture, truth = drawn(0)
    write(tmp_path / "odd", "a.png", picture, truth[::2, ::2])
    for folder, words in (("empty", "holds no pictures"), ("odd", "not of its picture's size")):
        assert main(["evaluate", str(tmp_path / folder), "--quality", "fast"]) == 2
        (said,) = capsys.readouterr().err.strip().splitlines()
        assert words in said
        assert "unexpected" not in said
