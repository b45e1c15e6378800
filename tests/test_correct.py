"""A finished matte corrected by strokes: in Python, and through a worker, which keeps the frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from worker_session import connect, photo, start_worker, to_array

from mattelier.matting.correct import correct
from mattelier.matting.pointing import draw_strokes, stroke_cover
from mattelier.media import stills
from mattelier.requests import Point, Stroke
from mattelier.types.colour import View
from mattelier.types.picture import Picture
from mattelier.worker.client import WorkerError

HEIGHT, WIDTH = 192, 256
Y, X = np.mgrid[:HEIGHT, :WIDTH]
TRUTH = (np.hypot(Y - HEIGHT / 2, X - WIDTH / 2) < HEIGHT / 3).astype(np.float32)
BITE = np.hypot(Y - 50, X - 150) < 22  # over the disc's edge
BLOB = np.hypot(Y - 160, X - 40) < 10  # off the disc


def stroke(kind: str, *places: tuple[float, float], radius: float = 7) -> Stroke:
    return Stroke(kind, tuple(Point(x, y) for x, y in places), radius)


SURE = stroke("sure", (143, 51), (154, 57))
NOT = stroke("not", (36, 160), (44, 160))


@pytest.fixture
def view() -> View:
    return View(Picture(photo(HEIGHT, WIDTH)))


@pytest.fixture
def matte() -> np.ndarray:
    wrong = TRUTH.copy()
    wrong[BITE] = 0
    wrong[BLOB] = 1
    return wrong


def test_the_edge_beside_a_stroke_is_found(view: View, matte: np.ndarray) -> None:
    corrected = correct(view, matte, [SURE, NOT])
    before, painted, after = (
        float(np.abs(alpha - TRUTH).sum())
        for alpha in (matte, draw_strokes(matte, [SURE, NOT]), corrected)
    )
    assert before > 900
    assert after < 0.15 * before
    assert after < 0.3 * painted
    for one, value in ((SURE, 1), (NOT, 0)):
        brushed = stroke_cover(matte.shape, one) == 1
        assert (corrected[brushed] == value).all()


def test_what_is_far_from_strokes_stays(view: View, matte: np.ndarray) -> None:
    corrected = correct(view, matte, [SURE])
    reach = stroke_cover(matte.shape, stroke("sure", (143, 51), (154, 57), radius=22)) > 0
    np.testing.assert_array_equal(corrected[~reach], matte[~reach])
    assert correct(view, matte, []) is matte
    off = stroke("sure", (5000, 5000))
    np.testing.assert_array_equal(correct(view, matte, [off]), matte)


def test_plus_takes_nothing_away_and_minus_adds_nothing(view: View, matte: np.ndarray) -> None:
    """Also where colours say another thing than the artist."""
    soft = matte * np.float32(0.7)
    across = ((10, 100), (250, 100))
    assert (correct(view, soft, [stroke("sure", *across)]) >= soft - 1e-6).all()
    assert (correct(view, soft, [stroke("not", *across)]) <= soft + 1e-6).all()


def test_the_later_stroke_holds(view: View, matte: np.ndarray) -> None:
    place = (128, 96)
    both = correct(view, matte, [stroke("not", place, radius=12), stroke("sure", place, radius=4)])
    assert both[96, 128] == 1
    assert both[96, 138] == 0


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plate")
    for frame in (7, 8):
        Image.fromarray(photo(HEIGHT, WIDTH)).save(folder / f"p.{frame:04d}.png")
        veil = np.full((HEIGHT, WIDTH, 1), 128, np.uint8)
        rgba = np.concatenate([photo(HEIGHT, WIDTH), veil], -1)
        Image.fromarray(rgba).save(folder / f"veil.{frame:04d}.png")
    return folder


def options(plate: Path, matte: Path, *strokes: Stroke, name: str = "p", **others: object) -> dict:
    told = [
        {"kind": s.kind, "points": [{"x": p.x, "y": p.y} for p in s.points], "radius": s.radius}
        for s in strokes
    ]
    return {
        "plate": str(plate / f"{name}.####.png"),
        "frame": 7,
        "matte": str(matte),
        "strokes": told,
        **others,
    }


def test_a_worker_answers_and_writes(plate: Path, matte: np.ndarray, tmp_path: Path) -> None:
    file, key = tmp_path / "matte.exr", tmp_path / "key.exr"
    stills.write_matte(file, matte)
    with start_worker(), connect() as worker:
        shown = worker.run("correct", options(plate, file), depth="f32").pictures["alpha"]
        np.testing.assert_array_equal(to_array(shown), matte)
        file.rename(tmp_path / "moved.exr")  # what is asked about is kept
        told = options(plate, file, SURE, NOT, output=str(key))
        alpha = to_array(worker.run("correct", told, depth="f32").pictures["alpha"])
        np.testing.assert_allclose(stills.read_grey(key), alpha, atol=1e-3)
        assert np.abs(alpha - TRUTH).sum() < 0.15 * np.abs(matte - TRUTH).sum()
        for wrong, told in (
            ({"frame": 99}, "The plate has no frame 99"),
            ({"matte": "matte.exr"}, "absolute paths"),
            ({"frame": 8}, "no such file|does not exist|There is no|missing"),
        ):
            with pytest.raises(WorkerError, match=told):
                worker.run("correct", {**options(plate, file), **wrong})


def test_the_plates_own_alpha_is_no_part_of_a_key(
    plate: Path, matte: np.ndarray, tmp_path: Path
) -> None:
    """`roto` multiplies it in, and will do so again with the key."""
    baked, key = tmp_path / "matte.exr", tmp_path / "key.exr"
    stills.write_matte(baked, matte * np.float32(128 / 255))
    with start_worker(), connect() as worker:
        worker.run("correct", options(plate, baked, SURE, name="veil", output=str(key)))
        found = stills.read_grey(key)
        assert found[96, 128] == pytest.approx(1, abs=2e-3)
        assert found[5, 5] == 0
        again = options(plate, key, name="veil", has_plate_alpha=False, output=str(baked))
        worker.run("correct", again)
        np.testing.assert_array_equal(stills.read_grey(baked), found)


def test_another_size_is_refused(plate: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.exr"
    stills.write_matte(file, np.zeros((10, 20), np.float32))
    with (
        start_worker(),
        connect() as worker,
        pytest.raises(WorkerError, match="The matte is 20×10 pixels but the plate is 256×192"),
    ):
        worker.run("correct", options(plate, file))
