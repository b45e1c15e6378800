"""A canvas finer than the picture it becomes, so that coverage is counted and not guessed."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.train.render.source import Source, from_premultiplied

FINE = 4
"""Rows and columns of the canvas for each pixel: with the blur of a lens over them, coverage has
far more than FINE² steps."""

_LENS = 0.45  # standard deviation in pixels of the blur of any real lens and sensor
_SHIFT = 4  # binary places of OpenCV's coordinates

Points = NDArray[np.floating[Any]]


class Canvas:
    """`side` × `side` pixels; what is painted later covers what was painted before.

    Points are (N, 2) x and y in pixels, colours (3,) display-encoded RGB 0…1, widths pixels.
    """

    def __init__(self, side: int) -> None:
        self.side = side
        self._paint = np.zeros((side * FINE, side * FINE, 4), np.uint8)

    def strand(self, points: Points, width: float, tip: float, colours: Points) -> None:
        """A line whose width goes from `width` to `tip`; `colours` (N − 1, 3) of its pieces."""
        places = np.rint(points * (FINE << _SHIFT)).astype(np.int32).tolist()
        thick = np.maximum(np.rint(np.linspace(width, tip, len(colours)) * FINE), 1).astype(int)
        paints = np.rint(np.clip(colours, 0, 1) * 255).tolist()
        for start, end, size, paint in zip(
            places[:-1], places[1:], thick.tolist(), paints, strict=True
        ):
            cv2.line(self._paint, start, end, (*paint, 255), size, cv2.LINE_8, _SHIFT)

    def polygon(self, points: Points, colour: Points) -> None:
        """A filled outline."""
        self._fill(points, (*np.rint(np.clip(colour, 0, 1) * 255).tolist(), 255))

    def hole(self, points: Points) -> None:
        """What lies in this outline is taken away."""
        self._fill(points, (0, 0, 0, 0))

    def _fill(self, points: Points, paint: tuple[float, ...]) -> None:
        places = np.rint(points * (FINE << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self._paint, [places], paint, cv2.LINE_8, _SHIFT)

    def source(self) -> Source:
        """What was painted, at the picture's size."""
        size = (self.side, self.side)
        paint = cv2.GaussianBlur(self._paint, (0, 0), _LENS * FINE)
        small = cv2.resize(paint, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        # Unpainted is black: averages of the paint are already multiplied by coverage.
        return from_premultiplied(small[..., :3], small[..., 3])
