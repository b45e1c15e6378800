"""Cut one picture out: matte, clean edge colours, and what the user wants done with them."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.engines import open_engine
from mattelier.matting.hint import Hint
from mattelier.matting.matte import Matte, Report, matte
from mattelier.requests import CutoutRequest, MatteRequest
from mattelier.types.colour import View, from_float, parse_colour, to_float
from mattelier.types.errors import EngineError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage


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
    matte : Matte
        What it was cut out by.
    """

    picture: Picture
    alpha: NDArray[np.float32]
    foreground: NDArray[Any]
    report: Report
    matte: Matte

    @property
    def confidence(self) -> NDArray[np.float32]:
        """How sure `alpha` is: (H, W) float32 0…1, 1 where sure; made when first asked for."""
        return self.matte.confidence


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
        self._store = store or Store()
        self.card = self._store.card(request.model)
        if self.card.task != "matte":
            raise UsageError(f"The model {self.card.name} makes no mattes; choose another.")
        self.engine = open_engine(self.card, self._store, request.device)

    def asked(self, request: MatteRequest) -> Cutter:
        """The same opened model for another request that names the same model and device."""
        other = copy(self)
        other.request = request
        return other

    def matte(self, picture: Picture, hint: Hint | None = None) -> Matte:
        """The alpha of one picture, its own alpha multiplied in.

        A GPU that fails in mid-work is left for the processor, and the report's note says so.
        """
        view = View(picture)
        try:
            result = matte(view, hint, self.request, self.card, self.engine)
        except EngineError as error:
            if self.engine.device == "cpu":
                raise
            self.engine = open_engine(self.card, self._store, "cpu")
            reason = str(error).split(";")[0].rstrip(".")
            self.engine.note = f"Running on the CPU: {reason}."
            result = matte(view, hint, self.request, self.card, self.engine)
        if picture.alpha is None:
            return result
        own = to_float(picture.alpha)
        # The certainty keeps the matte's alpha, and float samples are the caller's.
        alpha = np.multiply(result.alpha, own, out=None if own is picture.alpha else own)
        np.clip(alpha, 0, 1, out=alpha)  # a float file's alpha may exceed 1
        result.report.coverage = round(float(alpha.mean()), 4)
        certainty = result.certainty and replace(result.certainty, own=picture.alpha)
        return replace(result, alpha=alpha, certainty=certainty)

    def cutout(
        self,
        picture: Picture,
        hint: Hint | None,
        request: CutoutRequest,
        surroundings: Picture | None = None,
    ) -> Cutout:
        """One picture cut out as `request` says.

        Parameters
        ----------
        surroundings : Picture, optional
            What the light is matched to when the host composites and `request.background` is
            None.

        Raises
        ------
        UsageError, PictureError
            When the hint does not fit, or the background is no colour and no picture.
        """
        from mattelier.matting.compose import blurred_background, crop_to_subject, fitted, over
        from mattelier.matting.foreground import estimate_foreground
        from mattelier.matting.relight import match_light

        with stage("looking", 0, 0.6 if request.foreground else 1):
            result = self.matte(picture, hint)
        alpha, report = result.alpha, result.report
        foreground = picture.colour
        if request.foreground:
            with report.timed("foreground"), stage("cleaning edge colours", 0.6, 1):
                foreground = estimate_foreground(picture.colour, alpha)
        behind: NDArray[Any] | tuple[float, float, float] | None = None
        if surroundings is not None:
            behind = fitted(surroundings, picture)
        elif request.background is not None:
            behind = (
                blurred_background(picture.colour, alpha)
                if request.background == "blur"
                else fitted(_background(request.background), picture)
            )
        if behind is not None and request.match_light:
            with report.timed("light"):
                foreground = match_light(foreground, picture, alpha, behind, request.match_light)
        if request.background is None or behind is None:
            done = replace(picture, colour=foreground, alpha=from_float(alpha, picture.dtype))
        else:
            with report.timed("background"):
                colour = over(foreground, alpha, behind)
            done = replace(picture, colour=colour, alpha=None)
        if request.crop:
            done = crop_to_subject(done, alpha, request.padding)
        return Cutout(done, alpha, foreground, report, result)


def _background(name: str) -> Picture | tuple[float, float, float]:
    from mattelier.media.stills import read
    from mattelier.types.errors import PictureError, UsageError

    if Path(name).exists():
        return read(Path(name))
    try:
        return parse_colour(name)
    except UsageError as error:
        raise PictureError(
            f"The background {name!r} is neither a picture file nor a colour."
        ) from error
