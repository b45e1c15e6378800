"""Cut one picture out: matte, clean edge colours, and what the user wants done with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.matting.hint import Hint
from mattelier.matting.matte import matte_picture
from mattelier.matting.meant import resolve
from mattelier.requests import CutoutRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import from_float, parse_colour, to_float
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage
from mattelier.types.result import Result

Colour = tuple[float, float, float]


class CutoutTask(Task):
    """picture + optional hint → picture with alpha, or composited over a background."""

    def prepare(self, request: CutoutRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        models.open(request.matte.model, "matte", request.matte.device)
        if request.background is not None and request.background != "blur":
            inputs["backdrop"] = open_backdrop(request.background)
        return inputs

    def run(
        self,
        request: CutoutRequest,
        picture: Picture,
        models: ModelCache,
        *,
        hint: Hint | None = None,
        background: Picture | None = None,
        backdrop: Picture | Colour | None = None,
    ) -> Result:
        """One picture cut out.

        Parameters
        ----------
        background : Picture, optional
            What the light is matched to when the host composites and `request.background` is
            None.
        backdrop : Picture or colour, optional
            What `request.background` names; the result is composited over it.

        Raises
        ------
        UsageError
            The hint does not fit the picture.
        """
        from mattelier.matting.compose import (
            blur_surroundings,
            crop_to_subject,
            fit_background,
            over,
        )
        from mattelier.matting.foreground import estimate_foreground
        from mattelier.matting.relight import match_light

        model = models.open(request.matte.model, "matte", request.matte.device)
        with stage("looking", 0, 0.6 if request.foreground else 1):
            hint = resolve(request.matte, hint, picture, models)
            matte = matte_picture(picture, hint, request.matte, model)
        alpha, report = matte.alpha, matte.report
        if request.reverse:
            whole = np.float32(1) if picture.alpha is None else to_float(picture.alpha)
            alpha = np.maximum(whole - alpha, 0)
        foreground = picture.colour
        if request.foreground:
            with report.timed("foreground"), stage("cleaning edge colours", 0.6, 1):
                foreground = estimate_foreground(picture.colour, alpha)
        behind: NDArray[Any] | Colour | None = None
        surroundings = None if background is None else fit_background(background, picture)
        if surroundings is not None:
            behind = surroundings
        elif request.background == "blur":
            behind = blur_surroundings(picture.colour, alpha)
        elif backdrop is not None:
            behind = fit_background(backdrop, picture)
        if behind is not None and request.match_light:
            with report.timed("light"):
                foreground = match_light(foreground, picture, alpha, behind, request.match_light)
        if behind is None or behind is surroundings:
            result = replace(picture, colour=foreground, alpha=from_float(alpha, picture.dtype))
        else:
            with report.timed("background"):
                colour = over(foreground, alpha, behind)
            result = replace(picture, colour=colour, alpha=None)
        if request.crop:
            result = crop_to_subject(result, alpha, request.padding)
        return Result(
            report,
            picture=result,
            alpha=alpha,
            foreground=foreground,
            estimate=matte.confidence,
        )


def open_backdrop(name: str) -> Picture | Colour:
    """What a request's `background` names: a picture's file, or a colour.

    Raises
    ------
    PictureError
        It is neither, or the picture cannot be read.
    """
    from mattelier.media.stills import read

    if Path(name).exists():
        return read(Path(name))
    try:
        return parse_colour(name)
    except UsageError as error:
        raise PictureError(
            "The background {name} is neither a picture file nor a colour.", name=repr(name)
        ) from error
