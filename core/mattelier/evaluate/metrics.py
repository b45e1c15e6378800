"""Standard scores of masks and mattes, after their published definitions.

Predictions are float 0…1 at the truth's size and are scored as they are: stretching them to
their own range first would change MAE, and hide an empty answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
_BETA2 = 0.3


@dataclass(frozen=True)
class Scores:
    """Means over pictures.

    Attributes
    ----------
    count : int
    max_f : float
        The F-measure's (β² = 0.3; Achanta et al. 2009) mean curve over pictures, at the best of
        256 thresholds, as the saliency literature's tools report it.
    mae : float
        Mean absolute error.
    iou : float
        Intersection over union at threshold 0.5.
    s_measure : float
        Structure measure, α = 0.5 (Fan et al. 2017).
    """

    count: int
    max_f: float
    mae: float
    iou: float
    s_measure: float


@dataclass
class Tally:
    """Adds up pictures; `scores()` gives their means.

    Examples
    --------
    >>> tally = Tally()
    >>> truth = np.eye(8, dtype=bool)
    >>> tally.add(truth.astype(np.float32), truth)
    >>> tally.scores().iou
    1.0
    """

    _f: list[NDArray[np.float64]] = field(default_factory=list)
    _mae: list[float] = field(default_factory=list)
    _iou: list[float] = field(default_factory=list)
    _s: list[float] = field(default_factory=list)

    def add(
        self, alpha: Map, truth: NDArray[np.bool_], known: NDArray[np.bool_] | None = None
    ) -> None:
        """Score one picture; pixels outside `known` do not count (S-measure sees them as right)."""
        counted = np.ones_like(truth) if known is None else known
        self._f.append(f_curve(alpha[counted], truth[counted]))
        self._mae.append(float(np.abs(alpha[counted] - truth[counted]).mean()))
        self._iou.append(iou(alpha[counted] >= 0.5, truth[counted]))
        self._s.append(s_measure(np.where(counted, alpha, truth).astype(np.float32), truth))

    def extend(self, other: Tally) -> None:
        """Add all pictures of another tally."""
        self._f += other._f
        self._mae += other._mae
        self._iou += other._iou
        self._s += other._s

    def scores(self) -> Scores:
        """Means over all pictures added so far (NaN when there were none)."""
        if not self._f:
            return Scores(0, *[float("nan")] * 4)
        return Scores(
            len(self._f),
            float(np.mean(self._f, axis=0).max()),
            float(np.mean(self._mae)),
            float(np.mean(self._iou)),
            float(np.mean(self._s)),
        )


def f_curve(alpha: Map, truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(256,) F-measure (β² = 0.3) at thresholds 0, 1/255, … 1, a pixel counting when ≥."""
    levels = np.floor(np.clip(alpha, 0, 1) * 255 + 0.5).astype(np.int64).ravel()
    hits = np.bincount(levels[truth.ravel()], minlength=256)[::-1].cumsum()[::-1]
    taken = np.bincount(levels, minlength=256)[::-1].cumsum()[::-1]
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


def sad(alpha: Map, truth: Map, region: NDArray[np.bool_]) -> float:
    """Sum of absolute differences in the region, in thousands (Rhemann et al. 2009)."""
    return float(np.abs(alpha[region] - truth[region]).sum()) / 1000


def _object(values: Map) -> float:
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return 2 * mean / (mean * mean + 1 + spread + 1e-20)


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
        return float(top / (bottom + 1e-20))
    return 1.0 if bottom == 0 else 0.0
