"""Tasks as the registry runs them, for tests: one cache of open networks for all of them."""

from __future__ import annotations

from typing import Any

from mattelier.engines.model_cache import ModelCache
from mattelier.tasks import registry
from mattelier.types.picture import Picture
from mattelier.types.result import Result

MODELS = ModelCache()


def run(request: object, picture: Picture, **inputs: Any) -> Result:
    """One picture done as a request says."""
    return registry.run(request, picture, MODELS, **inputs)
