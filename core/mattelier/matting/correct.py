"""A finished matte corrected by strokes: exact where brushed, and the edge found beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.pointing import draw_strokes, stroke_cover
from mattelier.matting.refine import refine
from mattelier.requests import Stroke
from mattelier.types.colour import View

_SURE_ALPHA = (0.02, 0.98)  # of a matte, between which it is unsure itself
_REACH = 3  # radii of the brush: as far again as it is wide, on either side
_CONTEXT_SHARE = 0.02  # of the longer side: known colours around what is solved


def correct(
    view: View, matte: NDArray[np.float32], strokes: Sequence[Stroke]
) -> NDArray[np.float32]:
    """(H, W) float32 0…1: the matte as the strokes want it.

    What a brush went over is the subject or not, exactly. As far again as the brush is wide the
    edge is found by the picture's colours: a stroke along the middle of an arm brings the arm.
    There a stroke that is the subject takes nothing away, and one that is not adds nothing; all
    else stays as it was.

    Parameters
    ----------
    view : View
        The frame, H × W.
    matte : (H, W) float32 0…1
    strokes : sequence of Stroke
        "sure" and "not", in pixels of the frame.
    """
    if not strokes:
        return matte
    box = _region(strokes, *matte.shape)
    if box is None:
        return matte
    y0, y1, x0, x1 = box
    moved = [_moved(stroke, -x0, -y0) for stroke in strokes]
    result = matte.copy()
    result[y0:y1, x0:x1] = _correct(view.part(*box), matte[y0:y1, x0:x1], moved)
    return result


def _correct(
    view: View, matte: NDArray[np.float32], strokes: Sequence[Stroke]
) -> NDArray[np.float32]:
    grown, shrunk = np.zeros(matte.shape, bool), np.zeros(matte.shape, bool)
    trimap = np.full(matte.shape, 128, np.uint8)
    trimap[matte <= _SURE_ALPHA[0]], trimap[matte >= _SURE_ALPHA[1]] = 0, 255
    for stroke in strokes:
        zone = stroke_cover(matte.shape, replace(stroke, radius=_REACH * stroke.radius)) > 0.5
        adds = stroke.kind == "sure"
        (grown if adds else shrunk)[zone] = True
        trimap[zone & (trimap == (0 if adds else 255))] = 128
    for stroke in strokes:
        core = stroke_cover(matte.shape, stroke) > 0.5
        trimap[core] = 255 if stroke.kind == "sure" else 0
    solved = matte
    if (trimap == 0).any() and (trimap == 255).any():  # colours of one side alone tell nothing
        solved = refine(view, matte, trimap=trimap)
    found = np.where(grown & shrunk, solved, matte)
    found = np.where(grown & ~shrunk, np.maximum(matte, solved), found)
    found = np.where(shrunk & ~grown, np.minimum(matte, solved), found)
    return draw_strokes(found.astype(np.float32), strokes)


def _region(strokes: Sequence[Stroke], height: int, width: int) -> tuple[int, int, int, int] | None:
    """y0, y1, x0, x1 of what strokes may change, and of known colours around it."""
    reach = 2 * _REACH * max(stroke.radius for stroke in strokes)
    margin = reach + _CONTEXT_SHARE * max(height, width)
    xs = [point.x for stroke in strokes for point in stroke.points]
    ys = [point.y for stroke in strokes for point in stroke.points]
    y0, y1 = max(0, int(min(ys) - margin)), min(height, int(max(ys) + margin) + 1)
    x0, x1 = max(0, int(min(xs) - margin)), min(width, int(max(xs) + margin) + 1)
    return (y0, y1, x0, x1) if y0 < y1 and x0 < x1 else None


def _moved(stroke: Stroke, x: float, y: float) -> Stroke:
    points = tuple(replace(one, x=one.x + x, y=one.y + y) for one in stroke.points)
    return replace(stroke, points=points)
