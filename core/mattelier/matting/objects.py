"""A picture's objects, one by one, each with its alpha at full size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.engines.objects import find_objects
from mattelier.engines.open_model import OpenModel
from mattelier.matting.clicks import label_parts
from mattelier.matting.matte import estimate
from mattelier.requests import ObjectsRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import View, to_float
from mattelier.types.errors import UsageError
from mattelier.types.found import Found
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage, tell
from mattelier.types.result import Report, Result
from mattelier.types.sentence import Sentence

MAX_OBJECTS = 100  # that are given of one picture
_MIN_PART_SHARE = 0.002  # of the picture, below which a part of the subject is a crumb
_MARGIN_SHARE = 0.15  # of an object's sides, that is seen around it where its edge is solved
_MIN_MARGIN_PX = 32
_PARTS_NOTE = Sentence(
    "No network that tells objects apart (Mask R-CNN's, Mask2Former's, MaskFormer's, SegFormer's) "
    "is on this computer, so these are the separate parts of the subject; see `mattelier models "
    "import`."
)


class ObjectsTask(Task):
    """picture → its objects, one by one."""

    def prepare(self, request: ObjectsRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        _open(request, models)
        return inputs

    def run(self, request: ObjectsRequest, picture: Picture, models: ModelCache) -> Result:
        """The objects of one picture, their alphas at its size; none may be there.

        The report measures `objects`: number, label, score, share of the picture, and box in pixels
        (x, y, width, height) of each.
        """
        model = _open(request, models)
        view = View(picture)
        report = Report(model.name, model.engine, model.device, model.note)
        with report.timed("network"), stage("looking", 0, 0.4):
            found = coarse_objects(model, view, request.min_score)
        if model.task != "objects":
            remark(_PARTS_NOTE)
        if not found:
            remark("No object was found.")
        if len(found) > MAX_OBJECTS:
            remark(
                "{count} objects were found; the surest {most} are given.",
                count=len(found),
                most=MAX_OBJECTS,
            )
        solved = []
        own = None if picture.alpha is None else to_float(picture.alpha)
        with report.timed("refine"), stage("refining the edges", 0.4, 1):
            for number, one in enumerate(found[:MAX_OBJECTS]):
                tell(number / len(found))
                alpha = _full_size(view, one.mask, request)
                if own is not None:
                    alpha = np.clip(alpha * own, 0, 1)
                solved.append(replace(one, mask=alpha))
        report.measures["objects"] = [describe(n, one) for n, one in enumerate(solved, 1)]
        return Result(report, objects=tuple(solved))


def object_mask(model: OpenModel, view: View, number: int) -> NDArray[np.float32]:
    """The mask (H, W) float32 0…1 of the object of that number, as its network draws it.

    Raises
    ------
    UsageError
        There are not so many.
    """
    found = coarse_objects(model, view, 0)
    if number > len(found):
        there = f"there are {len(found)}" if found else "there is none"
        raise UsageError(
            "There is no object {number} in the picture: {there}; see `objects`.",
            number=number,
            there=there,
        )
    return _stretch(found[number - 1].mask, view.height, view.width)


def open_objects_model(model: str, device: Any, models: ModelCache) -> OpenModel:
    """The network that tells objects apart; "auto" may give the default network for mattes."""
    if model == "auto" and models.default("objects") is None:
        return models.open("default", "matte", device)
    return models.open(model, "objects", device)


def coarse_objects(model: OpenModel, view: View, min_score: float) -> list[Found]:
    """A network's objects, or the separate parts of a matte; the surest first."""
    if model.task == "objects":
        return find_objects(model, view, min_score)
    alpha = estimate(view, None, model, "balanced")
    count, labels = label_parts(alpha)
    found = []
    for part in range(1, count):
        place = labels == part
        if place.mean() >= _MIN_PART_SHARE:
            mask = np.where(place, alpha, np.float32(0))
            # A part is as sure as it is full.
            found.append(Found(mask, "", float(alpha[place].mean())))
    kept = [one for one in found if one.score >= min_score]
    return sorted(kept, key=lambda one: (one.score, one.share), reverse=True)


def describe(number: int, one: Found) -> dict[str, Any]:
    """An object as plain values."""
    rows, columns = np.flatnonzero((one.mask > 0.5).any(1)), np.flatnonzero((one.mask > 0.5).any(0))
    box = [0, 0, 0, 0]
    if rows.size:
        box = [int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1]
    return {
        "number": number,
        "label": one.label,
        "score": round(one.score, 4),
        "share": round(one.share, 5),
        "box": box,
    }


def _open(request: ObjectsRequest, models: ModelCache) -> OpenModel:
    return open_objects_model(request.model, request.device, models)


def _full_size(
    view: View, coarse: NDArray[np.float32], request: ObjectsRequest
) -> NDArray[np.float32]:
    """An object's alpha (H, W), its edge solved in the part of the picture that holds it."""
    from mattelier.matting.refine import refine

    stretched = _stretch(coarse, view.height, view.width)
    if not request.refine:
        return stretched
    ends = _part(coarse > 0.02, view.height, view.width)
    if ends is None:
        return stretched
    y0, y1, x0, x1 = ends
    alpha = np.zeros_like(stretched)
    scale = coarse.shape[0] / view.height, coarse.shape[1] / view.width
    # The mask at the network's own detail: what is stretched tells nothing more.
    rows, columns = max(2, round((y1 - y0) * scale[0])), max(2, round((x1 - x0) * scale[1]))
    part = _stretch(stretched[y0:y1, x0:x1], rows, columns)
    alpha[y0:y1, x0:x1] = refine(view.part(y0, y1, x0, x1), part, quality=request.quality)
    return alpha


def _part(place: NDArray[np.bool_], height: int, width: int) -> tuple[int, int, int, int] | None:
    """Rows and columns of the picture that hold what a smaller map marks, and some around it."""
    ends: list[int] = []
    for axis, length in ((1, height), (0, width)):
        marked = np.flatnonzero(place.any(axis))
        if not marked.size:
            return None
        scale = length / place.shape[1 - axis]
        low, high = marked[0] * scale, (marked[-1] + 1) * scale
        margin = max(_MIN_MARGIN_PX, _MARGIN_SHARE * (high - low))
        ends += [max(0, int(low - margin)), min(length, int(high + margin) + 1)]
    return ends[0], ends[1], ends[2], ends[3]


def _stretch(mask: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    import cv2

    mode = cv2.INTER_AREA if height * width < mask.size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, (width, height), interpolation=mode), np.float32)
