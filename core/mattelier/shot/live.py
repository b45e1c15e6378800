"""Frames cut out as they come, of a camera or another program: each from itself and those before.

A glance by the network, made steady along the motion from the frame before, and stretched along the
picture's colours. Nothing is solved and nothing looked at twice: that is for results that stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.matting.compose import blur_surroundings, fit_background, over
from mattelier.matting.foreground import blur_fusion
from mattelier.matting.matte import glance
from mattelier.matting.refine import refine
from mattelier.shot.tracking.flow import optical_flow
from mattelier.shot.tracking.stabilise import Neighbour, stabilise
from mattelier.types.colour import View, from_float
from mattelier.types.picture import Picture

Colour = tuple[float, float, float]
Frame = NDArray[np.uint8]  # (H, W, 3) display-encoded RGB
Behind = Picture | Colour | Literal["blur"] | None

_BLUR_SIDE_PX = 128  # pixels of the longer side at which surroundings are blurred
_MIN_SUBJECT = 0.0005  # of the frame: what is less is nothing


@dataclass(frozen=True, eq=False)
class _Look:
    """A frame's view, and its matte (h, w) at the network's size."""

    view: View
    frame: Frame
    small: NDArray[np.float32]
    alpha: NDArray[np.float32]


class Live:
    """One stream of frames of one size.

    Parameters
    ----------
    model : OpenModel
        For the task "matte".
    background : Picture, colour (display-encoded sRGB 0…1), "blur" or None
        What the subject is put over; None keeps transparency.
    foreground : bool
        Whether the old background's colour is taken out of soft edges.

    Attributes
    ----------
    empty : int
        Frames so far in which nothing was found.
    """

    def __init__(self, model: OpenModel, background: Behind, *, foreground: bool = True) -> None:
        self._model, self._background, self._foreground = model, background, foreground
        self._behind: NDArray[np.uint8] | Colour | None = None
        self._last: _Look | None = None
        self.empty = 0

    def run(self, frames: Iterable[Frame]) -> Iterator[NDArray[np.uint8]]:
        """Each frame's result: (H, W, 3) RGB, or (H, W, 4) straight RGBA without a background.

        A frame is finished while the network looks at the next one: results come a frame late.
        """
        with ThreadPoolExecutor(1) as pool:
            pending: Future[NDArray[np.uint8]] | None = None
            for frame in frames:
                look = self._look(frame)
                if pending is not None:
                    yield pending.result()
                pending = pool.submit(self._finish, look)
            if pending is not None:
                yield pending.result()

    def _look(self, frame: Frame) -> _Look:
        view = View(Picture(frame))
        alpha = glance(view, None, self._model)
        small = view.resize(*alpha.shape)
        if (last := self._last) is not None:
            flow = optical_flow(small, last.small, fast=True)
            back = optical_flow(last.small, small, fast=True)
            alpha = stabilise(small, alpha, [Neighbour(last.small, last.alpha, flow, back, 1)])
        self.empty += bool(float((alpha > 0.5).mean()) < _MIN_SUBJECT)
        self._last = _Look(view, frame, small, alpha)
        return self._last

    def _finish(self, look: _Look) -> NDArray[np.uint8]:
        alpha = refine(look.view, look.alpha, quality="fast")
        colour = look.frame
        if self._foreground:
            colour = blur_fusion(colour, alpha, look.small, look.alpha)
        if self._background is None:
            return np.dstack([colour, np.rint(alpha * 255).astype(np.uint8)])
        if self._background == "blur":
            return np.asarray(over(colour, alpha, _blurred(look)))
        if self._behind is None:
            self._behind = fit_background(self._background, Picture(look.frame))
        return np.asarray(over(colour, alpha, self._behind))


def _blurred(look: _Look) -> Frame:
    """The frame's surroundings, strongly blurred: they hold nothing that a small size loses."""
    import cv2

    height, width = look.alpha.shape
    scale = min(1.0, _BLUR_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small, alpha = (
        cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (look.small, look.alpha)
    )
    blurred = blur_surroundings(from_float(small, np.uint8), alpha)
    return np.asarray(cv2.resize(blurred, look.frame.shape[1::-1]), np.uint8)
