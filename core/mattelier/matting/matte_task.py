"""The task of mattes: one picture, what is known of its subject, and its alpha."""

from __future__ import annotations

from typing import Any

from mattelier.engines.model_cache import ModelCache
from mattelier.matting.hint import Hint
from mattelier.matting.matte import matte_picture
from mattelier.matting.meant import resolve
from mattelier.requests import MatteRequest
from mattelier.tasks.task import Task
from mattelier.types.picture import Picture
from mattelier.types.result import Result


class MatteTask(Task):
    """picture + optional hint → alpha."""

    def prepare(self, request: MatteRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        models.open(request.model, "matte", request.device)
        return inputs

    def run(
        self,
        request: MatteRequest,
        picture: Picture,
        models: ModelCache,
        *,
        hint: Hint | None = None,
    ) -> Result:
        model = models.open(request.model, "matte", request.device)
        hint = resolve(request, hint, picture, models)
        matte = matte_picture(picture, hint, request, model)
        return Result(matte.report, alpha=matte.alpha, estimate=matte.confidence)
