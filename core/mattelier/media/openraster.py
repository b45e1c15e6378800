"""OpenRaster: layers in a ZIP file, as GIMP, Krita and MyPaint open them.

https://www.openraster.org/baseline/file-layout-spec.html
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from mattelier.media.stills import write_cutout
from mattelier.types.atomic import replacing
from mattelier.types.colour import from_float
from mattelier.types.picture import Picture
from mattelier.types.result import Layer

_THUMBNAIL_PX = 256


def write_openraster(path: Path, layers: Sequence[Layer], merged: Picture) -> None:
    """Write layers of one size, the lowest first, with what they look like together.

    Raises
    ------
    OutputError
        The system refuses.
    """
    import cv2

    names = [f"data/layer{index}.png" for index in range(len(layers))]
    entries = "".join(
        f"<layer name={quoteattr(one.name)} src={quoteattr(name)} x='0' y='0' opacity='1.0' "
        "visibility='visible' composite-op='svg:src-over'/>"
        for one, name in reversed(list(zip(layers, names, strict=True)))  # the topmost is first
    )
    stack = (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<image version='0.0.3' w='{merged.width}' h='{merged.height}'>"
        f"<stack>{entries}</stack></image>"
    )
    scale = _THUMBNAIL_PX / max(merged.width, merged.height)
    size = (max(1, round(merged.width * scale)), max(1, round(merged.height * scale)))
    small = Picture(
        *(
            None if plane is None else cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
            for plane in (merged.colour, merged.alpha)
        )  # type: ignore[arg-type]
    )
    with (
        tempfile.TemporaryDirectory(prefix="mattelier-") as folder,
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
    ):

        def add(name: str, picture: Picture) -> None:
            file = Path(folder, "layer.png")
            write_cutout(file, picture)
            archive.write(file, name)  # stored: PNG is packed already

        archive.writestr("mimetype", "image/openraster")  # first and stored, as the format asks
        archive.writestr("stack.xml", stack)
        for one, name in zip(layers, names, strict=True):
            picture = one.picture
            if picture.alpha is None:
                opaque = from_float(np.ones(picture.colour.shape[:2], np.float32), picture.dtype)
                picture = Picture(picture.colour, alpha=opaque, icc=picture.icc)
            add(name, picture)
        add("mergedimage.png", merged)
        add("Thumbnails/thumbnail.png", small)
