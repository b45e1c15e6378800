"""Who is measured: a model that is run, or a folder of results that somebody made before."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.evaluate.items import Item, find_result, index_results
from mattelier.matting.hint import Hint
from mattelier.media.stills import read, read_grey
from mattelier.requests import Device, MatteRequest, RestoreRequest, UpscaleRequest
from mattelier.tasks.registry import run
from mattelier.types.colour import from_float, to_float
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture


class Measured(Protocol):
    """Who is measured.

    Attributes
    ----------
    name : what tables call it
    uses_picture : whether it looks at pictures, so that hints and corruptions make a difference
    """

    name: str
    uses_picture: bool


class Predictor(Measured, Protocol):
    """Gives a prediction for each item: (H, W) float32 0…1, or a picture (H, W, 3) RGB uint8."""

    def predict(
        self, item: Item, picture: Picture | None, hint: Hint | None, size: tuple[int, int]
    ) -> NDArray[Any]: ...


class MatteModel:
    """A matte model, run as `request` says."""

    uses_picture = True

    def __init__(self, request: MatteRequest) -> None:
        self.name, self._request, self._models = request.model, request, ModelCache()
        self._models.open(request.model, "matte", request.device)

    def predict(
        self, item: Item, picture: Picture | None, hint: Hint | None, size: tuple[int, int]
    ) -> NDArray[Any]:
        assert picture is not None
        alpha = run(self._request, picture, self._models, hint=hint).alpha
        assert alpha is not None
        return alpha


class PictureModel:
    """A model of pictures: it enlarges to the truth's size, or mends at the picture's own."""

    uses_picture = True

    def __init__(self, model: str, device: Device) -> None:
        self.name, self._device, self._models = model, device, ModelCache()

    def predict(
        self, item: Item, picture: Picture | None, hint: Hint | None, size: tuple[int, int]
    ) -> NDArray[Any]:
        assert picture is not None
        request: UpscaleRequest | RestoreRequest
        if (picture.height, picture.width) == size:
            request = RestoreRequest(model=self.name, device=self._device)
        else:
            scale = scale_of(item, (picture.height, picture.width), size)
            request = UpscaleRequest(scale, model=self.name, device=self._device)
        result = run(request, picture, self._models).picture
        assert result is not None
        return to_display(result)[: size[0], : size[1]]


class StoredResults:
    """A folder of results with the pictures' names; mattes, or pictures when enlarging."""

    uses_picture = False

    def __init__(self, folder: Path, *, colour: bool) -> None:
        self.name, self._folder, self._colour = folder.resolve().name, folder, colour
        self._results = index_results(folder)

    def predict(
        self, item: Item, picture: Picture | None, hint: Hint | None, size: tuple[int, int]
    ) -> NDArray[Any]:
        path = find_result(item, self._results)
        if path is None:
            raise PictureError(f"{self._folder} has no result for {item.name}.")
        return to_display(read(path)) if self._colour else read_grey(path)


def to_display(picture: Picture) -> NDArray[np.uint8]:
    """A picture's samples as (H, W, 3) RGB uint8."""
    samples: NDArray[np.uint8] = from_float(to_float(picture.colour), np.uint8)
    return samples


def scale_of(item: Item, small: tuple[int, int], large: tuple[int, int]) -> int:
    """How many times larger the truth is than the picture.

    Raises
    ------
    UsageError
        Not a whole number of times; remainders below one small pixel do not matter.
    """
    scale = round(large[0] / small[0])
    if scale < 2 or any(abs(b - scale * a) >= scale for a, b in zip(small, large, strict=True)):
        raise UsageError(f"{item.truth} is not a whole number of times as large as its picture.")
    return scale
