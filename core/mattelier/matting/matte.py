"""picture + optional hint → alpha: the network's view, its answer, and the true edge."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.looks import once
from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, postprocess, preprocess
from mattelier.matting import detail_pass, prompted, roi_pass, unhinted
from mattelier.matting.clicks import enforce_clicks
from mattelier.matting.confidence import Confidence
from mattelier.matting.edge import choke_and_feather
from mattelier.matting.hint import Hint
from mattelier.matting.logit_mean import logit_mean
from mattelier.matting.selection import Reading, check_kept, read_selection
from mattelier.requests import MatteRequest, Quality
from mattelier.types.colour import View, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage, tell
from mattelier.types.result import Report

# Scales of the card's size, and whether the mirror image is looked at too, where the card says that
# it pays: the answers' logits are averaged, which leaves less haze than the mean of alphas (196 dev
# pictures: relaxed boundary F 0.756 against 0.744, max-F 0.910 against 0.912). Only networks that
# keep the picture's aspect take another size than their own. What each level scores and takes:
# `benchmarks/levels.py`.
_PASSES: dict[Quality, tuple[tuple[float, ...], bool]] = {
    "fast": ((1.0,), False),
    "balanced": ((1.0,), True),
    "best": ((0.875, 1.0, 1.25), True),
}
# The share of a window that details have to cover for another look at it: 0 finds the outline by
# another hundredth, for twice as many looks. The mirror image cannot be spared for them: that
# lost clicks, and holes on pictures that it was not chosen on.
_MIN_DETAIL: dict[Quality, float] = {"balanced": 0.003, "best": 0.0}
# The share of the picture below which the subject is looked at again from nearby. From 0.6 to 0.9
# that gains little (IoU +0.004 of 333 dev pictures; mean error in hair 0.124 → 0.116, `best`).
_ROI_MAX_SHARE: dict[Quality, float] = {"fast": 0.6, "balanced": 0.6, "best": 0.9}
# How far that look, where clicks chose the subject, is told what the first one found: a click alone
# is answered anew each time. One click on one of two that touch, 120 and 80 made pairs: IoU 0.843 →
# 0.860 and 0.818 → 0.839, found to 0.8 in 0.74 → 0.80 and 0.69 → 0.71; from 0.1 to 0.35 alike.
# Without a hint and with a box it changes nothing.
_FOUND_CONFIDENCE = np.float32(0.1)
_DECIDED = 0.1  # difference of alpha from what the network saw, from which the hint has decided
_MASK_TRUST_IOU = (0.86, 0.94)  # soft IoU from which a mask given is trusted, and trusted fully
# Soft IoU with what a trimap knows from which its subject is the network's own.
_SAME_SUBJECT_IOU = 0.9


@dataclass(frozen=True, eq=False)
class Matte:
    """`alpha` (H, W) float32 0…1 (linear coverage, never colour-managed), and the report.

    `confidence` is what is known of how sure the alpha is.
    """

    alpha: NDArray[np.float32]
    report: Report
    confidence: Confidence


def estimate(
    view: View, hint: Hint | None, model: OpenModel, quality: Quality
) -> NDArray[np.float32]:
    """The network's alpha at the size it sees, as the hint wants it: (h, w) float32 0…1."""
    return _predict(view, hint, model, quality)[1]


def glance(view: View, hint: Hint | None, model: OpenModel) -> NDArray[np.float32]:
    """As `estimate` by one pass at most: for answers to a gesture, while the user looks on.

    What a network sees without regard to the hint, it looks for once in a view.
    """
    if model.input.hint is None and not model.input.needs:
        seen = once(view, model, lambda: _passes(view, None, model, "fast"))
        if hint is not None:
            seen = unhinted.keep_meant_parts(seen, hint)
    elif model.looks_apart:
        seen = _ask_about(view, hint, model)
    else:
        seen = _passes(view, hint, model, "fast")
    return _apply_hint(seen, hint, view)


def _ask_about(view: View, hint: Hint | None, model: OpenModel) -> NDArray[np.float32]:
    """As `_passes` of one pass, by a network that looks apart."""
    size = network_size(model.input, view.height, view.width)
    features = once(
        view,
        model,
        lambda: model.run({"picture": preprocess(model.input, view, *size)}, "look"),
    )
    answer = model.run({**features, "hint": _evidence(hint, *size)}, "ask")["alpha"]
    return _mean([postprocess(model.output, answer)])


def _predict(
    view: View, hint: Hint | None, model: OpenModel, quality: Quality
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the network saw, and that as the hint wants it: (h, w) float32 0…1 each."""
    if hint is not None and hint.mask_as == "selection":
        hint = _read_selection(view, hint, model).hint
    if hint is not None and model.input.hint is None:
        return _predict_unhinted(view, hint, model, quality)
    if hint is not None and hint.trimap is not None:
        return _predict_with_trimap(view, hint, model, quality)
    with stage("looking", 0, 0.4):
        prediction = _passes(view, hint, model, quality)
        alpha = _apply_hint(prediction, hint, view)
    if model.input.resize != "fit":
        return prediction, alpha
    size = view.height, view.width
    points = () if hint is None else hint.points
    roi = roi_pass.find_roi(alpha, *size, points, below=_ROI_MAX_SHARE[quality])
    part_hint = None if roi is None or hint is None else hint.part(*roi)
    if roi is not None and (part_hint is not None or not model.input.needs):
        part = view.part(*roi)
        found = None
        if points:
            y0, y1, x0, x1 = roi.scaled(*size, *alpha.shape)
            found = alpha[y0:y1, x0:x1]
        with stage("looking closer", 0.4, 0.7):
            closer = _passes(part, part_hint, model, quality, found)
        prediction = roi_pass.merge_passes(prediction, closer, roi, *size)
        if hint is None:
            alpha = prediction
        else:
            alpha = roi_pass.merge_passes(alpha, _apply_hint(closer, part_hint, part), roi, *size)
            alpha = _apply_hint(alpha, hint, view)
    if quality == "fast" or model.input.hint is None or model.input.needs:
        return prediction, alpha
    with stage("looking at details", 0.7, 1):
        seen = roi or roi_pass.Roi(0, size[0], 0, size[1])
        finer = _look_at_details(view, alpha, seen, model, _MIN_DETAIL[quality])
    if finer is alpha:  # there are none
        return prediction, alpha
    if hint is None:
        return finer, finer
    import cv2

    prediction, alpha = (
        np.asarray(cv2.resize(matte, finer.shape[::-1]), np.float32)
        for matte in (prediction, alpha)
    )
    decided = np.abs(alpha - prediction) > _DECIDED  # by clicks or a mask: that stands
    return prediction, _apply_hint(np.where(decided, alpha, finer), hint, view)


def _look_at_details(
    view: View,
    alpha: NDArray[np.float32],
    seen: roi_pass.Roi,
    model: OpenModel,
    min_detail: float,
) -> NDArray[np.float32]:
    """What was found with `seen` in sight, its details looked at again; see `detail_pass`."""
    size = view.height, view.width
    windows = detail_pass.find_windows(alpha, seen, *size, model.input.size, min_detail)
    if not windows:
        return alpha

    def look(window: roi_pass.Roi, found: NDArray[np.float32]) -> NDArray[np.float32]:
        part = view.part(*window)
        height, width = network_size(model.input, part.height, part.width)
        inputs = {
            "picture": preprocess(model.input, part, height, width),
            "hint": _evidence_of_look(found, detail_pass.CONFIDENCE, height, width),
        }
        return postprocess(model.output, model.run(inputs)["alpha"])

    return detail_pass.look_closer(alpha, windows, *size, look)


def _predict_unhinted(
    view: View, hint: Hint, model: OpenModel, quality: Quality
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As `_predict`, of a network that knows no hints; see `unhinted`."""
    with stage("looking", 0, 0.5):
        prediction = _passes(view, None, model, quality)
    roi = unhinted.find_window(prediction, hint, view.height, view.width)
    if roi is not None and model.input.resize != "whole":
        with stage("looking closer", 0.5, 1):
            closer = _passes(view.part(*roi), None, model, quality)
            size = view.height, view.width
            prediction = roi_pass.merge_passes(prediction, closer, roi, *size)
    return prediction, _apply_hint(unhinted.keep_meant_parts(prediction, hint), hint, view)


def _predict_with_trimap(
    view: View, hint: Hint, model: OpenModel, quality: Quality
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As `_predict`: what the network makes of the parts that a trimap leaves open.

    Where the network by itself takes just the subject that the trimap tells of, its own view of
    the open parts is as good or better: a trimap's known parts hold it back from a flag or a
    sleeve that lies in the open as a whole (alphamatting.com's GT16).
    """
    alone = hint.mask is None and hint.box is None and not hint.points
    if alone and not model.input.needs:
        with stage("looking", 0, 0.5):
            prediction, alpha = _predict(view, None, model, quality)
        subject, background = hint.evidence(*alpha.shape)
        labelled = subject + background > 0.5
        agreement = _soft_iou(alpha[labelled], subject[labelled])
        if agreement > _SAME_SUBJECT_IOU:
            return prediction, alpha
    with stage("looking", 0.5, 1):
        prediction = _passes(view, hint, model, quality)
    return prediction, _apply_hint(prediction, hint, view)


def _passes(
    view: View,
    hint: Hint | None,
    model: OpenModel,
    quality: Quality,
    found: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """The mean answer of the network's passes: (h, w) float32 0…1.

    `found`, float32 0…1 of any size, is what it is told of an earlier look, besides the hint.

    Raises
    ------
    UsageError
        It has to be told where the subject is, and is not.
    """
    if model.input.needs and hint is None:
        raise UsageError(
            "The network {name} has to be told where the subject is: give a box, a point, "
            "a mask or a trimap.",
            name=model.name,
        )
    if model.input.needs == "prompt" and hint is not None:
        return prompted.answer(view, hint, model)
    if model.input.resize == "whole":  # each look may send the picture away
        return once(view, model, lambda: _whole_look(view, model))
    answers = []
    scales, mirrored = _PASSES[quality]
    for number, scale in enumerate(scales):
        tell(number / len(scales))
        spec = model.input
        if scale != 1:
            if spec.resize != "fit":
                continue
            spec = replace(spec, size=round(spec.size * scale))
        height, width = network_size(spec, view.height, view.width)
        inputs = {"picture": preprocess(spec, view, height, width)}
        if spec.hint is not None:
            inputs["hint"] = _evidence(hint, height, width)
            if found is not None:
                inputs["hint"] = np.maximum(
                    inputs["hint"], _evidence_of_look(found, _FOUND_CONFIDENCE, height, width)
                )
        answers.append(postprocess(model.output, model.run(inputs)["alpha"]))
        if mirrored and model.input.mirror:
            inputs = {name: np.ascontiguousarray(x[..., ::-1]) for name, x in inputs.items()}
            answers.append(postprocess(model.output, model.run(inputs)["alpha"])[:, ::-1])
    return _mean(answers)


def _whole_look(view: View, model: OpenModel) -> NDArray[np.float32]:
    size = network_size(model.input, view.height, view.width)
    answer = model.run({"picture": preprocess(model.input, view, *size)})["alpha"]
    return postprocess(model.output, answer)


def _evidence(hint: Hint | None, height: int, width: int) -> NDArray[np.float32]:
    """The network's hint input: (1, 2, h, w) float32 0…1."""
    if hint is None:
        return np.zeros((1, 2, height, width), np.float32)
    return np.asarray(hint.evidence(height, width), np.float32)[None]


def _evidence_of_look(
    found: NDArray[np.float32], confidence: np.float32, height: int, width: int
) -> NDArray[np.float32]:
    """As `_evidence`, for and against what an earlier look found."""
    import cv2

    subject = confidence * cv2.resize(found, (width, height))
    return np.stack([subject, confidence - subject])[None]


def _apply_hint(alpha: NDArray[np.float32], hint: Hint | None, view: View) -> NDArray[np.float32]:
    """What the network saw, held to what the user said."""
    if hint is not None and hint.mask is not None:
        alpha = _pull_to_mask(alpha, hint)
    return enforce_clicks(alpha, hint, view) if hint is not None and hint.points else alpha


def solve_matte(view: View, hint: Hint | None, request: MatteRequest, model: OpenModel) -> Matte:
    """Alpha of one picture at its full size.

    Parameters
    ----------
    view : View
        The bounded picture, H × W.
    hint : Hint or None
        What is known of the subject; None lets the network find it.
    request : MatteRequest
        `quality`, `refine`, `edge_shift` and `feather` are used here.
    model : OpenModel
        A network that mattes.

    Raises
    ------
    UsageError
        When the hint does not fit the picture.
    """
    from mattelier.matting.refine import refine, stretch

    if hint is not None and hint.mask is not None and hint.is_matte:
        return _given(hint.mask, request)
    report = Report(model.name, model.engine, model.device, model.note)
    selection = hint.mask if hint is not None and hint.mask_as == "selection" else None
    if hint is not None and selection is not None:
        with report.timed("selection"):
            report.measures["selection"], hint = _read_selection(view, hint, model)
    trimap = None if hint is None else hint.trimap
    with report.timed("network"), stage("looking", 0, 0.3):
        prediction, coarse = _predict(view, hint, model, request.quality)
        if hint is None and not (coarse > 0.5).any():  # a haze over an empty sheet is no subject
            coarse = np.zeros_like(coarse)
    with report.timed("refine"), stage("refining the edge", 0.3, 1):
        if request.refine or trimap is not None:
            alpha = refine(view, coarse, trimap=trimap, seen=True, quality=request.quality)
        else:
            alpha = stretch(coarse, view.height, view.width)
        if selection is not None:
            check_kept(report.measures["selection"], selection, alpha)
        confidence = Confidence(prediction, coarse > 0.5, alpha, trimap)
        alpha = choke_and_feather(alpha, request.edge_shift, request.feather)
    report.coverage = round(float(alpha.mean()), 4)
    report.confidence = round(confidence.score(), 4)
    return Matte(alpha, report, confidence)


def _read_selection(view: View, hint: Hint, model: OpenModel) -> Reading:
    if model.input.needs:
        return read_selection(hint, None)
    return read_selection(hint, lambda found: estimate(view, found, model, "fast"))


def _given(mask: NDArray[np.float32], request: MatteRequest) -> Matte:
    """A finished matte, its edge moved and softened as is asked."""
    alpha = choke_and_feather(mask, request.edge_shift, request.feather)
    report = Report(coverage=round(float(alpha.mean()), 4))
    return Matte(alpha, report, Confidence(mask, mask > 0.5, mask))


def matte_picture(
    picture: Picture, hint: Hint | None, request: MatteRequest, model: OpenModel
) -> Matte:
    """The alpha of one picture, its own alpha multiplied in; see `solve_matte`."""
    result = solve_matte(View(picture), hint, request, model)
    if picture.alpha is None:
        return result
    own = to_float(picture.alpha)
    # The confidence keeps the matte's alpha, and float samples are the caller's.
    alpha = np.multiply(result.alpha, own, out=None if own is picture.alpha else own)
    np.clip(alpha, 0, 1, out=alpha)  # a float file's alpha may exceed 1
    result.report.coverage = round(float(alpha.mean()), 4)
    return replace(result, alpha=alpha, confidence=replace(result.confidence, own=picture.alpha))


def _pull_to_mask(alpha: NDArray[np.float32], hint: Hint) -> NDArray[np.float32]:
    """The network's answer, drawn to the mask it was given as far as the two agree anyway.

    A mask that the network all but repeats is a good one, and better than what a network draws
    of it at its size; one that it corrects much is rough, and the correction stands.
    """
    mask = hint.shrunk_mask(*alpha.shape)
    agreement = _soft_iou(alpha, mask)
    trust = min(
        max((agreement - _MASK_TRUST_IOU[0]) / (_MASK_TRUST_IOU[1] - _MASK_TRUST_IOU[0]), 0), 1
    )
    return alpha + np.float32(trust) * (mask - alpha)


def _soft_iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Soft IoU."""
    return float(np.minimum(one, other).sum() / max(np.maximum(one, other).sum(), 1e-6))


def _mean(answers: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    import cv2

    size = max(a.shape for a in answers)
    same = [
        a if a.shape == size else np.asarray(cv2.resize(a, size[::-1]), np.float32) for a in answers
    ]
    return logit_mean(same)
