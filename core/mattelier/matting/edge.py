"""What artists do to a matte's edge: solve its soft band again, move it, soften it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mattelier.requests import RefineRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import View
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage
from mattelier.types.result import Report, Result
from mattelier.types.tiles import Tile, for_tiles

if TYPE_CHECKING:
    from mattelier.engines.model_cache import ModelCache

_SOFT_ALPHA = (0.02, 0.98)  # a mask between these is unsure itself
_FEATHER_PER_SIGMA = 3.5  # a feather of r pixels blurs by r/3.5, as GIMP's does
_BLUR_REACH_SIGMAS = 3  # standard deviations of a blur that count


class RefineTask(Task):
    """picture + mask → alpha: the mask's soft band solved again, along the picture's edges."""

    def prepare(self, request: RefineRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        if inputs.get("mask") is None and request.mask is not None:
            from mattelier.media.stills import read_grey

            inputs["mask"] = read_grey(Path(request.mask))
        return inputs

    def run(
        self,
        request: RefineRequest,
        picture: Picture,
        models: ModelCache,
        *,
        mask: NDArray[np.float32] | None = None,
    ) -> Result:
        if mask is None:
            raise UsageError("There is no mask to refine.")
        report = Report()
        with report.timed("refine"):
            alpha = refine_edge(View(picture), mask, request)
        return Result(report, alpha=alpha)


def refine_edge(
    view: View, mask: NDArray[np.float32], request: RefineRequest
) -> NDArray[np.float32]:
    """A mask's soft band solved again as hair, fur or a clean edge: closed-form matting.

    Parameters
    ----------
    view : View
        The picture, H × W.
    mask : (H, W) float32 0…1
        A selection, a layer mask, a rough matte. What lies further than `request.width` pixels
        from its edge and is not soft stays as it is, apart from becoming fully 0 or 1.

    Returns
    -------
    (H, W) float32 0…1

    Raises
    ------
    UsageError
        The mask is of another size than the picture, or is empty or full and has no edge.
    """
    from mattelier.matting.refine import refine

    if mask.shape != (view.height, view.width):
        raise UsageError(
            "The mask is {width}×{height} pixels but the picture is "
            "{picture_width}×{picture_height}; give one of the same size.",
            width=mask.shape[1],
            height=mask.shape[0],
            picture_width=view.width,
            picture_height=view.height,
        )
    trimap = mask_to_trimap(mask, request.width)
    if not (trimap == 128).any():
        raise UsageError("The mask has no edge to refine: it is all one value.")
    with stage("refining the edge", 0, 0.9):
        alpha = refine(view, mask, trimap=trimap, quality=request.quality)
    return choke_and_feather(alpha, request.edge_shift, request.feather)


def mask_to_trimap(mask: NDArray[np.float32], width: float) -> NDArray[np.uint8]:
    """The trimap of a mask: (H, W) uint8, 0 background, 255 subject, 128 unknown.

    Unknown is what lies within `width` pixels of the mask's half-way line, and what is soft.
    """
    import cv2

    inside = (mask >= 0.5).view(np.uint8)
    trimap = np.where(inside, np.uint8(255), np.uint8(0))
    if inside.any() and not inside.all():
        for side in (inside, 1 - inside):
            near = cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= width
            trimap[(side > 0) & near] = 128
    trimap[(mask > _SOFT_ALPHA[0]) & (mask < _SOFT_ALPHA[1])] = 128
    return trimap


def choke_and_feather(
    alpha: NDArray[np.float32], shift: float, feather: float
) -> NDArray[np.float32]:
    """An alpha with its edge moved by `shift` pixels (+ outwards), then feathered.

    Moving is grey-scale dilation or erosion by a disc, mixed between whole radii; hair keeps its
    softness. The very array given when there is nothing to do.

    Parameters
    ----------
    alpha : (H, W) float32 0…1
    shift, feather : pixels
    """
    if shift:
        alpha = _process_tiles(alpha, math.ceil(abs(shift)), lambda part: _shift_edge(part, shift))
    if feather:
        sigma = feather / _FEATHER_PER_SIGMA
        alpha = _process_tiles(
            alpha, math.ceil(_BLUR_REACH_SIGMAS * sigma), lambda part: _blur(part, sigma)
        )
    return alpha


def _shift_edge(alpha: NDArray[np.float32], shift: float) -> NDArray[np.float32]:
    import cv2

    grow = cv2.dilate if shift > 0 else cv2.erode
    whole = math.floor(abs(shift))
    near, far = (
        grow(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)))
        if r
        else alpha
        for r in (whole, math.ceil(abs(shift)))
    )
    mixed: NDArray[np.float32] = near + np.float32(abs(shift) - whole) * (far - near)
    return mixed


def _blur(alpha: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    import cv2

    size = 2 * math.ceil(_BLUR_REACH_SIGMAS * sigma) + 1
    return np.asarray(
        cv2.GaussianBlur(alpha, (size, size), sigma, borderType=cv2.BORDER_REPLICATE), np.float32
    )


def _process_tiles(
    alpha: NDArray[np.float32],
    margin: int,
    change: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    height, width = alpha.shape
    result = np.empty_like(alpha)

    def fill(tile: Tile) -> None:
        wide = tile.expand(margin, height, width)
        part = alpha[wide.slices]
        low = float(part.min())
        if low == float(part.max()):
            result[tile.slices] = low
        else:
            result[tile.slices] = change(np.ascontiguousarray(part))[tile.within(wide)]

    for_tiles(fill, height, width)
    return result
