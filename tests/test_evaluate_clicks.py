"""`mattelier evaluate --measure clicks`: how many clicks a model needs, on pictures with truths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_model import make_model

from mattelier.commands.main import main
from mattelier.evaluate.simulated_clicks import ClickOutcome, simulate_clicks
from mattelier.requests import Point

KEYS = {f"{label}_{at}" for label in ("noc", "nof") for at in (85, 90)}
KEYS |= {f"iou_{number}" for number in (1, 2, 3, 5)}
Answer = Callable[[tuple[Point, ...]], np.ndarray]


def scene(height: int = 40, width: int = 60) -> np.ndarray:
    """A large and a small subject, with a grey rim that is not scored."""
    truth = np.zeros((height, width), np.float32)
    cv2.circle(truth, (20, 20), 13, 0.5, -1)
    cv2.circle(truth, (20, 20), 11, 1.0, -1)
    truth[28:36, 44:55] = 1
    return truth


def stamping(radius: int, shape: tuple[int, int]) -> Answer:
    """A "model" that paints a disc at every click, for or against the subject."""

    def answer(points: tuple[Point, ...]) -> np.ndarray:
        alpha = np.zeros(shape, np.float32)
        for point in points:
            value = 0.9 if point.positive else 0.1
            cv2.circle(alpha, (int(point.x), int(point.y)), radius, value, -1)
        return alpha

    return answer


def depths(mask: np.ndarray) -> np.ndarray:
    """Distance to the nearest pixel outside the mask or the picture, by looking at all of them."""
    ys, xs = np.nonzero(~np.pad(mask, 1))
    found = np.zeros(mask.shape)
    for y, x in np.argwhere(mask):
        found[y, x] = np.sqrt(((ys - 1 - y) ** 2 + (xs - 1 - x) ** 2).min())
    return found


def by_hand(answer: Answer, truth: np.ndarray) -> tuple[list[Point], list[float]]:
    """The protocol, written down once more and plainly."""
    subject, background = truth > 0.75, truth < 0.25
    alpha = np.zeros_like(truth)
    points: list[Point] = []
    ious: list[float] = []
    for number in range(1, 21):
        missing = depths(subject & (alpha < 0.5))
        surplus = depths(background & (alpha >= 0.5))
        for point in points:
            missing[int(point.y), int(point.x)] = surplus[int(point.y), int(point.x)] = 0
        if max(missing.max(), surplus.max()) == 0:
            break
        positive = missing.max() > surplus.max()
        deepest = missing if positive else surplus
        y, x = np.argwhere(deepest == deepest.max())[0]
        points.append(Point(float(x), float(y), bool(positive)))
        alpha = answer(tuple(points))
        both = (alpha >= 0.5) & subject
        ious.append(both.sum() / (((alpha >= 0.5) & background) | subject).sum())
        if number >= 5 and max(ious) >= 0.9:
            break
    return points, ious


@pytest.mark.parametrize("radius", [2, 4, 9, 14, 30])
def test_clicks_are_those_of_the_protocol(radius: int) -> None:
    truth = scene()
    answer = stamping(radius, truth.shape)
    done = simulate_clicks(answer, truth)
    points, ious = by_hand(answer, truth)
    assert list(done.points) == points
    assert list(done.ious) == pytest.approx(ious)
    np.testing.assert_array_equal(done.alpha, answer(tuple(points[:5])))


def test_the_first_click_lies_deep_in_the_subject_and_a_right_answer_ends_it() -> None:
    truth = scene()
    done = simulate_clicks(lambda points: truth, truth)
    (point,) = done.points
    assert point == Point(20, 20)
    assert done.ious == (1.0,)
    none = simulate_clicks(lambda points: np.zeros_like(truth), truth)
    assert len(none.points) == len(set(none.points)) == 20
    assert all(p.positive and truth[int(p.y), int(p.x)] == 1 for p in none.points)
    assert set(none.ious) == {0.0}


def test_too_much_is_clicked_away() -> None:
    truth = scene()
    whole: ClickOutcome = simulate_clicks(lambda points: np.ones_like(truth), truth)
    assert [point.positive for point in whole.points[:3]] == [True, False, False]
    assert all(truth[int(p.y), int(p.x)] == 0 for p in whole.points[1:])


# Through the command line. To the tiny model what is red is the subject, and what is blue is not.

PAINT = {0: (20, 150, 20), 1: (255, 50, 128), 2: (20, 150, 255)}


def write(folder: Path, name: str, shapes: np.ndarray) -> None:
    """A picture of green ground, and red and blue subjects; and its truth."""
    picture = np.zeros((*shapes.shape, 3), np.uint8)
    for label, paint in PAINT.items():
        picture[shapes == label] = paint
    for part, values in (("images", picture), ("masks", (shapes > 0) * np.uint8(255))):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(folder / part / name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_model(tmp_path / "models", "tiny")
    make_model(tmp_path / "models", "strong", gain=6.0)
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    one, two = np.zeros((64, 96), np.uint8), np.zeros((64, 96), np.uint8)
    cv2.circle(one, (48, 32), 20, 1, -1)
    two[10:50, 8:36], two[20:44, 60:88] = 1, 2
    for name, shapes in (("a.png", one), ("b.png", two), ("empty.png", np.zeros_like(one))):
        write(tmp_path / "shapes", name, shapes)
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, float]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


FAST = ("--measure", "clicks", "--quality", "fast", "--no-refine")


def test_clicks_are_measured_for_models_side_by_side(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = folder / "out.html"
    models = ("--model", "tiny", "--model", "strong")
    wanted = ["evaluate", str(folder / "shapes"), *FAST, *models, "--json", "--report", str(page)]
    assert main(wanted) == 0
    tiny, strong = lines(capsys)
    for line in (tiny, strong):
        assert set(line) > KEYS
        assert line["count"] == 2  # the empty one says nothing
        assert 1 <= line["noc_85"] <= line["noc_90"] <= 20
        assert 0 <= line["nof_85"] <= line["nof_90"] <= 1
    text = page.read_text("utf-8")
    assert "Worst first, by IoU@5" in text
    assert text.count("<img ") == 2 * (2 + 2 * 2)
    assert "http" not in text


def test_the_whole_path_and_conditions_can_be_clicked_through(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["evaluate", str(folder / "shapes"), "--measure", "clicks", "--limit", "1", "--json"]
    wanted += ["--model", "strong", "--quality", "fast"]
    assert main([*wanted, "--under", "rot90,size50"]) == 0
    clean, turned, small = lines(capsys)
    assert [line["under"] for line in (clean, turned, small)] == ["clean", "rot90", "size50"]
    for line in (clean, turned, small):
        assert line["noc_85"] == 1
        assert line["iou_5"] > 0.9


@pytest.mark.parametrize("arguments", [("--hint", "click"), ("--results", "shapes/masks")])
def test_clicks_take_no_other_hints_and_no_finished_results(
    arguments: tuple[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert main(["evaluate", "shapes", *FAST, *arguments]) == 2
    (output,) = capsys.readouterr().err.strip().splitlines()
    assert "makes its own clicks" in output


def test_a_subject_that_a_condition_leaves_nothing_of_is_told_of(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dot = np.zeros((64, 96), np.uint8)
    dot[30:32, 40:42] = 1
    write(folder / "dot", "a.png", dot)
    assert main(["evaluate", str(folder / "dot"), *FAST, "--under", "size10", "--json"]) == 3
    output = capsys.readouterr()
    assert "Under size10 nothing is left of the subject of a." in output.err
    assert json.loads(output.out.splitlines()[0])["count"] == 1
