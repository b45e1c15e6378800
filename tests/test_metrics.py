"""Scores against their definitions, computed here once more in the plainest way.

Golden values are those of independent programs on pictures that `soft` and `waves` draw:
PySODMetrics 1.6.2 (which cannot be installed beside our OpenCV) and scikit-image 0.26.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mattelier.metrics.boundaries import bf_score, boundary_f, boundary_iou, contour_f, relaxed_f
from mattelier.metrics.details import holes_open, thin_kept
from mattelier.metrics.fidelity import psnr_y, ssim_y
from mattelier.metrics.masks import e_curve, f_curve, iou, s_measure, weighted_f
from mattelier.metrics.mattes import connectivity_error, gradient_error, mad, mse, sad, soft_band
from mattelier.metrics.measures import MEASURES, Case, Scores

SHAPE = (9, 12)
ALPHAS = arrays(np.uint8, SHAPE, elements=st.integers(0, 255)).map(
    lambda levels: (levels / 255).astype(np.float32)
)
TRUTHS = arrays(np.bool_, SHAPE)


def disc(radius: float = 12, size: int = 40) -> np.ndarray:
    ys, xs = np.mgrid[:size, :size]
    return np.hypot(xs - size * 0.45, ys - size * 0.55) < radius


def wavy(truth: np.ndarray, seed: int) -> np.ndarray:
    """A prediction that is shifted and uneven, without random numbers."""
    ys, xs = np.mgrid[: truth.shape[0], : truth.shape[1]]
    wave = 0.35 * np.sin((seed + 2) * xs / 5.0) * np.cos((seed + 1) * ys / 7.0)
    wave += 0.1 * np.sin(xs * ys / 9.0)
    shifted = np.roll(truth, (seed, 2 * seed), (0, 1))
    return (np.rint(np.clip(shifted + wave, 0, 1) * 255) / 255).astype(np.float32)


def soft(truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """A prediction with errors of all sizes, its values multiples of 1/255."""
    noise = np.random.default_rng(seed).normal(0, 0.35, truth.shape)
    return (np.rint(np.clip(truth + noise, 0, 1) * 255) / 255).astype(np.float32)


def naive_f(alpha: np.ndarray, truth: np.ndarray, level: int) -> float:
    hits = taken = wanted = 0
    for a, t in zip(alpha.flat, truth.flat, strict=True):
        predicted = round(float(a) * 255) >= level
        hits += predicted and bool(t)
        taken += predicted
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


# Golden values: PySODMetrics, and scikit-image.

SALIENCY = (
    {"max_f": 1.0, "mean_f": 0.79375, "weighted_f": 0.646928, "s_measure": 0.890782,
     "max_e": 1.000978, "mean_e": 0.858304, "mae": 0.075061},
    {"max_f": 0.859873, "mean_f": 0.719645, "weighted_f": 0.65312, "s_measure": 0.820861,
     "max_e": 0.959506, "mean_e": 0.838408, "mae": 0.113134},
    {"max_f": 0.800075, "mean_f": 0.681222, "weighted_f": 0.638826, "s_measure": 0.769791,
     "max_e": 0.927264, "mean_e": 0.820364, "mae": 0.142938},
)  # fmt: skip


def masks(alpha: np.ndarray, truth: np.ndarray) -> Scores:
    return MEASURES["masks"].score(Case(alpha, truth.astype(np.float32)))


@pytest.mark.parametrize("seed", range(3))
def test_saliency_scores_are_those_of_pysodmetrics(seed: int) -> None:
    truth = disc(6 + 4 * seed, 32 + 12 * seed)
    values = masks(wavy(truth, seed), truth).values
    assert {key: values[key] for key in SALIENCY[seed]} == pytest.approx(SALIENCY[seed], abs=2e-6)


def test_fidelity_is_that_of_scikit_image() -> None:
    def waves(k: float) -> np.ndarray:
        ys, xs = np.mgrid[:40, :52]
        channels = [
            128 + 90 * np.sin((xs + c * 5) / (4 + k) + ys / 7.0) * np.cos(ys / (5.0 + c))
            for c in range(3)
        ]
        return np.stack(channels, -1).round().astype(np.uint8)

    assert psnr_y(waves(0), waves(0.3), 2) == pytest.approx(24.12015998361398)
    assert ssim_y(waves(0), waves(0.3), 2) == pytest.approx(0.8325459888276878)


# Masks.


def test_weighted_f_forgives_what_lies_near() -> None:
    """Equal numbers of wrong pixels cost less at the edge than far out (Margolin et al. 2014)."""
    truth = disc(10, 60)
    near, far = truth.astype(np.float32), truth.astype(np.float32)
    rim = disc(11, 60) & ~truth
    near[rim] = 1
    far[:3, : -(-int(rim.sum()) // 3)] = 1
    assert weighted_f(near, truth) > weighted_f(far, truth) + 0.02
    assert weighted_f(truth.astype(np.float32), truth) == pytest.approx(1)
    assert weighted_f(near, np.zeros_like(truth)) == 0


def test_e_of_an_empty_and_a_full_truth_counts_pixels() -> None:
    quarter = np.zeros(SHAPE, np.float32)
    quarter[:3] = 1
    share = quarter.mean() * quarter.size / (quarter.size - 1)
    assert e_curve(quarter, np.ones(SHAPE, bool))[1:] == pytest.approx(share)
    assert e_curve(quarter, np.zeros(SHAPE, bool))[1:] == pytest.approx(
        quarter.size / (quarter.size - 1) - share
    )


def naive_outline_f(mask: np.ndarray, truth: np.ndarray, slack: float, beta2: float) -> float:
    def near(points: np.ndarray, others: np.ndarray) -> float:
        away = np.hypot(*(points[:, None] - others[None]).transpose(2, 0, 1))
        return float((away.min(axis=1) <= slack).mean())

    ours, theirs = np.argwhere(mask), np.argwhere(truth)
    precision, recall = near(ours, theirs), near(theirs, ours)
    return (1 + beta2) * precision * recall / (beta2 * precision + recall)


@pytest.mark.parametrize("seed", range(3))
def test_outline_scores_are_those_of_all_pairs_of_pixels(seed: int) -> None:
    from scipy.ndimage import binary_erosion

    truth = disc(12 + 2 * seed, 60)
    mask = wavy(truth, seed + 2) >= 0.5

    def rim(values: np.ndarray, width: int = 1) -> np.ndarray:
        return values & ~binary_erosion(values, np.ones((3, 3)), width)

    assert relaxed_f(mask, truth) == pytest.approx(
        naive_outline_f(rim(mask), rim(truth), 3, 0.3), abs=1e-6
    )
    width = round(0.02 * np.hypot(60, 60))
    assert boundary_iou(mask, truth) == pytest.approx(iou(rim(mask, width), rim(truth, width)))

    def seam(values: np.ndarray) -> np.ndarray:
        found = np.zeros_like(values)
        for y in range(60):
            for x in range(60):
                after = values[y : y + 2, x : x + 2]
                found[y, x] = (after != values[y, x]).any()
        return found

    assert contour_f(mask, truth) == pytest.approx(
        naive_outline_f(seam(mask), seam(truth), 1, 1.0), abs=1e-6
    )

    def perimeter(values: np.ndarray) -> np.ndarray:
        return values & ~binary_erosion(values)  # of four neighbours; outside there is nothing

    wide = np.kron(truth, np.ones((6, 6), bool))
    grown = np.roll(wide, (seed + 4, 3), (0, 1))
    slack = 0.0075 * np.hypot(360, 360)
    found = bf_score(grown, wide)
    assert 0.05 < found < 0.95
    assert found == pytest.approx(
        naive_outline_f(perimeter(grown), perimeter(wide), slack, 1.0), abs=1e-6
    )


@pytest.mark.parametrize("score", [relaxed_f, boundary_iou, contour_f, bf_score])
def test_outline_scores_of_known_answers(score: object) -> None:
    truth, nothing = disc(), np.zeros((40, 40), bool)
    assert score(truth, truth) == 1  # type: ignore[operator]
    assert score(nothing, nothing) == 1  # type: ignore[operator]
    assert score(truth, nothing) == score(nothing, truth) == 0  # type: ignore[operator]


# Mattes.


def hairy() -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[:48, :56]
    truth = np.clip((16 - np.hypot(xs - 28, ys - 24)) / 5 + 0.5, 0, 1)
    alpha = np.clip(truth + 0.3 * np.sin(xs / 3.0) * np.cos(ys / 4.0) * (truth > 0.05), 0, 1)
    alpha[2:6, 2:6] = 0.8  # a piece apart
    truth[28:42, 32:46] = alpha[28:42, 32:46] = 0.9  # joined to the whole
    truth[42:48, 46:52] = alpha[42:48, 46:52] = 0.9  # touches the one above at a corner only
    truth[42:48, 46:52] -= 0.1
    return alpha.astype(np.float32), truth.astype(np.float32)


def test_means_of_errors_are_times_a_thousand() -> None:
    alpha, truth = hairy()
    band = soft_band(truth)
    error = (alpha - truth)[band].astype(float)
    assert mad(alpha, truth, band) == pytest.approx(1000 * np.abs(error).mean())
    assert mse(alpha, truth, band) == pytest.approx(1000 * (error**2).mean())
    assert sad(alpha, truth, band) == pytest.approx(np.abs(error).sum() / 1000)
    nowhere = np.zeros_like(band)
    assert [f(alpha, truth, nowhere) for f in (mad, mse, sad)] == [0, 0, 0]


def test_the_gradient_error_is_that_of_gaussian_derivatives() -> None:
    from scipy.ndimage import gaussian_filter

    alpha, truth = hairy()
    everywhere = np.ones(truth.shape, bool)

    def magnitude(values: np.ndarray) -> np.ndarray:
        slopes = [
            gaussian_filter(values.astype(float), 1.4, order, mode="nearest", truncate=8)
            for order in ((0, 1), (1, 0))
        ]
        return np.hypot(*slopes)

    # The published filters have unit energy; a Gaussian's derivative has 1 / (8 π σ⁴).
    energy = 1 / (8 * np.pi * 1.4**4)
    plain = ((magnitude(alpha) - magnitude(truth)) ** 2).sum() / energy / 1000
    assert gradient_error(alpha, truth, everywhere) == pytest.approx(plain, rel=0.02)
    assert gradient_error(truth, truth, everywhere) == 0


def test_connectivity_is_the_definition_s() -> None:
    from scipy.ndimage import label

    alpha, truth = hairy()
    level = np.zeros(truth.shape)
    reached = np.ones(truth.shape, bool)
    for threshold in np.arange(1, 11) / 10:
        both = (alpha >= threshold - 1e-6) & (truth >= threshold - 1e-6)
        labels, count = label(both)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        reached &= labels == np.argmax(sizes) + 1 if count else False
        level[reached] = threshold

    def degree(values: np.ndarray) -> np.ndarray:
        above = values - level
        return 1 - above * (above >= 0.15)

    everywhere = np.ones(truth.shape, bool)
    expected = np.abs(degree(alpha) - degree(truth)).sum() / 1000
    assert connectivity_error(alpha, truth, everywhere) == pytest.approx(expected, abs=1e-4)
    assert connectivity_error(truth, truth, everywhere) == 0
    nothing = np.zeros_like(truth)
    assert connectivity_error(nothing, truth, everywhere) == pytest.approx(
        truth[truth >= 0.15].sum() / 1000, rel=1e-3
    )


def test_the_band_is_what_is_soft_and_a_little_around() -> None:
    truth = hairy()[1]
    band = soft_band(truth, 2)
    assert band[(truth > 0.02) & (truth < 0.98)].all()
    assert 0.1 < band.mean() < 0.5
    hard = (truth > 0.5).astype(np.float32)
    assert soft_band(hard, 2)[24, 11]  # an edge needs a band also where the truth is not soft
    assert not soft_band(hard, 2)[24, 28]
    assert not soft_band(np.zeros_like(truth)).any()


def test_mattes_are_scored_whole_and_in_the_trimap_s_band() -> None:
    alpha, truth = hairy()
    unknown = np.zeros(truth.shape, bool)
    unknown[:24] = True
    values = MEASURES["mattes"].score(Case(alpha, truth, unknown)).values
    everywhere = np.ones(truth.shape, bool)
    assert values["sad"] == sad(alpha, truth, everywhere)
    assert values["gradient_band"] == gradient_error(alpha, truth, unknown)
    assert values["connectivity_band"] == connectivity_error(alpha, truth, unknown)
    assert set(values) == {column.key for column in MEASURES["mattes"].columns}


# Video.


def test_dtssd_is_the_change_that_the_truth_does_not_have() -> None:
    score = MEASURES["video"].score
    truth = [disc(8).astype(np.float32), disc(9).astype(np.float32)]
    first = score(Case(truth[0], truth[0])).values
    assert (first["j"], first["f"], first["dtssd"]) == (1, 1, 0)
    flicker = truth[1].copy()
    flicker[:4] = 0.5
    second = score(Case(flicker, truth[1], previous=(truth[0], truth[0]))).values
    assert second["dtssd"] == pytest.approx(100 * np.sqrt(0.25 * 4 / 40))
    constant = score(Case(flicker, truth[1], previous=(flicker, truth[1]))).values
    assert constant["dtssd"] == 0
    assert second["mad"] == pytest.approx(1000 * 0.5 * 4 / 40)


# Means.


def test_means_are_over_pictures_and_maxima_of_the_mean_curve() -> None:
    measured, curves, errors = [], [], []
    for seed in range(3):
        truth = disc(6 + 4 * seed)
        alpha = soft(truth, seed)
        measured.append(masks(alpha, truth))
        curves.append([naive_f(alpha, truth, level) for level in range(256)])
        errors.append(np.abs(alpha - truth).mean())
    scores = MEASURES["masks"].mean(measured)
    assert scores["max_f"] == pytest.approx(np.mean(curves, axis=0).max())
    assert scores["mean_f"] == pytest.approx(np.mean(curves))
    assert scores["mae"] == pytest.approx(np.mean(errors))
    assert max(m.values["max_f"] for m in measured) > scores["max_f"]


def test_unknown_pixels_do_not_count() -> None:
    truth = disc()
    grey = truth.astype(np.float32)
    grey[:10] = 0.5
    wrong_there = np.where(grey == 0.5, 1, truth).astype(np.float32)
    values = MEASURES["masks"].score(Case(wrong_there, grey)).values
    assert (values["max_f"], values["mae"], values["iou"]) == (pytest.approx(1), 0, 1)
    for key in ("s_measure", "weighted_f", "boundary_f", "boundary_iou"):
        assert values[key] == pytest.approx(1), key


def test_predictions_are_not_stretched_to_their_own_range() -> None:
    truth = disc()
    values = masks(0.3 * truth.astype(np.float32), truth).values
    assert values["iou"] == 0
    assert values["mae"] == pytest.approx(0.7 * truth.mean())


@pytest.mark.parametrize("name", MEASURES)
def test_nothing_has_no_means(name: str) -> None:
    scores = MEASURES[name].mean([])
    assert scores
    assert all(math.isnan(score) for score in scores.values())


def test_an_outline_counts_within_so_many_pixels_and_not_at_the_picture_s_border() -> None:
    truth = np.zeros((40, 60), bool)
    truth[:, :30] = True
    moved = np.zeros_like(truth)
    moved[:, :32] = True
    assert boundary_f(truth, truth, 0) == 1
    assert boundary_f(moved, truth, 1) == 0
    assert boundary_f(moved, truth, 2) == 1
    half = truth.copy()
    half[:20] = moved[:20]  # half of either outline is where the other is
    assert boundary_f(half, truth, 0) == pytest.approx(0.5, abs=0.03)


def rings(size: int = 200) -> np.ndarray:
    """Two plates with a hole each, one large and one small, and a notch that is no hole."""
    ys, xs = np.mgrid[:size, :size]
    truth = (np.hypot(xs - 55, ys - 90) < 45) & (np.hypot(xs - 55, ys - 90) > 25)
    truth |= (np.hypot(xs - 150, ys - 90) < 35) & (np.hypot(xs - 150, ys - 90) > 6)
    truth[160:, 20:100] = True
    truth[180:, 50:70] = False
    return np.asarray(truth)


def test_each_hole_counts_alike_and_counts_where_it_is_open() -> None:
    truth = rings()
    ys, xs = np.mgrid[:200, :200]
    large, small = np.hypot(xs - 55, ys - 90) <= 25, np.hypot(xs - 150, ys - 90) <= 6
    assert holes_open(truth, truth) == 1
    assert holes_open(truth | small, truth) == 0.5
    assert holes_open(truth | large, truth) == 0.5
    assert holes_open(truth | large | small, truth) == 0
    assert holes_open(truth | (large & (xs < 40)), truth) == 1  # the greater part is open
    assert holes_open(truth | (large & (xs < 70)), truth) == 0.5
    notch = truth.copy()
    notch[180:, 50:70] = True
    assert holes_open(notch, truth) == 1  # what the border closes is no hole


def test_specks_are_no_holes_and_a_subject_may_have_none() -> None:
    truth = disc(60, 200)
    assert math.isnan(holes_open(truth, truth))
    truth[100:104, 100:104] = False  # 16 pixels of 40,000
    assert math.isnan(holes_open(truth, truth))
    truth[100:104, 100:105] = False  # 20 are a hole
    assert holes_open(truth, truth) == 1


def test_thin_is_what_is_narrower_than_a_hundredth_of_the_longer_side() -> None:
    plate = np.zeros((300, 400), bool)
    plate[100:250, 50:150] = True
    assert math.isnan(thin_kept(plate, plate))
    spoke = plate.copy()
    spoke[150:154, 150:350] = True  # 4 pixels, where 5 are the limit
    assert thin_kept(spoke, spoke) == 1
    assert thin_kept(plate, spoke) < 0.02  # the plate's corners alone
    half = spoke.copy()
    half[:, 250:] = False
    assert thin_kept(half, spoke) == pytest.approx(0.5, abs=0.02)
    bar = plate.copy()
    bar[150:155, 150:350] = True
    assert math.isnan(thin_kept(bar, bar))
    edge = plate.copy()
    edge[:, :2] = True  # goes on beyond the border, for all one knows
    assert math.isnan(thin_kept(edge, edge))


def test_pictures_without_holes_do_not_count_for_holes() -> None:
    measure = MEASURES["detail"]

    def score(result: np.ndarray, truth: np.ndarray) -> Scores:
        return measure.score(Case(result.astype(np.float32), truth.astype(np.float32)))

    ring, plain = rings(), disc(60, 200)
    filled = ring | (np.mgrid[:200, :200][1] < 100) & disc(25, 200)
    scores = [score(ring, ring), score(filled, ring), score(plain, plain)]
    assert measure.mean(scores)["holes_open"] == pytest.approx(
        np.mean([holes_open(ring, ring), holes_open(filled, ring)])
    )
    assert math.isnan(measure.mean(scores[2:])["holes_open"])


def test_grey_truth_is_not_scored_in_detail() -> None:
    truth = rings().astype(np.float32)
    ys, xs = np.mgrid[:200, :200]
    truth[np.hypot(xs - 150, ys - 90) <= 6] = 0.5  # nobody knows
    filled = np.maximum(truth, 0.6 * (truth == 0.5)).astype(np.float32)
    empty = np.where(truth == 0.5, 0, truth).astype(np.float32)
    one, other = (MEASURES["detail"].score(Case(result, truth)) for result in (filled, empty))
    assert one.values == other.values
    assert one.values["holes_open"] == 1  # the other, which is known
    truth[(truth == 0) & (np.hypot(xs - 55, ys - 90) <= 25)] = 0.5
    assert math.isnan(MEASURES["detail"].score(Case(filled, truth)).values["holes_open"])
