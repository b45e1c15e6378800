"""One step in time: the matte of a frame carried to its neighbour and corrected there.

Three witnesses speak for each pixel, as log-odds that are added: what optical flow brings from
the frame before, as far as it is certain; what the place looks like, where flow is not; and the
network, which is shown the subject's surroundings and told what the first two say. What was
once known from a key frame stays certain while flow can be followed, so that background which an
artist marked as background is not taken for subject later because it moved close to it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, postprocess, preprocess
from mattelier.matting.hint import MASK_CONFIDENCE
from mattelier.shot.tracking.appearance import ColourModel
from mattelier.shot.tracking.flow import consistency, warp
from mattelier.shot.tracking.matte_cache import TrackedMatte
from mattelier.types.colour import View
from mattelier.types.picture import Picture

Map = NDArray[np.float32]

# Measured on 15 starts in five clips (mean J 0.85); each may change by a third without loss.
_WINDOW_SCALE = 1.5  # the network looks at the subject's box grown by this
_MIN_WINDOW = 0.25  # of the view's long side: a subject is never looked at closer
CERTAINTY_DECAY = 0.95  # of a pixel's certainty over one frame, where flow can be followed
_NETWORK_CERTAINTY = 0.4  # certainty of what the network had to decide
_MIN_ALPHA = 0.02  # alphas and answers are as sure as 0.02 and 0.98
_EDGE_ROUNDS = 4  # looks at a key frame; its neighbours then differ no more than others do
_OUTSIDE_LOG_ODDS = -4.0  # log-odds outside what the network looked at
_MIN_PART_AREA = 0.03  # of the subject's area: smaller pieces do not widen what is looked at
_LOST_AREA = 0.015  # of its area on key frames: less than that is lost
_FOUND_AREA = 0.04  # of its area on key frames: as much as that is found again
_MIN_LIKENESS = 0.4  # of the colour odds it had on key frames, for what is found again


class Appearance(Protocol):
    """What the subject looks like."""

    def odds(self, view: Map) -> Map:
        """Log-odds (h, w) of each pixel's being the subject by what it looks like."""
        ...


class SubjectPredictor:
    """The network's look at one subject: guided, and with what its key frames looked like.

    Parameters
    ----------
    model : OpenModel
        An opened model that takes hints.
    mirrored : bool
        Look at the mirror image too, and average.
    appearance : Appearance
        What the subject looks like, by the key frames next to the frames looked at.
    examples : list of (view (h, w, 3), matte (h, w))
        Those key frames.
    """

    def __init__(
        self,
        model: OpenModel,
        mirrored: bool,
        appearance: Appearance,
        examples: list[tuple[Map, Map]],
    ) -> None:
        self._model, self._mirrored, self.appearance = model, mirrored, appearance
        self._examples = examples
        self.area = max(float(matte.sum()) for _, matte in examples)

    @cached_property
    def likeness(self) -> float:
        """How much the subject looks like itself on the key frames: its mean log-odds there."""
        return max(
            float((self.appearance.odds(view) * matte).sum() / max(float(matte.sum()), 1))
            for view, matte in self._examples
        )

    def predict(self, picture: Map, odds: Map) -> Map:
        """The network's log-odds (h, w) on a part of a view, told log-odds of the same size."""
        import cv2

        spec = self._model.input
        view = View(Picture(np.ascontiguousarray(picture)))
        height, width = network_size(spec, view.height, view.width)
        mode = cv2.INTER_AREA if height * width < odds.size else cv2.INTER_LINEAR
        hint = [cv2.resize(side, (width, height), interpolation=mode) for side in evidence_of(odds)]
        inputs = {"picture": preprocess(spec, view, height, width), "hint": np.stack(hint)[None]}
        alpha = self._run(inputs)
        if self._mirrored:
            turned = {name: np.ascontiguousarray(x[..., ::-1]) for name, x in inputs.items()}
            alpha = np.float32(0.5) * (alpha + self._run(turned)[:, ::-1])
        mode = cv2.INTER_AREA if alpha.size > view.height * view.width else cv2.INTER_LINEAR
        return log_odds(cv2.resize(alpha, (view.width, view.height), interpolation=mode))

    def _run(self, inputs: dict[str, Map]) -> Map:
        return postprocess(self._model.output, self._model.run(inputs)["alpha"])


def carry(
    predictor: SubjectPredictor, view: Map, flow: Map, back: Map, previous: TrackedMatte
) -> TrackedMatte:
    """The record of `view`, given that of a frame next to it in time.

    Parameters
    ----------
    view : (h, w, 3) float32 0…1
    flow, back : (h, w, 2) float32
        From `view` to that frame, and back.
    previous : TrackedMatte
        Of that frame.
    """
    carried = warp(previous.alpha, flow, 0.0)
    if float((carried > 0.5).sum()) < _LOST_AREA * predictor.area:
        return search(predictor, view)
    certain = follow_certainty(previous.certainty, flow, back)
    alpha = _judge(predictor, view, carried, certain)
    certain = _with_network(np.float32(CERTAINTY_DECAY) * certain, alpha)
    # Of what was tried, these two say most about the overlap with the truth (correlation 0.6).
    return TrackedMatte.rounded(alpha, certain, clearness(alpha) * soft_iou(carried, alpha))


def find_edge(
    model: OpenModel, mirrored: bool, view: Map, drawn: Map, certain: Map
) -> TrackedMatte:
    """The record of a view on which somebody drew roughly where the subject is.

    The same witnesses speak as for every other frame, so that it looks as its neighbours do.

    Parameters
    ----------
    view : (h, w, 3) float32 0…1
    drawn : (h, w) float32 0…1
    certain : (h, w) float32 0…1
        How far what was drawn is to be believed; where it is 1, it stays.
    """
    alpha, known, held = drawn, certain, certain >= 1
    for _ in range(_EDGE_ROUNDS):
        believed = np.float32(0.5) + known * (alpha - np.float32(0.5))
        examples = [(view, believed)]
        # A memory of the very view that is asked would only say what was drawn.
        predictor = SubjectPredictor(model, mirrored, ColourModel(examples), examples)
        alpha = np.where(held, drawn, _judge(predictor, view, alpha, known))
        known = np.where(held, 1, _with_network(np.float32(CERTAINTY_DECAY) * known, alpha))
    return TrackedMatte.rounded(alpha, known, clearness(alpha) * soft_iou(drawn, alpha))


def _judge(predictor: SubjectPredictor, view: Map, expected: Map, certain: Map) -> Map:
    """The matte of a view by all witnesses, given what is expected and how far that is certain."""
    prior = prior_odds(expected, certain, predictor.appearance.odds(view))
    return logistic(prior + predict_around(predictor, view, prior, expected))


def predict_around(predictor: SubjectPredictor, view: Map, odds: Map, where: Map) -> Map:
    """The network's log-odds (h, w) around where a matte has the subject; elsewhere: not there."""
    window = subject_window(where)
    prediction = np.full_like(where, _OUTSIDE_LOG_ODDS)
    prediction[window] = predictor.predict(view[window], odds[window])
    return prediction


def follow_certainty(certain: Map, flow: Map, back: Map) -> Map:
    """How far a frame's matte is certain where it was carried to: (h, w), as of `carry`."""
    followed: Map = warp(certain, flow, 0.0) * consistency(flow, back)
    return followed


def prior_odds(expected: Map, certain: Map, looks: Map) -> Map:
    """What the network is told: log-odds of what is expected, as far as certain, else of looks."""
    return certain * log_odds(expected) + (1 - certain) * looks


def network_certainty(alpha: Map) -> Map:
    """How far a matte is certain that the network had to decide."""
    return np.asarray(np.float32(_NETWORK_CERTAINTY) * np.abs(2 * alpha - 1))


def _with_network(certain: Map, alpha: Map) -> Map:
    """A matte's certainty where the network had to decide what was not certain before."""
    return np.maximum(certain, network_certainty(alpha))


def search(predictor: SubjectPredictor, view: Map) -> TrackedMatte:
    """The record of a view in which the subject may be anywhere, or nowhere (alpha 0)."""
    odds = predictor.appearance.odds(view)
    alpha = logistic(odds + predictor.predict(view, odds))
    area = float(alpha.sum())
    alike = float((odds * alpha).sum()) / max(area, 1)
    if area < _FOUND_AREA * predictor.area or alike < _MIN_LIKENESS * predictor.likeness:
        return TrackedMatte.rounded(np.zeros_like(alpha), 0, 0)
    certain = network_certainty(alpha)
    return TrackedMatte.rounded(alpha, certain, _NETWORK_CERTAINTY * clearness(alpha))


def subject_window(matte: Map) -> tuple[slice, slice]:
    """The part of the view that holds the subject and its surroundings: rows, columns."""
    import cv2

    height, width = matte.shape
    count, _, stats, _ = cv2.connectedComponentsWithStats((matte > 0.5).view(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    parts = [i + 1 for i in range(count - 1) if areas[i] >= _MIN_PART_AREA * areas.sum()]
    if not parts:
        return slice(0, height), slice(0, width)
    corner = stats[parts, :2].min(0)
    end = (stats[parts, :2] + stats[parts, 2:4]).max(0)
    min_size = max(
        0.6 * _WINDOW_SCALE * int((end - corner).max()), _MIN_WINDOW * max(height, width)
    )
    spans = []
    for low, high, full in zip(corner[::-1], end[::-1], (height, width), strict=True):
        size = min(full, round(max(_WINDOW_SCALE * int(high - low), min_size)))
        start = min(max(round((int(low) + int(high) - size) / 2), 0), full - size)
        spans.append(slice(start, start + size))
    return spans[0], spans[1]


def evidence_of(odds: Map) -> tuple[Map, Map]:
    """What log-odds say for and against the subject, each 0…`MASK_CONFIDENCE`: a hint.

    Where the odds are even nothing is said, which the network knows from clicks and boxes.
    """
    evidence: Map = np.float32(MASK_CONFIDENCE) * np.tanh(odds / 2)
    return np.maximum(evidence, 0), np.maximum(-evidence, 0)


def log_odds(alpha: Map) -> Map:
    """ln(α / (1 − α)), α limited to 0.02…0.98."""
    bounded = np.clip(alpha, np.float32(_MIN_ALPHA), np.float32(1 - _MIN_ALPHA))
    odds: Map = np.log(bounded / (1 - bounded))
    return odds


def logistic(odds: Map) -> Map:
    """1 / (1 + e^−odds)."""
    alpha: Map = 0.5 * (np.tanh(0.5 * odds) + 1)
    return alpha


def clearness(alpha: Map) -> float:
    """How little of a matte is undecided, 0…1; 0 for an empty one."""
    clear_area = float((alpha * np.abs(2 * alpha - 1)).sum())
    return clear_area / max(float(alpha.sum()), 1.0)


def soft_iou(one: Map, other: Map) -> float:
    """Soft intersection over union, 0…1."""
    return float(np.minimum(one, other).sum() / max(float(np.maximum(one, other).sum()), 1.0))
