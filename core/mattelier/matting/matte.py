"""picture + optional hint → alpha: the network's view, its answer, and the true edge."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card
from mattelier.engines import Engine
from mattelier.engines.preprocess import finish, network_size, prepare
from mattelier.matting import roi_pass
from mattelier.matting.clicks import obeyed
from mattelier.matting.confidence import Certainty
from mattelier.matting.edge import adjusted
from mattelier.matting.hint import Hint
from mattelier.matting.logit_mean import mean_matte
from mattelier.requests import MatteRequest, Quality
from mattelier.types.colour import View
from mattelier.types.errors import UsageError
from mattelier.types.progress import stage, tell

# Scales of the card's size, and whether the mirror image is looked at too: the answers' logits are
# averaged, which leaves less haze than the mean of alphas (196 dev pictures: relaxed boundary F
# 0.756 against 0.744, max-F 0.910 against 0.912). Only networks that keep the picture's aspect take
# another size than their own. What each level scores and takes: `benchmarks/levels.py`.
_PASSES: dict[Quality, tuple[tuple[float, ...], bool]] = {
    "fast": ((1.0,), False),
    "balanced": ((1.0,), True),
    "best": ((0.875, 1.0, 1.25), True),
}
# The share of the picture below which the subject is looked at again from nearby. From 0.6 to 0.9
# that gains little (IoU +0.004 of 333 dev pictures; mean error in hair 0.124 → 0.116, `best`).
_LOOKED_AT_AGAIN: dict[Quality, float] = {"fast": 0.6, "balanced": 0.6, "best": 0.9}
_AGREEMENT = (0.86, 0.94)  # soft IoU from which a mask given is trusted, and trusted fully
_SAME = 0.9  # soft IoU with what a trimap knows from which its subject is the network's own


@dataclass
class Report:
    """What was done to one picture.

    Attributes
    ----------
    model, engine, device : str
    note : str
        Why it is not the device one might expect; empty when there is nothing to say.
    coverage : float
        Mean of the alpha: 0 means that nothing was found.
    confidence : float or None
        How sure the network was of the subject, in the mean, 0…1, and 0 where it found none;
        None of a matte that was given. Those of different qualities do not compare: more passes
        have more to disagree on.
    seconds : dict
        Time of each stage.
    """

    model: str
    engine: str
    device: str
    note: str = ""
    coverage: float = 0.0
    confidence: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Book the time of the block under `stage`."""
        start = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - start, 4)


@dataclass(frozen=True, eq=False)
class Matte:
    """`alpha` (H, W) float32 0…1 (linear coverage, never colour-managed), and the report.

    `certainty` is what is known of how sure the alpha is; None of a matte that was given, which
    nothing doubts.
    """

    alpha: NDArray[np.float32]
    report: Report
    certainty: Certainty | None = None

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """(H, W) float32 0…1, 1 where sure; made when first asked for."""
        if self.certainty is None:
            return np.ones_like(self.alpha)
        return self.certainty.full_size()


def estimate(
    view: View, hint: Hint | None, card: Card, engine: Engine, quality: Quality
) -> NDArray[np.float32]:
    """The network's alpha at the size it sees, as the hint wants it: (h, w) float32 0…1.

    Raises
    ------
    UsageError
        When there is a hint and the model takes none.
    """
    return _looked(view, hint, card, engine, quality)[1]


def _looked(
    view: View, hint: Hint | None, card: Card, engine: Engine, quality: Quality
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the network saw, and that as the hint wants it: (h, w) float32 0…1 each."""
    if hint is not None and hint.trimap is not None:
        return _with_trimap(view, hint, card, engine, quality)
    with stage("looking", 0, 0.5):
        seen = _seen(view, hint, card, engine, quality)
        alpha = _hinted(seen, hint, view)
    points = () if hint is None else hint.points
    window = roi_pass.window(
        alpha, view.height, view.width, points, below=_LOOKED_AT_AGAIN[quality]
    )
    if window is None or card.input.resize != "fit":
        return seen, alpha
    with stage("looking closer", 0.5, 1):
        part, known = view.part(*window), None if hint is None else hint.part(*window)
        closer = _seen(part, known, card, engine, quality)
        size = view.height, view.width
        seen = roi_pass.joined(seen, closer, window, *size)
        if hint is None:
            return seen, seen
        alpha = roi_pass.joined(alpha, _hinted(closer, known, part), window, *size)
        return seen, _hinted(alpha, hint, view)


def _with_trimap(
    view: View, hint: Hint, card: Card, engine: Engine, quality: Quality
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As `_looked`: what the network makes of the parts that a trimap leaves open.

    Where the network by itself takes just the subject that the trimap tells of, its own view of
    the open parts is as good or better: a trimap's known parts hold it back from a flag or a
    sleeve that lies in the open as a whole (alphamatting.com's GT16).
    """
    alone = hint.mask is None and hint.box is None and not hint.points
    if alone and card.input.hint is not None:
        with stage("looking", 0, 0.5):
            seen, alpha = _looked(view, None, card, engine, quality)
        subject, background = hint.evidence(*alpha.shape)
        known = subject + background > 0.5
        agreement = _agreement(alpha[known], subject[known])
        if agreement > _SAME:
            return seen, alpha
    with stage("looking", 0.5, 1):
        seen = _seen(view, hint, card, engine, quality)
    return seen, _hinted(seen, hint, view)


def _seen(
    view: View, hint: Hint | None, card: Card, engine: Engine, quality: Quality
) -> NDArray[np.float32]:
    """The mean answer of the network's passes: (h, w) float32 0…1."""
    if hint is not None and card.input.hint is None:
        raise UsageError(
            f"The model {card.name} takes no hints; leave them out or use the default."
        )
    answers = []
    scales, mirrored = _PASSES[quality]
    for number, scale in enumerate(scales):
        tell(number / len(scales))
        spec = card.input
        if scale != 1:
            if spec.resize != "fit":
                continue
            spec = replace(spec, size=round(spec.size * scale))
        height, width = network_size(spec, view.height, view.width)
        inputs = {"picture": prepare(spec, view, height, width)}
        if spec.hint is not None:
            nothing = np.zeros((2, height, width), np.float32)
            inputs["hint"] = (nothing if hint is None else hint.evidence(height, width))[None]
        answers.append(finish(card.output, engine.run(inputs)["alpha"]))
        if mirrored:
            inputs = {name: np.ascontiguousarray(x[..., ::-1]) for name, x in inputs.items()}
            answers.append(finish(card.output, engine.run(inputs)["alpha"])[:, ::-1])
    return _mean(answers)


def _hinted(alpha: NDArray[np.float32], hint: Hint | None, view: View) -> NDArray[np.float32]:
    """What the network saw, held to what the user said."""
    if hint is not None and hint.mask is not None:
        alpha = _settled(alpha, hint)
    return obeyed(alpha, hint, view) if hint is not None and hint.points else alpha


def matte(
    view: View, hint: Hint | None, request: MatteRequest, card: Card, engine: Engine
) -> Matte:
    """Alpha of one picture at its full size.

    Parameters
    ----------
    view : View
        The bounded picture, H × W.
    hint : Hint or None
        What is known of the subject; None lets the network find it.
    request : MatteRequest
        `quality`, `refine`, `edge_shift` and `feather` are used here.
    card, engine
        An opened model.

    Raises
    ------
    UsageError
        When the hint does not fit the model or the picture.
    """
    from mattelier.matting.refine import refine, stretch

    report = Report(card.name, engine.name, engine.device, engine.note)
    trimap = None if hint is None else hint.trimap
    with report.timed("network"), stage("looking", 0, 0.3):
        seen, coarse = _looked(view, hint, card, engine, request.quality)
    with report.timed("refine"), stage("refining the edge", 0.3, 1):
        if request.refine or trimap is not None:
            alpha = refine(view, coarse, trimap=trimap, quality=request.quality)
        else:
            alpha = stretch(coarse, view.height, view.width)
        certainty = Certainty(seen, coarse > 0.5, alpha, trimap)
        alpha = adjusted(alpha, request.edge_shift, request.feather)
    report.coverage = round(float(alpha.mean()), 4)
    report.confidence = round(certainty.number(), 4)
    return Matte(alpha, report, certainty)


def _settled(alpha: NDArray[np.float32], hint: Hint) -> NDArray[np.float32]:
    """The network's answer, drawn to the mask it was given as far as the two agree anyway.

    A mask that the network all but repeats is a good one, and better than what a network draws
    of it at its size; one that it corrects much is rough, and the correction stands.
    """
    mask = hint.shrunk_mask(*alpha.shape)
    agreement = _agreement(alpha, mask)
    trust = min(max((agreement - _AGREEMENT[0]) / (_AGREEMENT[1] - _AGREEMENT[0]), 0), 1)
    return alpha + np.float32(trust) * (mask - alpha)


def _agreement(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Soft IoU."""
    return float(np.minimum(one, other).sum() / max(np.maximum(one, other).sum(), 1e-6))


def _mean(answers: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    import cv2

    size = max(a.shape for a in answers)
    same = [
        a if a.shape == size else np.asarray(cv2.resize(a, size[::-1]), np.float32) for a in answers
    ]
    return mean_matte(same)
