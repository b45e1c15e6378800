"""Hints: what the user knows of the subject, as evidence for and against at every pixel.

A rough mask, a trimap, a box, a click, the previous frame's matte: all become the same two
maps. Where both are zero nothing is known, so no hint at all is a picture of zeros; how
large they are says how far to trust them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.requests import Box, HintRequest, Point
from mattelier.requests.hint import MaskUse
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

MASK_CONFIDENCE = 0.7  # a drawn mask is roughly right; a trimap's known parts are exactly right
CLICK_RADIUS = 0.03  # of the longer side


@dataclass(frozen=True, eq=False)
class Hint:
    """What is known of the subject, at the size of its picture.

    Attributes
    ----------
    mask : (H, W) float32 0…1, or None
        Where the subject is, as `mask_as` says.
    trimap : (H, W) uint8, or None
        255 subject, 0 background, anything between unknown; obeyed exactly.
    box : Box or None
        Holds the whole subject.
    points : tuple of Point
        Clicks on the subject and on what is not it.
    region : (H, W) bool, or None
        Holds the whole subject, as a box of any shape.
    mask_as : "rough", "selection" or "matte"
        What the mask is: where the subject roughly is, what an artist selected, which is read
        (`matting.selection`) before a network is asked, or the matte itself.
    """

    height: int
    width: int
    mask: NDArray[np.float32] | None = None
    trimap: NDArray[np.uint8] | None = None
    box: Box | None = None
    points: tuple[Point, ...] = ()
    region: NDArray[np.bool_] | None = None
    mask_as: MaskUse = "rough"

    @property
    def is_matte(self) -> bool:
        """Whether the mask is the matte itself, so that nothing is left to find."""
        return self.mask is not None and self.mask_as == "matte"

    @property
    def positive_points(self) -> tuple[Point, ...]:
        """The clicks for the subject."""
        return tuple(point for point in self.points if point.positive)

    def shrunk_mask(self, height: int, width: int) -> NDArray[np.float32]:
        """The mask at a network's size; nothing where there is none."""
        if self.mask is None:
            return np.zeros((height, width), np.float32)
        return _resize(self.mask, height, width)

    def part(self, y0: int, y1: int, x0: int, x1: int) -> Hint | None:
        """What it says of rows y0…y1−1 and columns x0…x1−1 alone; None where that is nothing."""
        rows, columns = slice(y0, y1), slice(x0, x1)
        box = self.box
        if box is not None:
            left, top = max(box.x, x0), max(box.y, y0)
            right, bottom = min(box.x + box.width, x1), min(box.y + box.height, y1)
            # A window beyond the box is told by nothing else that it holds no subject.
            box = Box(left - x0, top - y0, max(right - left, 1), max(bottom - top, 1))
        points = tuple(
            replace(point, x=point.x - x0, y=point.y - y0)
            for point in self.points
            if x0 <= point.x < x1 and y0 <= point.y < y1
        )
        mask = None if self.mask is None else self.mask[rows, columns]
        trimap = None if self.trimap is None else self.trimap[rows, columns]
        region = None if self.region is None else self.region[rows, columns]
        if mask is None and trimap is None and box is None and not points and region is None:
            return None
        return Hint(y1 - y0, x1 - x0, mask, trimap, box, points, region, self.mask_as)

    def evidence(self, height: int, width: int) -> NDArray[np.float32]:
        """(2, height, width) float32 0…1: evidence for, and against, the subject."""
        import cv2

        evidence = np.zeros((2, height, width), np.float32)
        if self.mask is not None:
            mask = self.shrunk_mask(height, width)
            evidence[0], evidence[1] = MASK_CONFIDENCE * mask, MASK_CONFIDENCE * (1 - mask)
        scale_x, scale_y = width / self.width, height / self.height
        if self.box is not None:
            # However thin, and wherever at the border, a box keeps a pixel of the small map.
            x0 = min(round(self.box.x * scale_x), width - 1)
            y0 = min(round(self.box.y * scale_y), height - 1)
            x1 = max(1, x0 + 1, round((self.box.x + self.box.width) * scale_x))
            y1 = max(1, y0 + 1, round((self.box.y + self.box.height) * scale_y))
            outside = np.ones((height, width), bool)
            outside[max(0, y0) : y1, max(0, x0) : x1] = False
            evidence[0][outside], evidence[1][outside] = 0, 1
        if self.region is not None:
            outside = _resize(self.region.astype(np.float32), height, width) <= 0
            evidence[0][outside], evidence[1][outside] = 0, 1
        radius = max(2, round(CLICK_RADIUS * max(height, width)))
        for point in self.points:
            centre = (int(point.x * scale_x), int(point.y * scale_y))
            cv2.circle(evidence[0], centre, radius, float(point.positive), -1)
            cv2.circle(evidence[1], centre, radius, float(not point.positive), -1)
        if self.trimap is not None:
            sure = np.stack([self.trimap == 255, self.trimap == 0]).astype(np.float32)
            trimap_evidence = np.stack([_resize(channel, height, width) for channel in sure])
            evidence = np.where(trimap_evidence.sum(0) > 0.5, trimap_evidence, evidence)
        return evidence


def _resize(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    import cv2

    mode = cv2.INTER_AREA if height * width < values.size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=mode), np.float32)


def load_hint(request: HintRequest, picture: Picture) -> Hint | None:
    """The hint of a request, its files read and checked against the picture; None when empty.

    Raises
    ------
    UsageError
        When a hint's size is not the picture's, or a box or point lies outside it.
    PictureError
        When a hint file cannot be read.
    """
    from mattelier.media.stills import read_grey

    return make_hint(
        picture.height,
        picture.width,
        mask=None if request.mask is None else read_grey(Path(request.mask)),
        trimap=None if request.trimap is None else read_grey(Path(request.trimap)),
        box=request.box,
        points=request.points,
        mask_as=request.mask_as,
    )


def make_hint(
    height: int,
    width: int,
    *,
    mask: NDArray[np.float32] | None = None,
    trimap: NDArray[np.float32] | None = None,
    box: Box | None = None,
    points: tuple[Point, ...] = (),
    mask_as: MaskUse = "rough",
) -> Hint | None:
    """A checked hint for a picture of that size; None when nothing is given.

    Parameters
    ----------
    mask : (H, W) float 0…1
    trimap : (H, W) float 0…1
        Within 2 % of 0 background, within 2 % of 1 subject (files are lossy), else unknown.
    mask_as : "rough", "selection" or "matte"
        What the mask is; see `HintRequest`.

    Raises
    ------
    UsageError
        When an array's size is not the picture's, or it holds NaN or infinity, or a box or
        point lies outside the picture.
    """
    for name, values in (("hint", mask), ("trimap", trimap)):
        if values is not None and values.shape != (height, width):
            raise UsageError(
                "The {name} is {size} pixels but the picture is {width}×{height}; give one of "
                "the same size.",
                name=name,
                size="×".join(map(str, values.shape[::-1])),
                width=width,
                height=height,
            )
        if values is not None and not np.isfinite(values).all():
            raise UsageError("The {name} holds values that are not finite numbers.", name=name)
    for point in points:
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise UsageError(
                "The point {x},{y} lies outside the picture ({width}×{height}).",
                x=f"{point.x:g}",
                y=f"{point.y:g}",
                width=width,
                height=height,
            )
    if box is not None and not (
        box.x < width and box.y < height and box.x + box.width > 0 and box.y + box.height > 0
    ):
        raise UsageError(
            "The box lies outside the picture ({width}×{height}).", width=width, height=height
        )
    if mask is None and trimap is None and box is None and not points:
        return None
    labels = None
    if trimap is not None:
        labels = np.full(trimap.shape, 128, np.uint8)
        labels[trimap <= 0.02], labels[trimap >= 0.98] = 0, 255
    soft = None if mask is None else np.clip(mask, 0, 1).astype(np.float32, copy=False)
    return Hint(height, width, soft, labels, box, points, mask_as=mask_as)
