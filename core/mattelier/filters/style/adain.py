"""Painting in one pass, by a network that takes a style's statistics on (AdaIN)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.open_model import OpenModel
from mattelier.engines.tiling import Band, HalvingTiles, PictureNetwork, run_tiled
from mattelier.filters.style.display_view import DisplayView
from mattelier.types.colour import View
from mattelier.types.progress import tell

Statistics = Mapping[str, NDArray[np.float32]]
"""What AdaIN knows of a picture: `mean` and `deviation` of each feature, (1, C, 1, 1)."""

_TILE_PX = 768  # sides in pixels; the encoder's first features of it take 144 MiB
_CONTENT_SIDE_PX = 768  # pixels of the longer side at which a picture's own statistics are taken
_STYLE_SHORTER_PX, _STYLE_LONGER_PX = 512, 1024  # shorter and longer side of the reference, at most
_MIN_SIDE_PX = 32


def measure_style(model: OpenModel, reference: View) -> Statistics:
    """What a reference's style is to the network."""
    shorter, longer = sorted((reference.height, reference.width))
    scale = min(1.0, _STYLE_SHORTER_PX / shorter, _STYLE_LONGER_PX / longer)
    return _statistics(model, _downsample(reference, scale))


def paint(
    model: OpenModel, view: DisplayView, style: Statistics, strength: float
) -> Iterator[Band]:
    """The bands of a picture in a style, display-encoded, not clipped.

    The network paints the picture's display view at its full size, in tiles; how strongly it has
    to change each feature is told by a copy of at most 768 pixels. So memory is bounded, and
    strokes are as large, in pixels, as in the reference at 512.
    """
    scale = min(1.0, _CONTENT_SIDE_PX / max(view.height, view.width))
    content = _statistics(model, _downsample(view.view, scale))
    painter = HalvingTiles(_Painter(model, content, style, strength))
    return run_tiled(view, painter, _TILE_PX, tell)


def _statistics(model: OpenModel, picture: NDArray[np.float32]) -> Statistics:
    """Mean and deviation of each feature of a whole picture, (1, 3, h, w) RGB 0…1."""
    return model.run({"picture": picture}, "statistics")


class _Painter(PictureNetwork):
    """The network with the statistics of one picture and one style; see `Tiled`."""

    def __init__(
        self, model: OpenModel, content: Statistics, style: Statistics, strength: float
    ) -> None:
        super().__init__(model)
        self._inputs: dict[str, NDArray[Any]] = {
            **{f"content_{name}": values for name, values in content.items()},
            **{f"style_{name}": values for name, values in style.items()},
            "strength": np.asarray(strength, np.float64),
        }

    def run(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """One pass; see `Tiled.run`."""
        return self._model.run({"picture": picture, **self._inputs}, "paint")["picture"]


def _downsample(view: View, scale: float) -> NDArray[np.float32]:
    height, width = (max(_MIN_SIDE_PX, round(side * scale)) for side in (view.height, view.width))
    return np.ascontiguousarray(view.resize(height, width).transpose(2, 0, 1)[None])
