"""Layers of one size in one file: OpenRaster, PSD, or a multilayer EXR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.media import stills
from mattelier.media.openraster import write_openraster
from mattelier.types.atomic import replacing
from mattelier.types.colour import from_float
from mattelier.types.errors import OutputError
from mattelier.types.picture import Picture
from mattelier.types.result import Layer

LAYER_SUFFIXES = frozenset((".ora", ".psd", ".exr"))
_MAX_PSD_PX = 30_000  # of a side, by the format
_MAX_PSD_NAME = 255  # characters of a layer's
_HALF_MAX = 65504.0


def write_layers(path: Path, layers: Sequence[Layer], merged: Picture) -> None:
    """Write layers of one size, the lowest first, with what they look like together.

    OpenRaster and PSD hold display values, 8 bit of an 8-bit picture and 16 bit of all others. An
    EXR holds linear half floats, multiplied by alpha: the merged picture as R, G, B and A, a layer
    as `name.R` …, and the layers' order in `mattelier:layers`.

    Raises
    ------
    OutputError
        The suffix is none of `LAYER_SUFFIXES`, the picture is too large for it, the library for
        PSD is not installed, or the system refuses.
    """
    writers: dict[str, Callable[[Path, Sequence[Layer], Picture], None]] = {
        ".ora": write_openraster,
        ".psd": _write_psd,
        ".exr": _write_exr,
    }
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise OutputError(f"{path}: layers are written as {', '.join(sorted(writers))}.")
    writer(path, layers, merged)


def _write_psd(path: Path, layers: Sequence[Layer], merged: Picture) -> None:
    try:
        from psd_tools import PSDImage
        from psd_tools.constants import Resource
        from psd_tools.psd.image_resources import ImageResource
    except ImportError:
        raise OutputError(
            "PSD files need their library; run: pip install 'mattelier[psd]'"
        ) from None
    if max(merged.height, merged.width) > _MAX_PSD_PX:
        raise OutputError(f"{path}: .psd holds at most {_MAX_PSD_PX} pixels a side; use .ora.")
    depth = 8 if merged.dtype == np.uint8 else 16
    file = PSDImage.new("RGB", (merged.width, merged.height), depth=depth)
    for one in layers:
        layer = file.create_pixel_layer_from_array(_display(one.picture, depth))
        layer.name = one.name[:_MAX_PSD_NAME]  # in Unicode, which the library's own door is not
    if merged.icc and merged.transfer == "display":
        profile = ImageResource(key=Resource.ICC_PROFILE, data=merged.icc)
        file.image_resources[Resource.ICC_PROFILE] = profile
    # What programs show that know no layers: our own, where `save` would compose it once more.
    record = file._record
    planes = np.moveaxis(_on_white(_display(merged, depth)), -1, 0)
    big_endian = planes.astype(planes.dtype.newbyteorder(">"))
    record.image_data.set_data([plane.tobytes() for plane in big_endian], record.header)
    with replacing(path) as temporary, temporary.open("wb") as target:
        record.write(target)


def _display(picture: Picture, depth: int) -> NDArray[Any]:
    """Colour and alpha (H, W, 3 or 4) as display values of 8 or 16 bit."""
    return stills.encoded(picture, f"uint{depth}", "display")


def _on_white(samples: NDArray[Any]) -> NDArray[Any]:
    if samples.shape[2] == 3:
        return samples
    white = np.iinfo(samples.dtype).max
    share = samples[..., 3:].astype(np.float32) / white
    return np.rint(white + share * (samples[..., :3] - np.float32(white))).astype(samples.dtype)


def _write_exr(path: Path, layers: Sequence[Layer], merged: Picture) -> None:
    from mattelier.media import oiio_io

    planes = dict(zip("RGBA", _linear_planes(merged), strict=False))
    for one in layers:
        name = one.name.replace(".", "-")  # a dot parts layer and channel
        picture = one.picture
        if picture.alpha is None:
            opaque = from_float(np.ones(picture.colour.shape[:2], np.float32), picture.dtype)
            picture = Picture(picture.colour, alpha=opaque, transfer=picture.transfer)
        names = (f"{name}.{channel}" for channel in "RGBA")
        planes.update(zip(names, _linear_planes(picture), strict=True))
    order = [one.name.replace(".", "-") for one in layers]

    def rows(y0: int, y1: int) -> NDArray[Any]:
        return np.stack([plane[y0:y1] for plane in planes.values()], -1)

    with replacing(path) as temporary:
        oiio_io.write(
            temporary,
            (merged.height, merged.width, len(planes)),
            "float16",
            rows,
            channels=tuple(planes),
            attributes={"mattelier:layers": ",".join(order)},
            premultiplied=True,
        )


def _linear_planes(picture: Picture) -> list[NDArray[np.float16]]:
    """Scene-linear colour, multiplied by alpha, and alpha where there is one."""
    samples = stills.encoded(picture, "float32", "linear")
    if samples.shape[2] == 4:
        samples[..., :3] *= samples[..., 3:]
    halves = np.clip(samples, -_HALF_MAX, _HALF_MAX).astype(np.float16)
    return [halves[..., channel] for channel in range(halves.shape[2])]
