"""What the Python door takes: paths, bytes, files, arrays, Pillow's images or our own pictures."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Store
from mattelier.engines.model_cache import ModelCache
from mattelier.media.stills import read, read_grey
from mattelier.types.colour import MAX_SAMPLE, to_float
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture

if TYPE_CHECKING:
    import PIL.Image

PathName = str | PathLike[str]
Encoded = PathName | bytes | bytearray | memoryview | BinaryIO
PictureLike = Any
"""A `Picture`, a path, the bytes of a file, a file open for reading, an array, a Pillow image."""


def models() -> ModelCache:
    """The open networks that all calls share, for as long as models lie where they lie now."""
    return _models(Store())


@lru_cache(maxsize=1)
def _models(store: Store) -> ModelCache:
    return ModelCache(store)


def to_picture(source: PictureLike) -> Picture:
    """A picture from whatever holds one; integers are display-encoded, floats scene-linear.

    Raises
    ------
    PictureError, UsageError
        It cannot be read; the array is of no shape or type that a picture has; it is none at all.
    """
    if isinstance(source, Picture):
        return source
    if _is_pillow(source):
        return _from_pillow(source)
    if not isinstance(source, np.ndarray):
        with _as_file(source) as path:
            return read(path)
    array = np.repeat(source[..., None], 3, 2) if source.ndim == 2 else source
    if array.dtype not in (np.uint8, np.uint16, np.float32):
        raise UsageError(f"A picture's samples are uint8, uint16 or float32, not {array.dtype}.")
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise UsageError(f"A picture is (H, W, 3), (H, W, 4) or (H, W), not {source.shape}.")
    if array.dtype == np.float32 and not (np.abs(array) <= MAX_SAMPLE).all():  # nor true of NaN
        raise UsageError("The picture holds values that are not finite, or beyond a million.")
    return Picture(
        np.ascontiguousarray(array[..., :3]),
        alpha=np.ascontiguousarray(array[..., 3]) if array.shape[2] == 4 else None,
        transfer="linear" if array.dtype == np.float32 else "display",
        grey=source.ndim == 2,
    )


def to_grey(source: PictureLike) -> NDArray[np.float32]:
    """A mask, trimap or map from whatever holds one: (H, W) float32, integers as 0…1.

    Raises
    ------
    PictureError, UsageError
        It cannot be read, or is an array of another type.
    """
    if _is_pillow(source):
        source = np.asarray(
            source if source.mode in ("1", "L", "I;16", "F") else source.convert("L")
        )
    if not isinstance(source, np.ndarray):
        with _as_file(source) as path:
            return read_grey(path)
    if source.dtype == bool or np.issubdtype(source.dtype, np.floating):
        if not (np.abs(source) <= MAX_SAMPLE).all():
            raise UsageError("A map holds values that are not finite, or beyond a million.")
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


def _is_pillow(source: object) -> bool:
    # Pillow is not imported for those who do not use it; another thread may be half through it.
    image_class = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return image_class is not None and isinstance(source, image_class)


def _from_pillow(image: PIL.Image.Image) -> Picture:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return to_picture(np.asarray(image).astype(np.uint16))
    opaque = "A" not in image.mode and "transparency" not in image.info
    grey = image.mode in ("1", "L", "LA")
    samples = np.asarray(image.convert("RGB" if opaque else "RGBA"))
    exif = image.getexif().tobytes() if image.getexif() else None
    return replace(to_picture(samples), grey=grey, icc=image.info.get("icc_profile"), exif=exif)


@contextlib.contextmanager
def _as_file(source: Encoded) -> Iterator[Path]:
    """A path as it is; bytes, and what an open file still holds, as a file for a moment."""
    if isinstance(source, str | PathLike):
        yield Path(source)
        return
    data = source.read() if hasattr(source, "read") else source
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UsageError(
            "A picture is a path, a file's bytes, an open file, an array, a Pillow image or a "
            f"Picture, not {type(source).__name__}."
        )
    with tempfile.TemporaryDirectory(prefix="mattelier-") as folder:
        path = Path(folder, "picture")
        path.write_bytes(data)
        try:
            yield path
        except PictureError as error:
            raise PictureError(str(error).replace(str(path), "What was given")) from error
