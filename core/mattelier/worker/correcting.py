"""The job "correct": a shot's frame and its matte, which a connection keeps, and strokes over it.

Each request names the files and all strokes that hold. The answer is small, for a window; where
the request names an output, the whole matte is written there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mattelier.requests import CorrectRequest, from_json
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.types.colour import View
    from mattelier.types.picture import Picture

_SHOWN_PIXELS = 1_000_000  # of an answer: what a window shows, and quick to carry


class KeptMatte(NamedTuple):
    """A frame and its matte, as they were read for `request`, whose strokes do not matter."""

    request: CorrectRequest
    picture: Picture
    view: View
    matte: NDArray[np.float32]


def correct(options: Any, kept: KeptMatte | None) -> tuple[dict[str, Any], Any, KeptMatte]:
    """Report, the corrected matte as it is shown, and what is kept for the next request.

    Raises
    ------
    UsageError
        The matte is not of the plate's size, or a path is not absolute.
    PictureError
        The frame or the matte is missing or damaged.
    """
    from dataclasses import replace

    import cv2

    from mattelier.matting.correct import correct
    from mattelier.media.stills import write_matte

    request = from_json(CorrectRequest, options)
    for path in (request.plate, request.matte, request.output):
        if path is not None and not Path(path).is_absolute():
            raise UsageError("The worker needs absolute paths, not {path}.", path=path)
    asked = replace(request, strokes=(), output=None)
    if kept is None or kept.request != asked:
        kept = _read(asked)
    corrected = correct(kept.view, kept.matte, request.strokes)
    if request.output is not None:
        write_matte(request.output, corrected, like=kept.picture)
    height, width = corrected.shape
    scale = min(1.0, (_SHOWN_PIXELS / (height * width)) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shown = cv2.resize(corrected, size, interpolation=cv2.INTER_AREA) if scale < 1 else corrected
    return {"coverage": round(float(corrected.mean()), 4)}, shown, kept


def _read(request: CorrectRequest) -> KeptMatte:
    import numpy as np

    from mattelier.media.colour_space import ColourSpace
    from mattelier.media.open_plate import open_plate
    from mattelier.media.stills import read_grey
    from mattelier.types.colour import to_float

    space = ColourSpace(request.colorspace)
    plate = open_plate(request.plate)
    try:
        if request.frame not in plate.frames:
            raise UsageError("The plate has no frame {frame}.", frame=request.frame)
        picture = plate.read(request.frame)
        view = space.view(picture, space.exposure(plate.samples))
    finally:
        plate.close()
    matte = read_grey(request.matte)
    if matte.shape != (view.height, view.width):
        raise UsageError(
            "The matte is {width}×{height} pixels but the plate is {plate_width}×{plate_height}.",
            width=matte.shape[1],
            height=matte.shape[0],
            plate_width=view.width,
            plate_height=view.height,
        )
    if request.has_plate_alpha and picture.alpha is not None:
        own = to_float(picture.alpha)
        matte = np.where(own > 0, np.clip(matte / np.maximum(own, 1e-6), 0, 1), matte)
    return KeptMatte(request, picture, view, matte.astype(np.float32))
