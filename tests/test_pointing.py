"""Pointing at a picture: one that a worker keeps for a connection, and what its gestures give."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from worker_session import connect, start_worker

from mattelier.worker import client
from mattelier.worker.client import Pixels, WorkerError

SAMPLE = Path(__file__).parents[1] / "install" / "sample.jpg"
SIDE = 256
ROCKET, HER = (204, 70), (102, 186)
EXACT = {"quality": "fast", "device": "cpu"}


@pytest.fixture(scope="module", autouse=True)
def _worker() -> Iterator[None]:
    with start_worker():
        yield


@pytest.fixture
def worker() -> Iterator[client.Worker]:
    with connect() as connection:
        yield connection


def photo(side: int = SIDE) -> np.ndarray:
    with Image.open(SAMPLE) as sample:
        return np.asarray(sample.convert("RGB").resize((side, side)))


def pixels(samples: np.ndarray) -> Pixels:
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    return Pixels(samples.shape[1], samples.shape[0], channels, "u8", [samples.tobytes()])


def click(place: tuple[int, int], positive: bool = True) -> dict:
    return {"x": place[0], "y": place[1], "positive": positive}


def ask(worker: client.Worker, stage: str, *clicks: dict, pictures=None, **options) -> np.ndarray:
    """The matte of one gesture, 0…255."""
    hint = {"points": list(clicks), **options.pop("hint", {})}
    matte = {**EXACT, "hint": hint, **options.pop("matte", {})}
    sent = {name: pixels(samples) for name, samples in (pictures or {}).items()}
    answer = worker.run("point", {"stage": stage, "matte": matte, **options}, sent)
    alpha = answer.pictures["alpha"]
    samples = np.frombuffer(b"".join(alpha.strips), np.uint8)
    return samples.reshape(alpha.height, alpha.width).astype(int)


def at(alpha: np.ndarray, place: tuple[int, int], reach: int = 6) -> float:
    x, y = place
    return float(alpha[y - reach : y + reach, x - reach : x + reach].mean())


def test_the_picture_is_sent_once_and_each_gesture_answers(worker: client.Worker) -> None:
    free = ask(worker, "glance", pictures={"picture": photo()})
    assert at(free, HER) > 200
    clicked = ask(worker, "glance", click(ROCKET))
    assert at(clicked, ROCKET) > 200
    corrected = ask(worker, "glance", click(ROCKET), click(HER, False))
    assert at(corrected, ROCKET) > 200
    assert at(corrected, HER) < 30
    assert np.array_equal(ask(worker, "glance"), free), "a gesture that was taken back stays"


def test_what_was_settled_is_what_is_applied(worker: client.Worker) -> None:
    """At the size that was shown to 2/255; at a larger one the same thing with a finer edge."""
    ask(worker, "glance", pictures={"picture": photo()})
    gestures = click(ROCKET), click(HER, False)
    settled = ask(worker, "settle", *gestures)
    same = ask(worker, "apply", *gestures, pictures={"picture": photo()})
    assert np.abs(same - settled).max() <= 2
    larger = ask(worker, "apply", *gestures, pictures={"picture": photo(2 * SIDE)})
    assert larger.shape == (2 * SIDE, 2 * SIDE)
    assert np.abs(larger.reshape(SIDE, 2, SIDE, 2).mean((1, 3)) - settled).mean() < 3


def test_a_gesture_on_a_large_picture_is_answered_small(worker: client.Worker) -> None:
    """What is seen at once need not be more than a window shows; what is settled is."""
    large = photo(1000)
    glanced = ask(worker, "glance", pictures={"picture": large})
    assert glanced.size < 500_000
    scale = glanced.shape[0] / 1000
    settled = ask(worker, "settle")
    assert settled.shape == large.shape[:2]
    for place in (ROCKET, HER, (20, 20)):
        there = [round(at * 1000 / SIDE) for at in place]
        small = [round(at * scale) for at in there]
        assert abs(at(glanced, tuple(small)) - at(settled, tuple(there))) < 60
    dab = {"kind": "sure", "points": [{"x": 60, "y": 60}], "radius": 40}
    drawn = ask(worker, "glance", strokes=[dab])
    assert at(drawn, (round(60 * scale), round(60 * scale)), round(25 * scale)) == 255


def test_subjects_are_kept_apart(worker: client.Worker) -> None:
    ask(worker, "glance", pictures={"picture": photo()})
    away = click(HER, False)
    first = ask(worker, "settle", click(ROCKET), away)
    second = ask(worker, "settle", click(HER), click(ROCKET, False), subject=1)
    assert at(first, ROCKET) > 200 > 60 > at(first, HER)
    assert at(second, HER) > 200 > 60 > at(second, ROCKET)
    for number, seen, clicks in ((0, first, ()), (1, second, ())):
        applied = ask(worker, "apply", *clicks, subject=number, pictures={"picture": photo()})
        assert np.abs(applied - seen).max() <= 2
    with pytest.raises(WorkerError, match="settled"):
        ask(worker, "apply", subject=2, pictures={"picture": photo()})


def test_a_mask_that_it_begins_with_is_the_first_subjects(worker: client.Worker) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:146, 176:236] = 255
    ask(worker, "glance", pictures={"picture": photo(), "mask": mask})
    assert at(ask(worker, "settle"), HER) < 60
    assert at(ask(worker, "settle", click(HER), subject=1), HER) > 200


def test_the_edge_is_moved_without_looking_again(worker: client.Worker) -> None:
    """What a slider gives is what asking anew with its value gives."""
    ask(worker, "glance", pictures={"picture": photo()})
    plain = ask(worker, "settle", click(HER))
    moved = ask(worker, "settle", click(HER), matte={"edge_shift": 3})
    wide = ask(worker, "settle", click(HER), edge_width=12)
    assert moved.sum() > plain.sum()
    assert not np.array_equal(wide, plain)
    ask(worker, "glance", pictures={"picture": photo()})
    again = ask(worker, "settle", click(HER), matte={"edge_shift": 3})
    np.testing.assert_array_equal(again, moved)


def test_strokes_are_obeyed_and_grow_with_the_picture(worker: client.Worker) -> None:
    ask(worker, "glance", pictures={"picture": photo()})
    strokes = [
        {"kind": "sure", "points": [{"x": 20, "y": 40}, {"x": 40, "y": 40}], "radius": 8},
        {"kind": "not", "points": [{"x": HER[0], "y": HER[1]}], "radius": 9},
    ]
    for stage in ("glance", "settle"):
        alpha = ask(worker, stage, strokes=strokes)
        assert alpha[36:45, 20:40].min() == 255, stage
        assert at(alpha, HER, 5) == 0, stage
    larger = ask(worker, "apply", strokes=strokes, pictures={"picture": photo(2 * SIDE)})
    assert larger[72:90, 40:80].min() == 255
    assert at(larger, (2 * HER[0], 2 * HER[1]), 10) == 0


def test_hair_is_solved_under_its_brush_alone(worker: client.Worker) -> None:
    ask(worker, "glance", pictures={"picture": photo()})
    plain = ask(worker, "settle")
    path = [{"x": x, "y": y} for x, y in ((76, 30), (80, 20), (96, 10), (118, 8), (142, 26))]
    stroke = {"kind": "hair", "points": path, "radius": 6}
    brushed = ask(worker, "settle", strokes=[stroke])
    changed = np.argwhere(np.abs(brushed - plain) > 2)
    assert len(changed), "nothing was solved"
    places = np.array([(point["y"], point["x"]) for point in path])
    steps = np.linspace(0, 1, 50)[:, None]
    line = np.concatenate([a + steps * (b - a) for a, b in pairwise(places)])
    away = np.linalg.norm(changed[:, None] - line, axis=-1).min(1)
    assert away.max() <= 8, "what was not brushed changed"


def test_it_begins_with_a_mask_or_a_selection(worker: client.Worker) -> None:
    box = np.zeros((SIDE, SIDE), np.uint8)
    box[:146, 176:236] = 255
    begun = ask(
        worker, "glance", pictures={"picture": photo(), "mask": box},
        hint={"mask_as": "selection"},
    )  # fmt: skip
    assert at(begun, ROCKET) > 150
    assert at(begun, HER) < 60
    settled = ask(worker, "settle").astype(np.uint8)
    again = ask(worker, "settle", pictures={"picture": photo(), "mask": settled})
    assert np.abs(again - settled).mean() < 10


def test_colours_come_with_what_is_applied(worker: client.Worker) -> None:
    ask(worker, "settle", pictures={"picture": photo()})
    options = {"stage": "apply", "matte": EXACT, "foreground": True}
    answer = worker.run("point", options, {"picture": pixels(photo())})
    assert set(answer.pictures) == {"alpha", "foreground"}
    assert answer.pictures["foreground"].channels == 3
    answer = worker.run("point", {**options, "stage": "settle"}, {})
    assert answer.pictures["foreground"].width == SIDE


@pytest.mark.parametrize(
    ("options", "pictures", "sentence"),
    [
        ({}, {}, "no picture to point at"),
        ({"stage": "apply"}, {"picture": photo(32)}, "no picture to point at"),
        ({"stage": "nonsense"}, {}, "stage"),
        ({"strokes": [{"kind": "sure", "points": [], "radius": 3}]}, {}, "needs a point"),
        ({"strokes": [{"kind": "x", "points": [{"x": 1, "y": 1}], "radius": 3}]}, {}, "sure, not"),
        ({"strokes": [{"kind": "not", "points": [{"x": 1, "y": 1}], "radius": 0}]}, {}, "radius"),
        ({"matte": {"model": "no-such"}}, {"picture": photo(32)}, "no-such"),
        ({}, {"picture": np.zeros((2900, 2900, 3), np.uint8)}, "8 megapixels"),
    ],
)
def test_what_cannot_be_is_said_and_the_connection_lives(
    worker: client.Worker, options: dict, pictures: dict, sentence: str
) -> None:
    sent = {name: pixels(samples) for name, samples in pictures.items()}
    with pytest.raises(WorkerError, match=sentence):
        worker.run("point", options, sent)
    assert worker.run("status", {}).report["pid"]


def test_a_picture_is_its_connections_own(worker: client.Worker) -> None:
    ask(worker, "glance", pictures={"picture": photo()})
    with connect() as other, pytest.raises(WorkerError, match="no picture"):
        other.run("point", {})


def test_nothing_settled_is_nothing_to_apply(worker: client.Worker) -> None:
    ask(worker, "glance", pictures={"picture": photo()})
    with pytest.raises(WorkerError, match="settled"):
        ask(worker, "apply", pictures={"picture": photo()})
