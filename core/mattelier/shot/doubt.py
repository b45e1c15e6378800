"""How far a frame's matte is to be doubted where nobody knows the truth.

The strongest witness is a second opinion: the frame is cut out by what its key frame teaches,
without what was carried there, and compared with the matte. The next is reverse classification
accuracy (Valindria et al. 2017, arXiv:1702.03407): the matte in question is taken for the only key,
the key frame is cut out by what that teaches, and compared with the key. A matte that collected
background, or lost a part, leads back to the wrong place. With plainer witnesses they make one
number, by a logistic regression whose coefficients lie in `doubt.json`: `benchmarks/qc.py` finds
them on made clips of known truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.shot.tracking.memory import Embeddings, Memory
from mattelier.shot.tracking.propagate import (
    SubjectPredictor,
    clearness,
    logistic,
    predict_around,
    soft_iou,
)
from mattelier.types.plain_files import read_json

Map = NDArray[np.float32]
Signals = dict[str, float]

COEFFICIENTS = Path(__file__).with_name("doubt.json")

_TINY = 0.02  # of shares, before their logarithm
_LAB_STEPS = (32, 16, 16)  # 8-bit levels that count as one: of lightness, a*, b*
MAX_DEVIATIONS = 4.0  # standard deviations beyond which a signal says no more


class Witnesses:
    """What speaks for and against mattes, beside the key frame next to them.

    Parameters
    ----------
    model : OpenModel
        A network that takes hints and was not tuned on the subject: that would know the key.
    embeddings : Embeddings
    """

    def __init__(self, model: OpenModel, embeddings: Embeddings) -> None:
        self._model, self._embeddings = model, embeddings

    def signals(self, view: Map, matte: Map, key_view: Map, key: Map) -> Signals:
        """What a frame's matte says beside its key frame's.

        Parameters
        ----------
        view, key_view : (h, w, 3) float32 0…1, display-encoded
        matte, key : (h, w) float32 0…1
        """
        there = back = 0.0
        if (matte > 0.5).any():
            there = soft_iou(self._taught(key_view, key, view, matte), matte)
            back = soft_iou(self._taught(view, matte, key_view, key), key)
        return {
            "second opinion": _logit(there),
            "way back": _logit(back),
            "colours": float(np.sqrt(_colours(view, matte) * _colours(key_view, key)).sum()),
            "clearness": clearness(matte) - clearness(key),
        }

    def _taught(self, view: Map, matte: Map, other: Map, where: Map) -> Map:
        """What a matte, as the only key, finds in another view around a matte there: (h, w)."""
        examples = [(view, matte)]
        memory = Memory(self._embeddings, examples)
        predictor = SubjectPredictor(self._model, False, memory, examples)
        odds = memory.odds(other)
        return logistic(odds + predict_around(predictor, other, odds, where))


def followed(matte: Map, carried: Map) -> Signals:
    """How much of a matte is what the frame before had, carried there.

    Parameters
    ----------
    matte, carried : (h, w) float32 0…1
    """
    return {"followed": _logit(soft_iou(carried, matte))}


def doubt(signals: Mapping[str, float], model: Mapping[str, Any] | None = None) -> float:
    """The chance, 0…1, that a matte overlaps the truth (IoU) by less than 0.7.

    Parameters
    ----------
    signals : one that is missing says nothing
    model : coefficients; without, those of `coefficients`
    """
    model = model or coefficients()
    odds = float(model["bias"])
    for name, each in model["signals"].items():
        if name in signals:
            deviation = (signals[name] - each["mean"]) / each["deviation"]
            odds += each["weight"] * min(max(deviation, -MAX_DEVIATIONS), MAX_DEVIATIONS)
    return float(1 / (1 + np.exp(-odds)))


def suspicious() -> float:
    """The doubt from which on somebody should look: one in ten good frames is doubted so much."""
    return float(coefficients()["threshold"])


@lru_cache(maxsize=1)
def coefficients() -> Any:
    """What `benchmarks/qc.py` found: by signal its mean, deviation and weight; bias, threshold."""
    return read_json(COEFFICIENTS)


def _logit(share: float) -> float:
    return float(np.log((share + _TINY) / (1 + _TINY - share)))


def _colours(view: Map, matte: Map) -> NDArray[np.float64]:
    """A matte's colours, coarsely counted in CIELAB, as shares of it."""
    import cv2

    lab = cv2.cvtColor(np.rint(view * np.float32(255)).astype(np.uint8), cv2.COLOR_RGB2LAB)
    counts = [256 // step for step in _LAB_STEPS]
    bins = np.zeros(matte.shape, np.intp)
    for channel, (step, count) in enumerate(zip(_LAB_STEPS, counts, strict=True)):
        bins = bins * count + lab[..., channel] // step
    shares = np.bincount(bins.ravel(), matte.ravel(), int(np.prod(counts)))
    return np.asarray(shares / max(float(shares.sum()), 1e-6))
