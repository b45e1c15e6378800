"""Standard scores of masks, region by region, after their published definitions.

Predictions are float 0…1 at the truth's size and are scored as they are: stretching them to
their own range first would change MAE, and hide an empty answer. Truths are boolean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
_BETA2 = 0.3
_TINY = 1e-20


def f_curve(alpha: Map, truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(256,) F-measure (β² = 0.3) at thresholds 0, 1/255, … 1, a pixel counting when ≥."""
    hits, taken = _counts(alpha, truth)
    precision = hits / np.maximum(taken, 1)
    recall = hits / max(int(truth.sum()), 1)
    curve: NDArray[np.float64] = (
        (1 + _BETA2) * precision * recall / np.maximum(_BETA2 * precision + recall, 1e-12)
    )
    return curve


def iou(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union; 1 when both are empty."""
    either = int((mask | truth).sum())
    return int((mask & truth).sum()) / either if either else 1.0


def s_measure(alpha: Map, truth: NDArray[np.bool_]) -> float:
    """Structure measure with α = 0.5 (Fan et al. 2017): objects and four quadrants alike."""
    share = float(truth.mean())
    if share in (0.0, 1.0):
        mean = float(alpha.mean())
        return mean if share else 1 - mean
    inside = share * _object(alpha[truth])
    outside = (1 - share) * _object(1 - alpha[~truth])
    return max(0.0, 0.5 * (inside + outside) + 0.5 * _regions(alpha, truth))


def weighted_f(alpha: Map, truth: NDArray[np.bool_]) -> float:
    """Weighted F-measure, β² = 1 (Margolin et al. 2014); 0 where the truth is empty.

    An error on the subject counts as the mean around it where that is less (7×7 Gaussian, σ = 5),
    one beside it the more the farther it lies from the subject (half as much per 5 pixels less).
    """
    import cv2
    from scipy.ndimage import distance_transform_edt

    if not truth.any():
        return 0.0
    error = np.abs(alpha.astype(np.float64) - truth)
    distance, nearest = distance_transform_edt(~truth, return_indices=True)
    # Beside the subject the mean must see what the subject's nearest edge has, not the outside.
    spread = error[nearest[0], nearest[1]]
    kernel = cv2.getGaussianKernel(7, 5, cv2.CV_64F)
    mean = cv2.sepFilter2D(spread, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    error = np.where(truth & (mean < error), mean, error)
    error *= np.where(truth, 1.0, 2 - 0.5 ** (distance / 5))
    missed, extra = float(error[truth].sum()), float(error[~truth].sum())
    hits = int(truth.sum()) - missed
    recall, precision = hits / int(truth.sum()), hits / (hits + extra + _TINY)
    return 2 * precision * recall / (precision + recall + _TINY)


def e_curve(alpha: Map, truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(256,) enhanced-alignment measure (Fan et al. 2018) at thresholds 0, 1/255, … 1 (≥)."""
    hits, taken = _counts(alpha, truth)
    size, positives = truth.size, int(truth.sum())
    total: NDArray[np.float64]
    if positives in (0, size):
        total = taken if positives else size - taken
    else:
        share, true_share = taken / size, positives / size
        total = np.zeros(256)
        parts = ((hits, 1, 1), (taken - hits, 1, 0), (positives - hits, 0, 1),
                 (size - taken - positives + hits, 0, 0))  # fmt: skip
        for count, predicted, true in parts:  # all pixels of one part have the same alignment
            a, t = predicted - share, true - true_share
            total += count * (2 * a * t / (a * a + t * t + _TINY) + 1) ** 2 / 4
    curve: NDArray[np.float64] = total / max(size - 1, 1)
    return curve


def _counts(
    alpha: Map, truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(256,) pixels at or above each threshold: of the truth's, and of all."""
    levels = np.floor(np.clip(alpha, 0, 1) * 255 + 0.5).astype(np.int64).ravel()
    hits = np.bincount(levels[truth.ravel()], minlength=256)[::-1].cumsum()[::-1]
    taken = np.bincount(levels, minlength=256)[::-1].cumsum()[::-1]
    return hits.astype(np.float64), taken.astype(np.float64)


def _object(values: Map) -> float:
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return 2 * mean / (mean * mean + 1 + spread + _TINY)


def _regions(alpha: Map, truth: NDArray[np.bool_]) -> float:
    ys, xs = np.nonzero(truth)
    y, x = int(np.round(ys.mean())) + 1, int(np.round(xs.mean())) + 1
    score = 0.0
    for rows in (slice(None, y), slice(y, None)):
        for columns in (slice(None, x), slice(x, None)):
            part = truth[rows, columns]
            score += part.size / truth.size * _similarity(alpha[rows, columns], part)
    return score


def _similarity(alpha: Map, truth: NDArray[np.bool_]) -> float:
    """One-window SSIM without constants, as the measure's authors define it."""
    if not truth.size:
        return 0.0
    a, t = alpha.astype(np.float64), truth.astype(np.float64)
    n = max(truth.size - 1, 1)
    ma, mt = a.mean(), t.mean()
    va, vt = ((a - ma) ** 2).sum() / n, ((t - mt) ** 2).sum() / n
    top = 4 * ma * mt * ((a - ma) * (t - mt)).sum() / n
    bottom = (ma**2 + mt**2) * (va + vt)
    if top != 0:
        return float(top / (bottom + _TINY))
    return 1.0 if bottom == 0 else 0.0
