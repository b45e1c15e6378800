"""What the Python door takes: paths, arrays or pictures, as the engine wants them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.engines.model_cache import ModelCache
from mattelier.matting.hint import Hint, make_hint
from mattelier.media.stills import read, read_grey
from mattelier.requests import Box, Point
from mattelier.types.colour import to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

PathName = str | PathLike[str]
Given = PathName | NDArray[Any] | Picture


def models() -> ModelCache:
    """The open networks that all calls share, for as long as models lie where they lie now."""
    return _models(Store())


@lru_cache(maxsize=1)
def _models(store: Store) -> ModelCache:
    return ModelCache(store)


def picture_of(given: Given) -> Picture:
    """A picture from a path or an array; integers are display-encoded, floats scene-linear.

    Raises
    ------
    PictureError, UsageError
        It cannot be read; the array is of no shape or type that a picture has.
    """
    if isinstance(given, Picture):
        return given
    if not isinstance(given, np.ndarray):
        return read(Path(given))
    array = np.repeat(given[..., None], 3, 2) if given.ndim == 2 else given
    if array.dtype not in (np.uint8, np.uint16, np.float32):
        raise UsageError(f"A picture's samples are uint8, uint16 or float32, not {array.dtype}.")
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise UsageError(f"A picture is (H, W, 3), (H, W, 4) or (H, W), not {given.shape}.")
    if not np.isfinite(array).all():
        raise UsageError("The picture holds values that are not finite numbers.")
    return Picture(
        np.ascontiguousarray(array[..., :3]),
        alpha=np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None,
        transfer="linear" if array.dtype == np.float32 else "display",
        grey=given.ndim == 2,
    )


def hint_of(
    picture: Picture,
    mask: PathName | NDArray[Any] | None,
    trimap: PathName | NDArray[Any] | None,
    box: Box | tuple[float, float, float, float] | None,
    points: Iterable[Point | tuple[float, float]],
) -> Hint | None:
    """What the caller says of the subject; None where that is nothing.

    Raises
    ------
    PictureError, UsageError
        A mask cannot be read, or does not fit the picture.
    """
    return make_hint(
        picture.height,
        picture.width,
        mask=None if mask is None else grey_of(mask),
        trimap=None if trimap is None else grey_of(trimap),
        box=box if box is None or isinstance(box, Box) else Box(*box),
        points=tuple(p if isinstance(p, Point) else Point(*p) for p in points),
    )


def grey_of(given: PathName | NDArray[Any]) -> NDArray[np.float32]:
    """A mask, trimap or map from a path or an array: (H, W) float32, integers as 0…1.

    Raises
    ------
    PictureError, UsageError
        It cannot be read, or is an array of another type.
    """
    if not isinstance(given, np.ndarray):
        return read_grey(Path(given))
    if given.dtype == bool or np.issubdtype(given.dtype, np.floating):
        return given.astype(np.float32)
    if given.dtype not in (np.uint8, np.uint16):
        raise UsageError(f"A hint's samples are uint8, uint16, bool or float, not {given.dtype}.")
    return to_float(given)
