"""Things taken out of a picture: what a mask covers is filled from what lies around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.requests import EraseRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import (
    View,
    expand_highlights,
    from_float,
    srgb_to_linear,
    to_float,
)
from mattelier.types.errors import ModelError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage, tell
from mattelier.types.result import Report, Result
from mattelier.types.sentence import Sentence

_MIN_ALPHA = 0.02  # of a mask, from which a pixel is erased
_MAX_SHARE = 0.9  # of the picture: beyond, too little is left to fill it from
_CONTEXT = 1.0  # what is seen around a hole, in its own sides
_MIN_CONTEXT_PX = 64
_FADE_PX = 2.0  # over which the filling passes into the picture, inside the hole
_WORKING_PX = 640  # longer side of what is continued without a network; larger holes are smooth
_REACH_PX = 4  # that far each pixel looks for colours to continue
_GRAIN_WINDOW_PX = 2.0  # of the blur that parts grain from the picture
_CONTINUED_NOTE = Sentence(
    "No network that fills holes is on this computer, so the colours around were continued, which "
    "suits small things on plain ground; see `mattelier models import`."
)

Floats = NDArray[np.float32]
_Window = tuple[slice, slice]


class EraseTask(Task):
    """picture + mask → the same picture without what the mask covers."""

    def prepare(self, request: EraseRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        if request.mask is not None and "mask" not in inputs:
            from pathlib import Path

            from mattelier.media.stills import read_grey

            inputs["mask"] = read_grey(Path(request.mask))
        _open(request, models)
        return inputs

    def run(
        self,
        request: EraseRequest,
        picture: Picture,
        models: ModelCache,
        *,
        mask: Floats | None = None,
    ) -> Result:
        """One picture with the hole filled; every pixel outside it stays what it is, bit by bit.

        The report measures `erased`, the share of the picture that was filled.

        Raises
        ------
        UsageError
            There is no mask, it does not fit, or it covers (nearly) the whole picture.
        """
        hole = _hole(mask, picture, request.grow)
        model = _open(request, models)
        report = Report() if model is None else Report(
            model.name, model.engine, model.device, model.note
        )  # fmt: skip
        report.measures["erased"] = round(float(hole.mean()), 5)
        if not hole.any():
            remark("The mask is empty, so nothing was erased.")
            return Result(report, picture)
        if model is None and request.model == "auto":
            remark(_CONTINUED_NOTE)
        colour = picture.colour.copy()
        view = View(picture)
        windows = list(_windows(hole))
        with report.timed("fill"), stage("filling", 0, 1):
            for number, window in enumerate(windows):
                tell(number / len(windows))
                part = view.part(window[0].start, window[0].stop, window[1].start, window[1].stop)
                # What another window fills is no ground to fill this one from, unless it is done.
                own = hole[window]
                filled = _continue(part, own) if model is None else _fill(part, own, model)
                _put(colour[window], filled, own, picture, view.exposure)
        if picture.grey:
            colour = np.repeat(colour[..., 1:2], 3, axis=2)
        return Result(report, replace(picture, colour=colour))


def _open(request: EraseRequest, models: ModelCache) -> OpenModel | None:
    if request.model == "none":
        return None
    if request.model == "auto" and models.default("fill") is None:
        return None
    return models.open(request.model, "fill", request.device)


def _hole(mask: Floats | None, picture: Picture, grow: float) -> NDArray[np.bool_]:
    import cv2

    if mask is None:
        raise UsageError("Say with a mask what to erase.")
    if mask.shape != picture.colour.shape[:2]:
        raise UsageError(
            "The mask is {size} pixels but the picture is {width}×{height}; give one of "
            "the same size.",
            size="×".join(map(str, mask.shape[::-1])),
            width=picture.width,
            height=picture.height,
        )
    if not np.isfinite(mask).all():
        raise UsageError("The mask holds values that are not finite numbers.")
    covered = mask > _MIN_ALPHA
    if grow and covered.any() and not covered.all():
        apart = cv2.distanceTransform((~covered).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        covered = apart <= grow
    if covered.mean() > _MAX_SHARE:
        raise UsageError("The mask covers the picture, so nothing is left to fill it from.")
    return covered


def _windows(hole: NDArray[np.bool_]) -> Iterator[_Window]:
    """Parts of the picture with a hole each, and around it what it is filled from."""
    import cv2

    boxes: list[list[int]] = []
    _, _, stats, _ = cv2.connectedComponentsWithStats(hole.astype(np.uint8))
    for left, top, width, height, _area in stats[1:].tolist():
        around = int(max(_MIN_CONTEXT_PX, _CONTEXT * max(width, height)))
        box = [top - around, top + height + around, left - around, left + width + around]
        while hit := next((one for one in boxes if _overlap(one, box)), None):
            boxes.remove(hit)  # holes that see each other are filled together
            box = [min(box[0], hit[0]), max(box[1], hit[1]), min(box[2], hit[2]),
                   max(box[3], hit[3])]  # fmt: skip
        boxes.append(box)
    rows, columns = hole.shape
    for y0, y1, x0, x1 in boxes:
        yield slice(max(0, y0), min(rows, y1)), slice(max(0, x0), min(columns, x1))


def _overlap(one: list[int], other: list[int]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _fill(part: View, hole: NDArray[np.bool_], model: OpenModel) -> Floats:
    """A network's filling: (h, w, 3) as the view, of which only the hole counts."""
    import cv2

    height, width = network_size(model.input, part.height, part.width)
    size = width, height
    mask = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0
    answer = model.run(
        {
            "picture": preprocess(model.input, part, height, width),
            "mask": mask[None, None].astype(np.float32),
        }
    )["picture"]
    if answer.shape != (1, 3, height, width) or not np.isfinite(answer).all():
        raise ModelError(
            "The model {name} gave no picture that could fill a hole.", name=model.name
        )
    filled = np.clip(answer[0].transpose(1, 2, 0) / model.output.white, 0, 1)
    size = part.width, part.height
    return np.asarray(cv2.resize(filled, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _continue(part: View, hole: NDArray[np.bool_]) -> Floats:
    """The colours around continued (Telea, J. Graphics Tools 2004), with their grain."""
    import cv2

    scale = min(1.0, _WORKING_PX / max(part.height, part.width))
    height, width = max(8, round(part.height * scale)), max(8, round(part.width * scale))
    mask = cv2.resize(hole.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
    if mask.all():
        mask[0] = mask[-1] = False
    # OpenCV leaves the outermost pixels as they are, so there are others around them.
    edge = (1, 1, 1, 1, cv2.BORDER_REPLICATE)
    # In 8 bit: of floats its gradients run away.
    small = from_float(np.clip(part.resize(height, width), 0, 1), np.dtype(np.uint8))
    bordered, wide = (cv2.copyMakeBorder(one, *edge) for one in (small, mask.astype(np.uint8)))
    filled = to_float(cv2.inpaint(bordered, wide, _REACH_PX, cv2.INPAINT_TELEA))
    filled = filled[1:-1, 1:-1]
    size = part.width, part.height
    filled = cv2.resize(filled, size, interpolation=cv2.INTER_CUBIC)
    seen = np.clip(part.tile(0, part.height, 0, part.width), 0, 1)
    grain = seen - cv2.GaussianBlur(seen, (0, 0), _GRAIN_WINDOW_PX)
    known = grain[~hole]
    if len(known):  # of the quieter half: edges are no grain
        level = 1.4826 * np.median(np.abs(known), axis=0)
        noise = np.random.default_rng(0).standard_normal(filled.shape).astype(np.float32)
        filled = filled + level.astype(np.float32) * noise
    return np.asarray(np.clip(filled, 0, 1), np.float32)


def _put(
    colour: NDArray[Any],
    filled: Floats,
    hole: NDArray[np.bool_],
    picture: Picture,
    exposure: float,
) -> None:
    """A filling put into the hole of a part of the picture, in its own samples and light."""
    import cv2

    depth = cv2.distanceTransform(np.pad(hole, 1, mode="edge").astype(np.uint8), cv2.DIST_L2,
                                  cv2.DIST_MASK_5)[1:-1, 1:-1]  # fmt: skip
    share = np.clip(depth / np.float32(_FADE_PX), 0, 1)[hole][:, None]
    values = filled[hole]
    if picture.transfer == "linear":
        values = expand_highlights(srgb_to_linear(np.minimum(values, np.float32(0.999))))
        values = values / np.float32(exposure)
    before = to_float(colour[hole])
    colour[hole] = from_float(before + share * (values - before), picture.dtype)
