"""Pointing at a subject: one picture looked at again and again, as clicks and strokes come.

A gesture's answer is one pass of the network, its clicks obeyed, and the edge along the colours of
the picture at the size of a window; the settled answer is what `matte` gives for the same hint.
Applied to the full-size picture, the settled answer is not looked for again, only refined: what
was seen is what comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.matting.edge import choke_and_feather, mask_to_trimap
from mattelier.matting.hint import Hint
from mattelier.matting.matte import estimate, glance
from mattelier.matting.refine import refine
from mattelier.matting.selection import read_selection
from mattelier.requests import Point, PointRequest, Stroke
from mattelier.types.colour import View
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

Alpha = NDArray[np.float32]

_GLANCE_PIXELS = 400_000  # of a gesture's answer: what a window shows, and quick to carry
_MAX_SOLVED = 4  # full mattes of the shown picture that are kept, of the newest subjects
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
        self._small = at_most(view, _GLANCE_PIXELS)
        self._coarse: dict[int, tuple[object, Alpha]] = {}  # each by what it is the answer to
        self._solved: dict[int, tuple[object, Alpha]] = {}

    def read(self, known: Hint | None, model: OpenModel) -> Hint | None:
        """What a selection that the matte begins with means; see `matting.selection`."""
        if known is None or known.mask is None or known.mask_as != "selection":
            return known
        if model.input.needs:
            return read_selection(known, None).hint
        return read_selection(known, lambda found: glance(self.view, found, model)).hint

    def glance(self, hint: Hint | None, model: OpenModel, strokes: Sequence[Stroke] = ()) -> Alpha:
        """The answer to a gesture, at once and small: (h, w) float32 0…1, hair left open.

        Hint and strokes are in pixels of the picture that is shown, as they are for `settle`.
        """
        alpha = refine(self._small, glance(self._small, hint, model), quality="fast")
        drawn = [one for one in strokes if one.kind != "hair"]
        return draw_strokes(alpha, _scaled(drawn, self._small.width / self.view.width))

    def settle(
        self, hint: Hint | None, model: OpenModel, request: PointRequest, given: object = None
    ) -> Alpha:
        """The answer that is kept to be applied: (H, W) float32 0…1.

        What the network said is not asked for again where only the edge is to be another, nor is
        the edge solved again where it is but moved.

        Parameters
        ----------
        request : PointRequest
            Its hint is not used, but `hint`.
        given : object
            What the hint was made of, beside the request's: equal things make equal hints.
        """
        asked = request.matte
        question = (given, asked.hint, asked.quality, id(model))
        known, coarse = self._coarse.get(request.subject, (None, None))
        if coarse is None or known != question:
            coarse = estimate(self.view, hint, model, asked.quality)
            self._coarse[request.subject] = question, coarse
        wanted = (question, request.strokes, request.edge_width)
        known, solved = self._solved.pop(request.subject, (None, None))
        if solved is None or known != wanted:
            solved = solve(self.view, coarse, request, request.strokes)
        self._solved[request.subject] = wanted, solved
        while len(self._solved) > _MAX_SOLVED:
            del self._solved[next(iter(self._solved))]
        return choke_and_feather(solved, asked.edge_shift, asked.feather)

    def apply(self, view: View, request: PointRequest) -> Alpha:
        """The settled answer on the picture at its full size: (H, W) float32 0…1.

        Parameters
        ----------
        request : PointRequest
            Its strokes are in pixels of the picture that was shown.

        Raises
        ------
        UsageError
            Nothing was settled of this subject.
        """
        _question, coarse = self._coarse.get(request.subject, (None, None))
        if coarse is None:
            raise UsageError("Nothing was settled yet, so there is nothing to apply.")
        enlarged = _scaled(request.strokes, view.width / self.view.width)
        solved = solve(view, coarse, request, enlarged)
        return choke_and_feather(solved, request.matte.edge_shift, request.matte.feather)


def solve(view: View, coarse: Alpha, request: PointRequest, strokes: Sequence[Stroke]) -> Alpha:
    """A network's answer refined at a picture's size, with what was drawn: (H, W) float32 0…1.

    Parameters
    ----------
    strokes : sequence of Stroke
        In pixels of `view`, in place of the request's.
    """
    quality = request.matte.quality
    alpha = refine(view, coarse, quality=quality)
    if request.edge_width:
        trimap = mask_to_trimap(alpha, request.edge_width)
        if (trimap == 0).any() and (trimap == 255).any():
            alpha = refine(view, alpha, trimap=trimap, quality=quality)
    alpha = solve_hair(view, alpha, [one for one in strokes if one.kind == "hair"])
    return draw_strokes(alpha, [one for one in strokes if one.kind != "hair"])


def draw_strokes(alpha: Alpha, strokes: Sequence[Stroke]) -> Alpha:
    """A matte with strokes of "sure" and "not" over it, in their order; (H, W) float32 0…1."""
    if not strokes:
        return alpha
    drawn = alpha.copy()
    for stroke in strokes:
        cover = stroke_cover(alpha.shape, stroke)
        drawn += cover * (np.float32(stroke.kind == "sure") - drawn)
    return drawn


def solve_hair(view: View, alpha: Alpha, strokes: Sequence[Stroke]) -> Alpha:
    """A matte with what lies under strokes of hair solved anew from the colours around them."""
    if not strokes:
        return alpha
    brushed = np.zeros(alpha.shape, bool)
    for stroke in strokes:
        brushed |= stroke_cover(alpha.shape, stroke) > 0.5
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


def at_most(view: View, pixels: int) -> View:
    """A view of the same picture with so many pixels at most."""
    scale = (pixels / (view.height * view.width)) ** 0.5
    if scale >= 1:
        return view
    small = view.resize(max(1, round(view.height * scale)), max(1, round(view.width * scale)))
    return View(Picture(small))


def _scaled(strokes: Sequence[Stroke], scale: float) -> list[Stroke]:
    """The same strokes on a picture of another size."""
    return [
        replace(
            one,
            points=tuple(Point(at.x * scale, at.y * scale) for at in one.points),
            radius=one.radius * scale,
        )
        for one in strokes
    ]


def stroke_cover(shape: tuple[int, ...], stroke: Stroke) -> Alpha:
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
