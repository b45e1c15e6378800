"""Depth maps as files: Blender's Z and other programs' maps in, 16-bit PNG and EXR out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mattelier.media.decoding import decodes
from mattelier.media.provenance import Facts, as_tiff, own_facts
from mattelier.media.size_limits import check_size
from mattelier.media.stills import read_grey
from mattelier.types.atomic import replacing
from mattelier.types.colour import from_float
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import MattelierError, OutputError, PictureError
from mattelier.types.picture import Picture

DepthEncoding = Literal["auto", "distance", "disparity"]

DEPTH_SUFFIXES = frozenset((".png", ".tif", ".tiff", ".exr"))

CONTENT = "mattelier:content"
_MAX_DISPARITY = 1e6  # nearer is damage, and its square would not be finite
_MIN_DISPARITY = 1e-7  # 1/distance of what is as good as infinitely far: Blender's empty Z is 1e10
_BYTES_PER_PIXEL = 12  # the channel, its inverse, and which of it is usable
_DEPTH_CHANNELS = ("Z", "depth", "Depth", "V", "Y", "R")


def read_depth(path: Path, encoding: DepthEncoding = "auto") -> DepthMap:
    """Read a depth map.

    EXR: the channel Z, alone or of a render layer (`ViewLayer.Depth.Z`, also of a file of several
    parts), else the only or first channel. Other files: their grey value.

    Parameters
    ----------
    path : file
    encoding : "distance", "disparity" or "auto"
        What the values are: distances (far is large), or nearness (near is large, white). "auto"
        takes float files as distances, unless Mattelier wrote them, and others as nearness.

    Raises
    ------
    PictureError
        It cannot be read, or holds no usable depth.
    """
    try:
        with path.open("rb") as file:
            is_exr = file.read(4) == b"\x76\x2f\x31\x01"
    except OSError as error:
        raise PictureError(f"The depth map {path} cannot be read: {error.strerror}.") from error
    if is_exr:
        values, content = _read_exr(path)
        if encoding == "auto":
            encoding = "disparity" if content == "disparity" else "distance"
    else:
        values = read_grey(path)
        encoding = "disparity" if encoding == "auto" else encoding
    usable = np.isfinite(values)
    if encoding == "distance":
        usable &= values > 0
        distance = np.where(usable, np.maximum(values, 1 / _MAX_DISPARITY), np.float32(np.inf))
        disparity = (1 / distance).astype(np.float32)
        disparity[disparity < _MIN_DISPARITY] = 0
    else:
        disparity = np.where(usable, values, np.float32(0)).astype(np.float32)
        np.clip(disparity, 0, _MAX_DISPARITY, out=disparity)
    if not usable.any() or float(np.ptp(disparity)) == 0:
        raise PictureError(f"The depth map {path} is empty: it is all one value.")
    return DepthMap(disparity, encoding == "distance" and is_exr, "file")


def write_depth(
    path: Path,
    depth: DepthMap,
    *,
    preview: bool = False,
    ends: tuple[float, float] | None = None,
    like: Picture | None = None,
    facts: Facts | None = None,
) -> None:
    """Write a depth map: near is white, the nearest 1, the farthest 0.

    PNG and TIFF hold 16-bit grey; EXR holds float `Y` and says `mattelier:content = disparity`.
    With `preview` it is an 8-bit PNG or TIFF in colours, blue far and red near, for the eye.

    Parameters
    ----------
    ends : disparities that become 0 and 1; None: the map's own farthest and nearest
    like : the picture it belongs to: gives an EXR its windows and metadata
    facts : header entries of EXR and TIFF, text of PNG: `media.provenance` reads them

    Raises
    ------
    OutputError
    """
    from mattelier.media import oiio_io, png

    suffix = path.suffix.lower()
    if suffix not in DEPTH_SUFFIXES or (preview and suffix == ".exr"):
        raise OutputError(f"{path}: a depth map is written as .png, .tif or .exr.")
    values = depth.relative(ends)
    sample = "float32" if suffix == ".exr" else "uint8" if preview else "uint16"
    shape = (*values.shape, 3 if preview else 1)

    def rows(y0: int, y1: int) -> NDArray[Any]:
        part = values[y0:y1]
        return _colourise(part) if preview else from_float(part[..., None], sample)

    with replacing(path) as temporary:
        if suffix == ".png":
            with temporary.open("wb") as file:
                png.write(file, shape, 8 if preview else 16, rows, text=own_facts(facts))
            return
        channels = ("R", "G", "B") if preview else ("Y",)
        if suffix == ".exr":
            kept = {} if like is None else like.metadata
            attributes = {**kept, **(facts or {}), CONTENT: "disparity"}
        else:
            attributes = as_tiff(facts)
        window = None if like is None or suffix != ".exr" else like.window
        oiio_io.write(
            temporary, shape, sample, rows, channels=channels, attributes=attributes, window=window
        )


def _colourise(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    import cv2

    colours = cv2.applyColorMap(from_float(values, np.uint8), cv2.COLORMAP_TURBO)
    return np.ascontiguousarray(colours[..., ::-1])


@decodes("depth")
def _read_exr(path: Path) -> tuple[NDArray[np.float32], str]:
    """The depth channel as stored (not cleaned), and what the header says it is."""
    import OpenImageIO

    try:
        source = OpenImageIO.ImageInput.open(str(path))
        if source is None:
            raise OSError(OpenImageIO.geterror())
        try:
            part, channel = _depth_channel(source)
            source.seek_subimage(part, 0)
            spec = source.spec()
            check_size(path, spec.width, spec.height, _BYTES_PER_PIXEL)
            values = source.read_image(part, 0, channel, channel + 1, "float")
            if values is None:
                raise OSError(source.geterror())
            content = spec.get_string_attribute(CONTENT)
        finally:
            source.close()
    except MattelierError:
        raise
    except Exception as error:  # decoders raise whatever a damaged file makes them trip over
        reason = " ".join(str(error).replace(str(path), path.name).split())[:120].rstrip(".")
        raise PictureError(f"The depth map {path} is damaged ({reason}).") from error
    return np.asarray(values, np.float32).reshape(spec.height, spec.width), content


def _depth_channel(source: Any) -> tuple[int, int]:
    """Part and number of the channel that most likely holds depth."""
    channels: dict[str, tuple[int, int]] = {}
    part = 0
    while source.seek_subimage(part, 0):
        for number, name in enumerate(source.spec().channelnames):
            channels.setdefault(name.rpartition(".")[2], (part, number))
        part += 1
    return next((channels[name] for name in _DEPTH_CHANNELS if name in channels), (0, 0))
