"""Pointing at a subject: one picture looked at again and again, as clicks and strokes come.

What does not change between gestures is kept: the bounded picture at the size the network sees, and
what the last gesture gave. A gesture's answer is one pass of the network, its clicks obeyed, and
the edge along the picture's colours; the settled answer is what `matte` gives for the same hint.
Applied to the full-size picture, the settled answer is not looked for again, only refined: what
was seen is what comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.matting.edge import choke_and_feather
from mattelier.matting.hint import Hint
from mattelier.matting.matte import estimate, glance
from mattelier.matting.refine import refine
from mattelier.matting.selection import read_selection
from mattelier.requests import MatteRequest, Point, Stroke
from mattelier.types.colour import View
from mattelier.types.errors import UsageError

Alpha = NDArray[np.float32]

_HAIR_REACH_SHARE = 0.01  # of the longer side: known colours around a stroke of hair
_SURE_ALPHA = (0.02, 0.98)  # what a stroke's surroundings are known by


class PointingSession:
    """The matte of one picture as it is pointed at.

    Parameters
    ----------
    view : View
        The picture at the size that is shown, H × W.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self._coarse: Alpha | None = None

    def read(self, known: Hint | None, model: OpenModel) -> Hint | None:
        """What a selection that the matte begins with means; see `matting.selection`."""
        if known is None or known.mask is None or known.mask_as != "selection":
            return known
        return read_selection(known, lambda found: glance(self.view, found, model)).hint

    def glance(self, hint: Hint | None, model: OpenModel, strokes: Sequence[Stroke] = ()) -> Alpha:
        """The answer to a gesture, at once: (H, W) float32 0…1, strokes of hair left open."""
        coarse = glance(self.view, hint, model)
        alpha = refine(self.view, coarse, quality="fast")
        return draw_strokes(alpha, [one for one in strokes if one.kind != "hair"])

    def settle(
        self,
        hint: Hint | None,
        model: OpenModel,
        request: MatteRequest,
        strokes: Sequence[Stroke] = (),
    ) -> Alpha:
        """The answer that is kept to be applied: (H, W) float32 0…1."""
        self._coarse = estimate(self.view, hint, model, request.quality)
        return finish(self.view, self._coarse, request, strokes)

    def apply(self, view: View, request: MatteRequest, strokes: Sequence[Stroke] = ()) -> Alpha:
        """The settled answer on the picture at its full size: (H, W) float32 0…1.

        Parameters
        ----------
        strokes : sequence of Stroke
            In pixels of the picture that was shown.

        Raises
        ------
        UsageError
            Nothing was settled.
        """
        if self._coarse is None:
            raise UsageError("Nothing was settled yet, so there is nothing to apply.")
        scale = view.width / self.view.width
        enlarged = [
            replace(
                one,
                points=tuple(Point(at.x * scale, at.y * scale) for at in one.points),
                radius=one.radius * scale,
            )
            for one in strokes
        ]
        return finish(view, self._coarse, request, enlarged)


def finish(view: View, coarse: Alpha, request: MatteRequest, strokes: Sequence[Stroke]) -> Alpha:
    """A network's answer refined at a picture's size, with what was drawn, its edge moved."""
    alpha = refine(view, coarse, quality=request.quality)
    alpha = solve_hair(view, alpha, [one for one in strokes if one.kind == "hair"])
    alpha = draw_strokes(alpha, [one for one in strokes if one.kind != "hair"])
    return choke_and_feather(alpha, request.edge_shift, request.feather)


def draw_strokes(alpha: Alpha, strokes: Sequence[Stroke]) -> Alpha:
    """A matte with strokes of "sure" and "not" over it, in their order; (H, W) float32 0…1."""
    if not strokes:
        return alpha
    drawn = alpha.copy()
    for stroke in strokes:
        cover = _stroke_cover(alpha.shape, stroke)
        drawn += cover * (np.float32(stroke.kind == "sure") - drawn)
    return drawn


def solve_hair(view: View, alpha: Alpha, strokes: Sequence[Stroke]) -> Alpha:
    """A matte with what lies under strokes of hair solved anew from the colours around them."""
    if not strokes:
        return alpha
    brushed = np.zeros(alpha.shape, bool)
    for stroke in strokes:
        brushed |= _stroke_cover(alpha.shape, stroke) > 0.5
    rows, columns = (np.flatnonzero(brushed.any(axis)) for axis in (1, 0))
    if not rows.size:
        return alpha
    margin = round(_HAIR_REACH_SHARE * max(alpha.shape)) + 2 * round(max(s.radius for s in strokes))
    y0, y1 = max(0, int(rows[0]) - margin), min(alpha.shape[0], int(rows[-1]) + 1 + margin)
    x0, x1 = max(0, int(columns[0]) - margin), min(alpha.shape[1], int(columns[-1]) + 1 + margin)
    part, inside = alpha[y0:y1, x0:x1], brushed[y0:y1, x0:x1]
    trimap = np.full(part.shape, 128, np.uint8)
    trimap[part <= _SURE_ALPHA[0]], trimap[part >= _SURE_ALPHA[1]] = 0, 255
    trimap[inside] = 128
    if not ((trimap == 0).any() and (trimap == 255).any()):
        return alpha  # colours of one side alone tell nothing
    solved = refine(view.part(y0, y1, x0, x1), part, trimap=trimap)
    result = alpha.copy()
    result[y0:y1, x0:x1][inside] = solved[inside]
    return result


def _stroke_cover(shape: tuple[int, ...], stroke: Stroke) -> Alpha:
    """Where a brush has been: (H, W) float32 0…1, soft at its rim."""
    import cv2

    cover = np.zeros(shape, np.uint8)
    shift = 4  # binary places of the coordinates
    places = np.asarray([(point.x, point.y) for point in stroke.points], np.float64)
    path = np.round(places * (1 << shift)).astype(np.int32)
    width = max(1, round(2 * stroke.radius))
    if len(path) == 1:
        radius = max(1, round(stroke.radius * (1 << shift)))
        cv2.circle(cover, path[0].tolist(), radius, 255, -1, cv2.LINE_AA, shift)
    else:
        cv2.polylines(cover, [path[:, None]], False, 255, width, cv2.LINE_AA, shift)
    return cover.astype(np.float32) / np.float32(255)
