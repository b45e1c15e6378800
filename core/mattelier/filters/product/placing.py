"""Where a subject comes to stand on a canvas: its tilt, its scale, its place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.compose import subject_box

_TILT_SIDE_PX = 200
_MAX_TILT_DEGREES = 8.0
_SYMMETRIC_IOU = 0.93  # of a matte with its mirror image: only what is even has an upright
_MIN_IOU_GAIN = 0.012
_AREA_FILL = 0.45  # of the free box that equally large looking subjects cover, unless they hit it


@dataclass(frozen=True)
class Placing:
    """A picture's way onto a canvas: turned about its middle, scaled, moved.

    Attributes
    ----------
    degrees : how far it is turned, anticlockwise as seen
    scale : canvas pixels a picture's pixel
    matrix : (2, 3) of the picture's coordinates (x, y) to the canvas's, pixel centres whole
    width, height : the canvas
    """

    degrees: float
    scale: float
    matrix: NDArray[np.float64]
    width: int
    height: int

    def apply(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """A plane or picture of the source's size on the canvas, 0 beside it; area averaged."""
        import cv2

        matrix = self.matrix
        if self.scale < 1:
            # First shrunk as a whole, by area; what is left is a turn, a move and no more.
            height, width = plane.shape[:2]
            size = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
            plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
            across, down = width / size[0], height / size[1]
            # Pixel centres of the small picture in the large one's coordinates.
            grow = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
            matrix = matrix @ grow
        warped = cv2.warpAffine(
            plane, matrix, (self.width, self.height), flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_CONSTANT,
        )  # fmt: skip
        result: NDArray[np.float32] = np.clip(warped, 0, 1)
        return result


def place(
    alpha: NDArray[np.float32],
    width: int,
    height: int,
    margin: float,
    *,
    fit: Literal["box", "area"],
    align: Literal["centre", "base"],
    straighten: bool,
) -> Placing | None:
    """How a subject comes to stand on a canvas; None where there is none.

    Parameters
    ----------
    alpha : (H, W) float32 0…1
    margin : pixels of the canvas, free on all sides
    """
    import cv2

    degrees = tilt(alpha) if straighten else 0.0
    middle = ((alpha.shape[1] - 1) / 2, (alpha.shape[0] - 1) / 2)
    turn = np.vstack([cv2.getRotationMatrix2D(middle, degrees, 1.0), [0, 0, 1]])
    # The turned subject's box: of its outline's points, so that nothing is cut off on the way.
    outline = np.argwhere(alpha > 0.5) if degrees else None
    if outline is None or not len(outline):
        box = subject_box(np.where(alpha > 0.02, alpha, 0).astype(np.float32))
        if box is None:
            return None
        x0, x1, y0, y1 = box.x0 - 0.5, box.x1 - 0.5, box.y0 - 0.5, box.y1 - 0.5
    else:
        points = outline[:, ::-1] @ turn[:2, :2].T + turn[:2, 2]
        (x0, y0), (x1, y1) = points.min(axis=0) - 0.5, points.max(axis=0) + 0.5
    free_width, free_height = width - 2 * margin, height - 2 * margin
    scale = min(free_width / (x1 - x0), free_height / (y1 - y0))
    if fit == "area":
        area = float(alpha.sum())
        scale = min(scale, math.sqrt(_AREA_FILL * free_width * free_height / area))
    left = (width - 1) / 2 - scale * (x0 + x1) / 2
    top = (height - 1) / 2 - scale * (y0 + y1) / 2
    if align == "base":
        top = height - 0.5 - margin - scale * y1
    move = np.array([[scale, 0, left], [0, scale, top], [0, 0, 1]])
    matrix: NDArray[np.float64] = (move @ turn)[:2]
    return Placing(degrees, scale, np.vstack([matrix, [0, 0, 1]])[:2], width, height)


def tilt(alpha: NDArray[np.float32]) -> float:
    """How many degrees to turn a subject that is even on both sides until it is upright; 0: none.

    A bottle or a box has a mirror image that covers it; where no small turn makes one, the tilt is
    the subject's own.
    """
    import cv2

    box = subject_box(alpha)
    if box is None:
        return 0.0
    part = alpha[box.slices]
    scale = _TILT_SIDE_PX / max(part.shape)
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    room = round(0.1 * _TILT_SIDE_PX) + 4
    small = cv2.copyMakeBorder(small, room, room, room, room, cv2.BORDER_CONSTANT)
    height, width = small.shape

    def evenness(degrees: float) -> float:
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        turned = cv2.warpAffine(small, matrix, (width, height))
        columns = np.arange(width, dtype=np.float32)
        weight = turned.sum(axis=0)
        middle = float((weight * columns).sum() / max(weight.sum(), 1e-6))
        back = np.array([[1, 0, 2 * middle - (width - 1)], [0, 1, 0]])
        mirror = cv2.warpAffine(turned[:, ::-1].copy(), back, (width, height))
        both, either = np.minimum(turned, mirror).sum(), np.maximum(turned, mirror).sum()
        return float(both / max(either, 1e-6))

    angles = np.arange(-_MAX_TILT_DEGREES, _MAX_TILT_DEGREES + 0.01, 0.5)
    scores = [evenness(angle) for angle in angles]
    best = int(np.argmax(scores))
    if scores[best] < _SYMMETRIC_IOU or scores[best] - evenness(0) < _MIN_IOU_GAIN:
        return 0.0
    if best in (0, len(angles) - 1):  # it would have been turned farther: no small tilt
        return 0.0
    fine = np.arange(angles[best] - 0.4, angles[best] + 0.41, 0.1)
    return float(fine[int(np.argmax([evenness(angle) for angle in fine]))])
