"""Mattes as keyed curves: within the tolerance on every frame, with few points and few keys."""

from __future__ import annotations

import functools
import json

import cv2
import numpy as np
import pytest
from worker_session import connect, start_worker, to_pixels

from mattelier.matting.outlines import find_outlines
from mattelier.matting.splines import Spline, sample_curve, trace
from mattelier.media import stills
from mattelier.worker.client import WorkerError

HEIGHT, WIDTH = 180, 320
FRAMES = range(1, 31)


@functools.cache
def _places() -> tuple[np.ndarray, np.ndarray]:
    y, x = (np.mgrid[: HEIGHT * 4, : WIDTH * 4].astype(np.float32) + 0.5) / 4
    return x, y


def cover(inside) -> np.ndarray:
    """A shape's exact matte: `inside(x, y)` in pixels from the top left corner, 4 × 4 a pixel."""
    fine = inside(*_places()).astype(np.float32)
    return fine.reshape(HEIGHT, 4, WIDTH, 4).mean((1, 3))


@functools.cache
def ring(frame: int) -> np.ndarray:
    def inside(x, y):
        distance = np.hypot(x - 60 - 5 * frame, y - 90)
        return (distance < 50) & (distance > 15)

    return cover(inside)


@functools.cache
def box(frame: int) -> np.ndarray:
    cosine, sine = np.cos(0.02 * frame), np.sin(0.02 * frame)

    def inside(x, y):
        u, v = (x - 160) * cosine + (y - 90) * sine, (y - 90) * cosine - (x - 160) * sine
        return (abs(u) < 70) & (abs(v) < 35)

    return cover(inside)


@functools.cache
def parting(frame: int) -> np.ndarray:
    """A disc that becomes two."""
    return cover(
        lambda x, y: (
            np.minimum(np.hypot(x - 160 - 3 * frame, y - 90), np.hypot(x - 160 + 3 * frame, y - 90))
            < 40
        )
    )


def shape_on(spline: Spline, frame: int) -> np.ndarray | None:
    """A curve on a frame, as hosts interpolate keyed shapes: evenly."""
    if not spline.first <= frame <= spline.last:
        return None
    before = max(key for key in spline.keys if key <= frame)
    after = min(key for key in spline.keys if key >= frame)
    share = (frame - before) / max(after - before, 1)
    return (1 - share) * spline.keys[before] + share * spline.keys[after]


@pytest.mark.parametrize("tolerance", [1.0, 3.0])
@pytest.mark.parametrize("shape", [ring, box, parting])
def test_every_frame_lies_within_the_tolerance(shape, tolerance):
    traced = trace(((frame, shape(frame)) for frame in FRAMES), tolerance)
    for frame in FRAMES:
        matte = shape(frame) > 0.5
        drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
        for spline in traced.splines:
            curve = shape_on(spline, frame)
            if curve is not None:
                places = np.round((sample_curve(curve, 0.5) - 0.5) * 16).astype(np.int32)
                cv2.fillPoly(drawn, [places], int(spline.depth % 2 == 0), shift=4)
        edge = matte.astype(np.uint8) ^ cv2.erode(matte.astype(np.uint8), np.ones((3, 3)))
        depth = cv2.distanceTransform(1 - edge, cv2.DIST_L2, 5)
        wrong = drawn.astype(bool) != matte
        assert depth[wrong].max(initial=0) <= tolerance + 1  # the raster's own pixel


def test_few_keys_and_points_are_enough():
    outer, hole = trace(((frame, ring(frame)) for frame in FRAMES), 1).splines
    assert (outer.depth, hole.depth) == (0, 1)
    for spline in (outer, hole):  # it walks evenly
        assert sorted(spline.keys) == [1, 30]
        assert len(spline.keys[1]) <= 6
    (turning,) = trace(((frame, box(frame)) for frame in FRAMES), 1).splines
    assert len(turning.keys) <= 8
    assert len(turning.keys[1]) <= 40


def test_a_wider_tolerance_needs_less():
    sizes = []
    for tolerance in (0.5, 1, 2, 4):
        (spline,) = trace(((frame, box(frame)) for frame in FRAMES), tolerance).splines
        sizes.append(len(spline.keys) * len(spline.keys[1]))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] / 4


def test_a_piece_that_comes_has_a_curve_of_its_own():
    first, second = trace(((frame, parting(frame)) for frame in FRAMES), 1).splines
    assert (first.first, first.last) == (1, 30)
    assert (second.first, second.last) == (14, 30)


def test_outlines_are_found_between_pixels():
    for radius in (20.0, 20.3, 20.5, 20.8):
        matte = cover(lambda x, y, r=radius: np.hypot(x - 100.2, y - 80.7) < r)
        (outline,), _ = find_outlines(matte)
        distance = np.hypot(*(outline.points - (100.2, 80.7)).T)
        assert abs(distance.mean() - radius) < 0.1
        assert abs(distance - radius).max() < 0.35


def test_what_the_picture_cuts_off_goes_on_outside():
    (outline,), _ = find_outlines(cover(lambda x, y: x < 100), margin=4)
    assert outline.points[:, 0].min() < -3
    assert outline.points[:, 1].min() < -3
    assert outline.points[:, 1].max() > HEIGHT + 3


def test_specks_are_left_out_and_counted():
    def inside(x, y):
        return (np.hypot(x - 100, y - 90) < 30) | (np.hypot(x - 200, y - 90) < 2)

    traced = trace([(1, cover(inside))], 8)
    assert len(traced.splines) == 1
    assert traced.left_out == 1
    assert trace([(1, np.zeros((9, 9), np.float32))], 1).splines == ()


def test_the_worker_writes_them(tmp_path):
    for frame in (1001, 1002, 1003):
        stills.write_matte(tmp_path / f"ring.{frame}.exr", ring(frame - 1000))
    options = {
        "mattes": str(tmp_path / "ring.####.exr"),
        "frames": "1001-1003",
        "tolerance": 1,
        "output": str(tmp_path / "out.json"),
    }
    with start_worker(), connect() as worker:
        report = worker.run("splines", options).report
        assert (report["splines"], report["left_out"]) == (2, 0)
        for change, sentence in (
            ({"tolerance": 0}, "The tolerance is 0.25 to 100 pixels, not 0."),
            ({"mattes": "ring.####.exr"}, "The worker needs absolute paths, not ring.####.exr."),
            ({"frames": "1001-1004"}, f"{tmp_path / 'ring.1004.exr'} does not exist."),
            ({"more": 1}, "Splines are asked for with frames, mattes, output, tolerance."),
        ):
            with pytest.raises(WorkerError) as error:
                worker.run("splines", {**options, **change})
            assert str(error.value) == sentence
        drawn = worker.run("outline", {"tolerance": 1}, {"mask": to_pixels(ring(1))}).report
        assert drawn["size"] == [WIDTH, HEIGHT]
        assert [(one["depth"], list(one["keys"])) for one in drawn["splines"]] == [
            (0, ["0"]),
            (1, ["0"]),
        ]
        for options_of_it, sentence in (
            ({"tolerance": 1, "frames": "1"}, "An outline is asked for with tolerance."),
            ({"tolerance": 0}, "The tolerance is 0.25 to 100 pixels, not 0."),
        ):
            with pytest.raises(WorkerError) as error:
                worker.run("outline", options_of_it, {"mask": to_pixels(ring(1))})
            assert str(error.value) == sentence
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["size"] == [WIDTH, HEIGHT]
    assert [one["depth"] for one in found["splines"]] == [0, 1]
    assert {
        len(point) for one in found["splines"] for k in one["keys"].values() for point in k
    } == {6}
