"""Cut one picture out: matte, clean edge colours, and what the user wants done with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.colour import View, from_float, parse_colour, to_float
from mattelier.engines import open_engine
from mattelier.picture import Picture
from mattelier.request import CutoutRequest, MatteRequest
from mattelier.tasks.hint import Hint
from mattelier.tasks.matte import Matte, Report, matte


@dataclass(frozen=True, eq=False)
class Cutout:
    """One picture cut out.

    Attributes
    ----------
    picture : Picture
        The result as asked for, ready to be written: with straight colour and alpha, or
        composited; cropped when that was asked for.
    alpha : (H, W) float32 0…1
        Coverage at the source's size, the source's own alpha multiplied in.
    foreground : (H, W, 3) of the source's dtype and colour space
        Straight colour of the subject, without the old background (0 where alpha is 0).
    report : Report
    """

    picture: Picture
    alpha: NDArray[np.float32]
    foreground: NDArray[Any]
    report: Report


class Cutter:
    """A model opened once, for many pictures; safe to use from several threads.

    Parameters
    ----------
    request : MatteRequest
    store : Store, optional
        Where models lie; by default the shipped and the user's own.

    Raises
    ------
    ModelError
        The model is unknown, missing or damaged.
    EngineError
        The device that was asked for cannot be used.
    """

    def __init__(self, request: MatteRequest, *, store: Store | None = None) -> None:
        self.request = request
        store = store or Store()
        self.card = store.card(request.model)
        self.engine = open_engine(self.card, store, request.device)

    def matte(self, picture: Picture, hint: Hint | None = None) -> Matte:
        """The alpha of one picture, its own alpha multiplied in."""
        result = matte(View(picture), hint, self.request, self.card, self.engine)
        if picture.alpha is not None:
            np.multiply(result.alpha, to_float(picture.alpha), out=result.alpha)
            np.clip(result.alpha, 0, 1, out=result.alpha)  # a float file's alpha may exceed 1
            result.report.coverage = round(float(result.alpha.mean()), 4)
        return result

    def cutout(self, picture: Picture, hint: Hint | None, request: CutoutRequest) -> Cutout:
        """One picture cut out as `request` says.

        Raises
        ------
        UsageError, PictureError
            When the hint does not fit, or the background is no colour and no picture.
        """
        from mattelier.tasks.compose import blurred_background, crop_to_subject, fitted, over
        from mattelier.tasks.foreground import estimate_foreground

        result = self.matte(picture, hint)
        alpha, report = result.alpha, result.report
        foreground = picture.colour
        if request.foreground:
            with report.timed("foreground"):
                foreground = estimate_foreground(picture.colour, alpha)
        if request.background is None:
            done = replace(picture, colour=foreground, alpha=from_float(alpha, picture.dtype))
        else:
            with report.timed("background"):
                behind = (
                    blurred_background(picture.colour, alpha)
                    if request.background == "blur"
                    else fitted(_background(request.background), picture)
                )
                colour = over(foreground, alpha, behind)
            done = replace(picture, colour=colour, alpha=None)
        if request.crop:
            done = crop_to_subject(done, alpha, request.padding)
        return Cutout(done, alpha, foreground, report)


def _background(name: str) -> Picture | tuple[float, float, float]:
    from mattelier.errors import PictureError, UsageError
    from mattelier.media.stills import read

    if Path(name).exists():
        return read(Path(name))
    try:
        return parse_colour(name)
    except UsageError as error:
        raise PictureError(
            f"The background {name!r} is neither a picture file nor a colour."
        ) from error
