"""A picture painted in another's style, at its own size, depth and transparency."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.filters.style import adain, optimise
from mattelier.filters.style.display_view import DisplayView
from mattelier.requests import StyleRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import View, from_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage
from mattelier.types.result import Report, Result


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
        view = View(reference)
        return {"style": view if _is_optimised(model) else adain.measure_style(model, view)}

    def run(
        self,
        request: StyleRequest,
        picture: Picture,
        models: ModelCache,
        *,
        style: adain.Statistics | View | None = None,
    ) -> Result:
        """One picture in the style of the reference; strength 0 gives the picture itself.

        What is brighter than a display's white is painted as white. See `adain.paint` and
        `optimise.paint` for what each kind of network does.

        Raises
        ------
        OutOfMemory
            Not even the smallest tile, or the picture that is optimised, fits into memory.
        """
        model = _open(request, models)
        report = Report(model.name, model.engine, model.device, model.note)
        if request.strength == 0 or style is None:
            return Result(report, picture)
        with report.timed("style"):
            view = DisplayView(picture)
            result, y = np.empty_like(picture.colour), 0
            with stage("painting", 0, 1):
                if isinstance(style, View):
                    bands = optimise.paint(
                        model, view, style, request.strength, request.paint_size, request.seed
                    )
                else:
                    bands = adain.paint(model, view, style, request.strength)
                for band in bands:
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


def _is_optimised(model: OpenModel) -> bool:
    """Whether it judges whole pictures, that are changed until it is content; else it paints."""
    return model.input.resize != "tile"
