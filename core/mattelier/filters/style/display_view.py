"""A picture as style networks see it, and what they painted as the picture's own light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mattelier.engines.tiling import Band
from mattelier.types.colour import View, expand_highlights, from_float, srgb_to_linear, to_float
from mattelier.types.picture import Picture

_MAX_LIGHT = 0.999  # linear light of the view above which highlights would be magnified endlessly


class DisplayView:
    """A picture's display view, in which colour that alpha hides is a flat one; see `Rows`."""

    def __init__(self, picture: Picture) -> None:
        self.height, self.width = picture.height, picture.width
        self._linear = picture.transfer == "linear"
        colour = picture.colour
        transparent = None if picture.alpha is None else picture.alpha == 0
        if transparent is not None and transparent.any() and not transparent.all():
            colour = colour.copy()
            colour[transparent] = from_float(
                to_float(colour[~transparent]).mean(axis=0, dtype=np.float32), colour.dtype
            )
        self.view = View(replace(picture, colour=colour))

    def read(self, y0: int, y1: int) -> Band:
        """See `Rows.read`."""
        return self.view.tile(y0, y1, 0, self.width)

    def as_light(self, band: Band) -> Band:
        """What was painted, in the picture's own encoding."""
        band = np.clip(band, 0, 1, out=band)
        if not self._linear:
            return band
        light = expand_highlights(np.minimum(srgb_to_linear(band), _MAX_LIGHT))
        return (light / np.float32(self.view.exposure)).astype(np.float32, copy=False)
