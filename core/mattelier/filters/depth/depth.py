"""picture → depth map: from a file, a stereo pair, a network, or the subject's matte alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue.defaults import TASK_MODELS
from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.matting.hint import Hint
from mattelier.matting.matte import matte_picture
from mattelier.matting.meant import resolve
from mattelier.requests import DepthRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import View
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import ModelError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage
from mattelier.types.result import Report, Result

SUBJECT_DISPARITY = 0.5
"""Disparity of a subject of which nothing but the matte is known; as if it stood at 2 m."""

_SUBJECT_ALPHA = 0.5  # alpha from which a pixel is the subject's
_MIN_SUBJECT_SHARE = 1e-4  # of the picture's area
_FEET_SHARE = 0.005  # share of the subject that may lie below where it stands
_CUT_OFF_SHARE = 0.02  # of the height: a subject that ends this near the bottom stands below it
_MIN_FEET_SHARE = 0.5  # of the height: one that ends above does not stand on visible ground
_MIN_HORIZON_SHARE = 0.3  # of the height: the least between the feet and the horizon


@dataclass(frozen=True, eq=False)
class Scene:
    """What is known of a picture's space.

    `depth` is of any size but the picture's shape; `alpha` (H, W) float32 0…1 is the subject's
    matte, where one was made.
    """

    depth: DepthMap
    alpha: NDArray[np.float32] | None = None


class DepthTask(Task):
    """picture → depth map."""

    def prepare(self, request: DepthRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        source = open_depth_source(request, models)
        if source is not None and source.task == "matte" and request.model == "auto":
            raise ModelError(
                "{none_ready} The subject's flat shape is no depth; where that is wanted all "
                "the same, name it with --depth-model matte.",
                none_ready=TASK_MODELS["depth"].none_ready,
            )
        return inputs

    def run(
        self,
        request: DepthRequest,
        picture: Picture,
        models: ModelCache,
        *,
        hint: Hint | None = None,
    ) -> Result:
        """The depth of one picture, at its size; the report measures `depth`, the method.

        Parameters
        ----------
        hint : where the subject is, for the matte

        Raises
        ------
        UsageError, PictureError
            A depth map or a right picture that cannot be read or does not fit.
        """
        scene, _ = find_depth(request, picture, models, hint=hint)
        depth = scene.depth.resize(picture.height, picture.width)
        return Result(Report(measures={"depth": depth.method}), depth=depth)


def open_depth_source(request: DepthRequest, models: ModelCache) -> OpenModel | None:
    """The network that depth comes from: one for depth, or the matte's; None of files.

    Raises
    ------
    UsageError, ModelError, EngineError
        There is no such model, it is not on this computer, or the device cannot be used.
    """
    if request.file is not None or request.right is not None:
        return None
    if request.model not in ("auto", "matte"):
        return models.open(request.model, "depth", request.device)
    if request.model == "auto" and (card := models.default("depth")) is not None:
        return models.open(card.name, "depth", request.device)
    return models.open(request.matte.model, "matte", request.matte.device)


def find_depth(
    request: DepthRequest,
    picture: Picture,
    models: ModelCache,
    *,
    hint: Hint | None = None,
    depth: DepthMap | None = None,
    with_matte: bool = False,
) -> tuple[Scene, Report | None]:
    """The depth of one picture, and the report of its matte where one was made.

    Parameters
    ----------
    hint : where the subject is, for the matte
    depth : a depth map at hand already; the request's sources are not asked then
    with_matte : make the subject's matte even where the depth does not need it

    Raises
    ------
    UsageError, PictureError
        A depth map or a right picture that cannot be read or does not fit.
    """
    network = None if depth is not None else open_depth_source(request, models)
    if depth is None and request.file is not None:
        from mattelier.media.depth_maps import read_depth

        depth = read_depth(Path(request.file), request.kind)
    elif depth is None and request.right is not None:
        from mattelier.filters.depth.stereo import stereo
        from mattelier.media.stills import read

        depth = stereo(View(picture), View(read(Path(request.right))))
    if depth is not None:
        check_shape(depth, picture.height, picture.width)
    elif network is not None and network.task == "depth":  # its steps of size bend the shape
        with stage("looking", 0, 0.5):
            depth = from_network(View(picture), network)
    if depth is not None and not with_matte:
        return Scene(depth), None
    model = models.open(request.matte.model, "matte", request.matte.device)
    hint = resolve(request.matte, hint, picture, models)
    matte = matte_picture(picture, hint, request.matte, model)
    if depth is not None:
        return Scene(depth, matte.alpha), matte.report
    if (matte.report.coverage or 0) < _MIN_SUBJECT_SHARE:
        remark("No subject was found, so everything counts as far; --point says where it is.")
    return Scene(from_matte(matte.alpha), matte.alpha), matte.report


def from_network(view: View, network: OpenModel) -> DepthMap:
    """A monocular network's depth, at the size it sees; relative, 0…1."""
    answer = DepthMap(network_disparity(view, network), False, network.name)
    return replace(answer, disparity=answer.relative())


def network_disparity(view: View, network: OpenModel) -> NDArray[np.float32]:
    """What a monocular network answers, (h, w) at the size it sees.

    Disparity but for a factor and an offset, which are another picture's own.
    """
    height, width = network_size(network.input, view.height, view.width)
    picture = preprocess(network.input, view, height, width)
    answer: NDArray[np.float32] = network.run({"picture": picture})["depth"][0, 0]
    return answer


def from_matte(alpha: NDArray[np.float32]) -> DepthMap:
    """Depth from the subject's matte alone: (H, W), relative.

    The subject has one depth. The ground goes through its feet and falls off to a horizon, a
    plane's disparity being linear in the picture's rows; all else is infinitely far. No ground
    is seen where the subject is cut off by the picture's lower edge or floats high above it.

    Parameters
    ----------
    alpha : (H, W) float32 0…1
    """
    disparity = np.broadcast_to(ground_disparity(alpha)[:, None], alpha.shape)
    mixed = disparity + alpha * (np.float32(SUBJECT_DISPARITY) - disparity)
    return DepthMap(mixed.astype(np.float32), False, "matte")


def ground_disparity(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Disparity of what is beside the subject, for each row of the picture: (H,) float32."""
    height = alpha.shape[0]
    rows = (alpha > _SUBJECT_ALPHA).sum(1)
    total = int(rows.sum())
    far = np.zeros(height, np.float32)
    if total == 0:
        return far
    below = np.cumsum(rows) / total
    feet = int(np.searchsorted(below, 1 - _FEET_SHARE)) + 1
    head = int(np.searchsorted(below, _FEET_SHARE))
    if feet > (1 - _CUT_OFF_SHARE) * height or feet < _MIN_FEET_SHARE * height:
        return far
    horizon = feet - max(_MIN_HORIZON_SHARE * height, 0.85 * (feet - head))
    slope = SUBJECT_DISPARITY / (feet - horizon)
    plane = slope * (np.arange(height) + 0.5 - horizon)
    return np.asarray(np.maximum(plane, 0), np.float32)


def background_disparity(depth: DepthMap, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """The disparity (h, w) of what is beside and behind the subject, continued through it.

    Parameters
    ----------
    alpha : (h, w) float32 0…1, of the size of the depth map
    """
    import cv2

    disparity = depth.disparity
    # A network's depth runs over the subject's edge; so the edge's surroundings count as it too.
    size = 2 * max(1, round(0.008 * max(disparity.shape))) + 1
    covered = cv2.dilate(alpha, np.ones((size, size), np.uint8)) > 0.05
    if not covered.any() or covered.all():
        return disparity
    weight = (~covered).astype(np.float32)
    filled = np.zeros_like(disparity)
    radius = max(disparity.shape)
    while radius >= 1:
        window = (2 * radius + 1, 2 * radius + 1)
        share = cv2.blur(weight, window, borderType=cv2.BORDER_REPLICATE)
        total = cv2.blur(disparity * weight, window, borderType=cv2.BORDER_REPLICATE)
        filled = (total + np.float32(1e-4) * filled) / (share + np.float32(1e-4))
        radius //= 2
    return np.where(covered, np.minimum(filled, disparity), disparity).astype(np.float32)


def check_shape(depth: DepthMap, height: int, width: int) -> DepthMap:
    """The depth map, of the shape of its picture.

    Raises
    ------
    UsageError
        It is of another shape.
    """
    rows, columns = depth.disparity.shape
    stretch = (columns / rows) / (width / height)
    if not 0.97 < stretch < 1.03:
        raise UsageError(
            "The depth map is {columns}×{rows} pixels, of another shape than the "
            "picture's {width}×{height}; give the one that belongs to it.",
            columns=columns,
            rows=rows,
            width=width,
            height=height,
        )
    return depth
