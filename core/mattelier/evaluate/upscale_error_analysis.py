"""Why an enlarged picture is off, in words: in place, in brightness, or in its fine detail."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.evaluate.error_analysis import Cause
from mattelier.metrics.fidelity import luma

_MIN_SHIFT_PX = 0.2  # a smaller one cannot be told from detail
_MIN_SIDE_PX = 16  # of less no shift can be told
_EXPLAINED_SHARE = 0.5  # of the squared error: what explains this much is the cause
_COARSE_SIGMA_PX = 4.0  # σ below which structure is fine detail
_DETAIL_TOLERANCE = 0.15  # detail whose strength differs by less is as strong


def explain_upscaled(result: NDArray[np.uint8], truth: NDArray[np.uint8]) -> Cause:
    """The cause of an enlarged picture's errors, judged by the squared error of luma.

    Parameters
    ----------
    result, truth : (H, W, 3) RGB uint8
    """
    ours, right = luma(result), luma(truth)
    error = float(np.mean((ours - right) ** 2))
    if error < 1:
        return Cause("right", "Nearly right: luma is less than a level off.")
    x, y = _shift(right, ours)
    if np.hypot(x, y) > _MIN_SHIFT_PX:
        back = np.array([[1, 0, x], [0, 1, y]])
        moved = cv2.warpAffine(
            ours, back, right.shape[::-1],
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        if np.mean((moved - right) ** 2) < (1 - _EXPLAINED_SHARE) * error:
            return Cause("shifted", f"Lies {x:+.1f} pixels across and {y:+.1f} down of its place.")
    shift = float(np.mean(ours - right))
    coarse = float(np.mean(cv2.GaussianBlur(ours - right, (0, 0), _COARSE_SIGMA_PX) ** 2))
    if coarse > _EXPLAINED_SHARE * error:
        if shift**2 > _EXPLAINED_SHARE * error:
            how = f"{abs(shift):.0f} levels too {'bright' if shift > 0 else 'dark'}"
            return Cause("brightness", f"Is {how} all over.")
        return Cause("large areas", f"Large areas are {coarse**0.5:.0f} levels off on average.")
    strength = _detail(ours) / max(_detail(right), 1e-3)
    if strength < 1 - _DETAIL_TOLERANCE:
        return Cause("too soft", f"Too soft: fine detail is {_percent(strength)} as strong.")
    if strength > 1 + _DETAIL_TOLERANCE:
        sentence = f"Too rough: fine detail, noise or ringing is {_percent(strength)} as strong."
        return Cause("too rough", sentence)
    return Cause("other detail", "Fine detail is as strong as it should be, but other detail.")


def _shift(right: NDArray[np.float64], ours: NDArray[np.float64]) -> tuple[float, float]:
    """How far `ours` lies to the right and below, in pixels."""
    if min(right.shape) < _MIN_SIDE_PX:
        return 0.0, 0.0
    window = cv2.createHanningWindow(right.shape[::-1], cv2.CV_64F)
    (x, y), _ = cv2.phaseCorrelate(right.copy(), ours.copy(), window)  # it writes into them
    return x, y


def _detail(values: NDArray[np.float64]) -> float:
    """RMS of what is finer than about two pixels."""
    return float(np.std(values - cv2.GaussianBlur(values, (0, 0), 1.5)))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
