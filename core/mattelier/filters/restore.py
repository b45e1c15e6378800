"""A picture mended by a network that was made for that: deblurring, dehazing, light in the dark."""

from __future__ import annotations

from typing import Any

from mattelier.engines.model_cache import ModelCache
from mattelier.filters.denoise import DenoiseTask
from mattelier.requests import DenoiseRequest, RestoreRequest
from mattelier.tasks.task import Task
from mattelier.types.picture import Picture
from mattelier.types.result import Result

# Networks that give a picture of the same size are one kind, whatever they mend: their weights do
# not say. So a picture is taken apart and put together as for denoising.
_DENOISE = DenoiseTask()


class RestoreTask(Task):
    """picture → the same picture, mended."""

    def prepare(self, request: RestoreRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        return _DENOISE.prepare(_as_denoise(request), models, **inputs)

    def run(self, request: RestoreRequest, picture: Picture, models: ModelCache) -> Result:
        """One picture mended, in its own sample type and colour space, alpha untouched."""
        return _DENOISE.run(_as_denoise(request), picture, models)

    def networks(
        self, request: RestoreRequest, models: ModelCache, height: int, width: int
    ) -> dict[str, str]:
        return _DENOISE.networks(_as_denoise(request), models, height, width)


def _as_denoise(request: RestoreRequest) -> DenoiseRequest:
    return DenoiseRequest(
        strength=None if request.strength == 1 else request.strength,
        model=request.model,
        tile=request.tile,
        device=request.device,
    )
