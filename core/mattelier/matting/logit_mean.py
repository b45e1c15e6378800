"""Several answers on one subject made one: the mean of their logits."""

from __future__ import annotations

from collections.abc import Sequence

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
    bounded = np.clip(mattes, _MIN_ALPHA, 1 - _MIN_ALPHA)
    logit = np.average(np.log(bounded / (1 - bounded)), axis=0, weights=shares).astype(np.float32)
    mean = (1 / (1 + np.exp(-logit)) - _MIN_ALPHA) / (1 - 2 * _MIN_ALPHA)
    return np.asarray(np.clip(mean, 0, 1), np.float32)
