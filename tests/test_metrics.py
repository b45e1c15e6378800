"""Scores against their definitions, computed here once more in the plainest way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mattelier.evaluate.metrics import Tally, f_curve, iou, s_measure, sad

SHAPE = (9, 12)
ALPHAS = arrays(np.uint8, SHAPE, elements=st.integers(0, 255)).map(
    lambda levels: (levels / 255).astype(np.float32)
)
TRUTHS = arrays(np.bool_, SHAPE)


def disc(radius: float = 12, size: int = 40) -> np.ndarray:
    ys, xs = np.mgrid[:size, :size]
    return np.hypot(xs - size * 0.45, ys - size * 0.55) < radius


def soft(truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """A prediction with errors of all sizes, its values multiples of 1/255."""
    noise = np.random.default_rng(seed).normal(0, 0.35, truth.shape)
    return (np.rint(np.clip(truth + noise, 0, 1) * 255) / 255).astype(np.float32)


def naive_f(alpha: np.ndarray, truth: np.ndarray, level: int) -> float:
    hits = taken = wanted = 0
    for a, t in zip(alpha.flat, truth.flat, strict=True):
        chosen = round(float(a) * 255) >= level
        hits += chosen and bool(t)
        taken += chosen
        wanted += bool(t)
    if not hits:
        return 0.0
    precision, recall = hits / taken, hits / wanted
    return 1.3 * precision * recall / (0.3 * precision + recall)


def naive_s(alpha: np.ndarray, truth: np.ndarray) -> float:
    """Fan et al. 2017, equations 2 to 10, pixel by pixel."""
    a, t = alpha.astype(float), truth.astype(float)
    height, width = t.shape

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    def variance(values: list[float], others: list[float]) -> float:
        m, n = mean(values), mean(others)
        return sum((x - m) * (y - n) for x, y in zip(values, others, strict=True)) / max(
            len(values) - 1, 1
        )

    def likeness(values: list[float]) -> float:
        m = mean(values)
        return 2 * m / (m * m + 1 + math.sqrt(variance(values, values)))

    inside = [float(x) for x, y in zip(a.flat, t.flat, strict=True) if y]
    outside = [1 - float(x) for x, y in zip(a.flat, t.flat, strict=True) if not y]
    share = len(inside) / t.size
    objects = share * likeness(inside) + (1 - share) * likeness(outside)

    places = [(y, x) for y in range(height) for x in range(width) if t[y, x]]
    cy, cx = (round(mean([float(p[axis]) for p in places])) + 1 for axis in (0, 1))
    regions = 0.0
    for rows in (range(cy), range(cy, height)):
        for columns in (range(cx), range(cx, width)):
            p = [float(a[y, x]) for y in rows for x in columns]
            q = [float(t[y, x]) for y in rows for x in columns]
            if not p:
                continue
            top = 4 * mean(p) * mean(q) * variance(p, q)
            bottom = (mean(p) ** 2 + mean(q) ** 2) * (variance(p, p) + variance(q, q))
            exact = float(bottom == 0)  # both are one flat value
            regions += len(p) / t.size * (top / bottom if top else exact)
    return max(0.0, 0.5 * objects + 0.5 * regions)


def test_the_f_curve_is_that_of_a_loop_over_thresholds() -> None:
    truth = disc()[::2, ::2]
    alpha = soft(truth)
    curve = f_curve(alpha, truth)
    assert curve.shape == (256,)
    np.testing.assert_allclose(
        curve, [naive_f(alpha, truth, level) for level in range(256)], atol=1e-9
    )


def test_f_of_known_answers() -> None:
    truth = disc()
    share = truth.mean()
    assert f_curve(truth.astype(np.float32), truth)[1:] == pytest.approx(1)
    everything = 1.3 * share / (0.3 * share + 1)
    assert f_curve(np.ones(truth.shape, np.float32), truth) == pytest.approx(everything)
    nothing = f_curve(np.zeros(truth.shape, np.float32), truth)
    assert nothing[0] == pytest.approx(everything)  # at threshold 0 all pixels count
    assert not nothing[1:].any()


@settings(max_examples=30, deadline=None)
@given(alpha=ALPHAS, truth=TRUTHS, level=st.integers(0, 255))
def test_f_at_any_threshold(alpha: np.ndarray, truth: np.ndarray, level: int) -> None:
    curve = f_curve(alpha, truth)
    assert curve[level] == pytest.approx(naive_f(alpha, truth, level), abs=1e-9)
    assert curve.min() >= 0
    assert curve.max() <= 1 + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_s_measure_is_the_paper_s(seed: int) -> None:
    truth = disc(5 + 3 * seed, 20 + 4 * seed)
    alpha = soft(truth, seed)
    assert s_measure(alpha, truth) == pytest.approx(naive_s(alpha, truth), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(alpha=ALPHAS, truth=TRUTHS)
def test_s_measure_of_anything(alpha: np.ndarray, truth: np.ndarray) -> None:
    score = s_measure(alpha, truth)
    assert -1e-9 <= score <= 1 + 1e-6
    if 0 < truth.mean() < 1:
        assert score == pytest.approx(naive_s(alpha, truth), abs=1e-5)


def test_s_measure_of_the_best_and_the_worst() -> None:
    truth = disc()
    assert s_measure(truth.astype(np.float32), truth) == pytest.approx(1)
    assert s_measure(1 - truth.astype(np.float32), truth) == pytest.approx(0, abs=0.02)


def test_s_measure_of_an_empty_and_a_full_truth() -> None:
    empty = np.zeros(SHAPE, bool)
    quarter = np.full(SHAPE, 0.25, np.float32)
    assert s_measure(quarter, empty) == pytest.approx(0.75)
    assert s_measure(quarter, ~empty) == pytest.approx(0.25)


@settings(max_examples=50, deadline=None)
@given(mask=TRUTHS, truth=TRUTHS)
def test_iou_counts_pixels(mask: np.ndarray, truth: np.ndarray) -> None:
    ours, theirs = set(map(tuple, np.argwhere(mask))), set(map(tuple, np.argwhere(truth)))
    either = ours | theirs
    assert iou(mask, truth) == (len(ours & theirs) / len(either) if either else 1.0)
    assert iou(mask, truth) == iou(truth, mask)


def test_sad_is_in_thousands_and_counts_its_region_only() -> None:
    truth = np.zeros((50, 100), np.float32)
    alpha = np.full((50, 100), 0.5, np.float32)
    assert sad(alpha, truth, np.ones(truth.shape, bool)) == pytest.approx(2.5)
    left = np.zeros(truth.shape, bool)
    left[:, :20] = True
    assert sad(alpha, truth, left) == pytest.approx(0.5)
    assert sad(truth, truth, left) == 0


def test_a_tally_means_over_pictures() -> None:
    tally, curves, errors = Tally(), [], []
    for seed in range(3):
        truth = disc(6 + 4 * seed)
        alpha = soft(truth, seed)
        tally.add(alpha, truth)
        curves.append([naive_f(alpha, truth, level) for level in range(256)])
        errors.append(np.abs(alpha - truth).mean())
    scores = tally.scores()
    assert scores.count == 3
    assert scores.max_f == pytest.approx(np.mean(curves, axis=0).max())
    assert scores.mae == pytest.approx(np.mean(errors))


def test_a_tally_extended_by_another_is_one_of_all() -> None:
    truth = disc()
    both, first, second = Tally(), Tally(), Tally()
    for tally, seed in ((first, 1), (second, 2)):
        tally.add(soft(truth, seed), truth)
        both.add(soft(truth, seed), truth)
    first.extend(second)
    assert first.scores() == both.scores()


def test_unknown_pixels_do_not_count() -> None:
    truth = disc()
    known = np.ones(truth.shape, bool)
    known[:10] = False
    wrong_there = np.where(known, truth, ~truth).astype(np.float32)
    tally = Tally()
    tally.add(wrong_there, truth, known)
    scores = tally.scores()
    assert (scores.max_f, scores.mae, scores.iou) == (pytest.approx(1), 0, 1)
    assert scores.s_measure == pytest.approx(1)


def test_predictions_are_not_stretched_to_their_own_range() -> None:
    truth = disc()
    tally = Tally()
    tally.add(0.3 * truth.astype(np.float32), truth)
    scores = tally.scores()
    assert scores.iou == 0
    assert scores.mae == pytest.approx(0.7 * truth.mean())


def test_an_empty_tally_has_no_means() -> None:
    scores = Tally().scores()
    assert scores.count == 0
    assert math.isnan(scores.max_f)
