"""What the Python door takes: paths, arrays or pictures, as the engine wants them."""

from __future__ import annotations

from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.engines.model_cache import ModelCache
from mattelier.media.stills import read, read_grey
from mattelier.types.colour import to_float
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

PathName = str | PathLike[str]
PictureLike = PathName | NDArray[Any] | Picture


def models() -> ModelCache:
    """The open networks that all calls share, for as long as models lie where they lie now."""
    return _models(Store())


@lru_cache(maxsize=1)
def _models(store: Store) -> ModelCache:
    return ModelCache(store)


def to_picture(source: PictureLike) -> Picture:
    """A picture from a path or an array; integers are display-encoded, floats scene-linear.

    Raises
    ------
    PictureError, UsageError
        It cannot be read; the array is of no shape or type that a picture has.
    """
    if isinstance(source, Picture):
        return source
    if not isinstance(source, np.ndarray):
        return read(Path(source))
    array = np.repeat(source[..., None], 3, 2) if source.ndim == 2 else source
    if array.dtype not in (np.uint8, np.uint16, np.float32):
        raise UsageError(f"A picture's samples are uint8, uint16 or float32, not {array.dtype}.")
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise UsageError(f"A picture is (H, W, 3), (H, W, 4) or (H, W), not {source.shape}.")
    if not np.isfinite(array).all():
        raise UsageError("The picture holds values that are not finite numbers.")
    return Picture(
        np.ascontiguousarray(array[..., :3]),
        alpha=np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None,
        transfer="linear" if array.dtype == np.float32 else "display",
        grey=source.ndim == 2,
    )


def to_grey(source: PathName | NDArray[Any]) -> NDArray[np.float32]:
    """A mask, trimap or map from a path or an array: (H, W) float32, integers as 0…1.

    Raises
    ------
    PictureError, UsageError
        It cannot be read, or is an array of another type.
    """
    if not isinstance(source, np.ndarray):
        return read_grey(Path(source))
    if source.dtype == bool or np.issubdtype(source.dtype, np.floating):
        return source.astype(np.float32)
    if source.dtype not in (np.uint8, np.uint16):
        raise UsageError(f"A hint's samples are uint8, uint16, bool or float, not {source.dtype}.")
    return to_float(source)


def to_depth_map(source: DepthMap | NDArray[Any]) -> DepthMap:
    """A depth map as it is, or from an array of nearness: (H, W), larger is nearer.

    Raises
    ------
    UsageError
        It is an array of another type.
    """
    return source if isinstance(source, DepthMap) else DepthMap(to_grey(source), False, "source")
