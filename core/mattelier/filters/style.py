"""A picture painted in another's style, at its own size, depth and transparency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.engines.tiling import Band, HalvingTiles, PictureNetwork, run_tiled
from mattelier.requests import StyleRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import View, expand_highlights, from_float, srgb_to_linear, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage, tell
from mattelier.types.result import Report, Result

Statistics = Mapping[str, NDArray[np.float32]]
"""What AdaIN knows of a picture: `mean` and `deviation` of each feature, (1, C, 1, 1)."""

_TILE_PX = 768  # sides in pixels; the encoder's first features of it take 144 MiB
_CONTENT_SIDE_PX = 768  # pixels of the longer side at which a picture's own statistics are taken
_STYLE_SHORTER_PX, _STYLE_LONGER_PX = 512, 1024  # shorter and longer side of the reference, at most
_MIN_SIDE_PX = 32
_MAX_LIGHT = 0.999  # linear light of the view above which highlights would be magnified endlessly


class StyleTask(Task):
    """picture + reference → the picture as if painted in the reference's style."""

    def prepare(
        self,
        request: StyleRequest,
        models: ModelCache,
        *,
        reference: Picture | None = None,
    ) -> dict[str, Any]:
        """Opens the network and measures the style of the reference, or of the file named.

        Raises
        ------
        UsageError
            There is no reference.
        """
        model = _open(request, models)
        if request.strength == 0:
            return {}
        if reference is None:
            if request.reference is None:
                raise UsageError("A style needs a reference: the picture that is painted so.")
            from mattelier.media.stills import read

            reference = read(request.reference)
        shorter, longer = sorted((reference.height, reference.width))
        scale = min(1.0, _STYLE_SHORTER_PX / shorter, _STYLE_LONGER_PX / longer)
        return {"style": _statistics(model, _downsample(View(reference), reference, scale))}

    def run(
        self,
        request: StyleRequest,
        picture: Picture,
        models: ModelCache,
        *,
        style: Statistics | None = None,
    ) -> Result:
        """One picture in the style of the reference; strength 0 gives the picture itself.

        The network paints the picture's display view at its full size, in tiles; how strongly it
        has to change each feature is told by a copy of at most 768 pixels. So memory is bounded,
        and strokes are as large, in pixels, as in the reference at 512. What is brighter than a
        display's white is painted as white.

        Raises
        ------
        OutOfMemory
            Not even the smallest tile fits into memory.
        """
        model = _open(request, models)
        report = Report(model.name, model.engine, model.device, model.note)
        if request.strength == 0 or style is None:
            return Result(report, picture)
        with report.timed("style"):
            view = _DisplayView(picture)
            scale = min(1.0, _CONTENT_SIDE_PX / max(view.height, view.width))
            content = _statistics(model, _downsample(view.view, picture, scale))
            painter = HalvingTiles(_Painter(model, content, style, request.strength))
            result, y = np.empty_like(picture.colour), 0
            with stage("painting", 0, 1):
                for band in run_tiled(view, painter, _TILE_PX, tell):
                    result[y : y + len(band)] = from_float(view.as_light(band), picture.dtype)
                    y += len(band)
        return Result(report, replace(picture, colour=result, grey=False))

    def networks(
        self, request: StyleRequest, models: ModelCache, height: int, width: int
    ) -> dict[str, str]:
        model = _open(request, models)
        return {model.name: model.fingerprint}


def _open(request: StyleRequest, models: ModelCache) -> OpenModel:
    return models.open(request.model, "style", request.device)


def _statistics(model: OpenModel, picture: NDArray[np.float32]) -> Statistics:
    """Mean and deviation of each feature of a whole picture, (1, 3, h, w) RGB 0…1."""
    return model.run({"picture": picture}, "statistics")


class _DisplayView:
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


def _downsample(view: View, picture: Picture, scale: float) -> NDArray[np.float32]:
    height, width = (
        max(_MIN_SIDE_PX, round(side * scale)) for side in (picture.height, picture.width)
    )
    return np.ascontiguousarray(view.resize(height, width).transpose(2, 0, 1)[None])
