"""Several answers on one subject made one: the mean of their logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MIN_ALPHA = np.float32(1e-3)  # alpha; one answer that is surer does not outvote the others


def logit_mean(
    mattes: Sequence[NDArray[np.float32]], shares: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """The mean of mattes in logits: less haze than the mean of alphas has; what is sure stays so.

    Parameters
    ----------
    mattes : arrays (h, w) float32 0…1, all of one size
    shares : how much each counts, 1 in all; alike by default
    """
    return to_alpha(np.average([to_logit(matte) for matte in mattes], axis=0, weights=shares))


def to_logit(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of a matte, bounded; any shape, float32."""
    bounded = np.clip(alpha, _MIN_ALPHA, 1 - _MIN_ALPHA)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float32)


def to_alpha(logit: NDArray[Any]) -> NDArray[np.float32]:
    """The matte whose bounded logits these are: float32 0…1."""
    alpha = 1 / (1 + np.exp(-np.asarray(logit, np.float32)))
    return np.asarray(np.clip((alpha - _MIN_ALPHA) / (1 - 2 * _MIN_ALPHA), 0, 1), np.float32)
