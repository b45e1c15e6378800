"""The jobs "splines" and "outline": mattes as curves, for a host's own masks.

The first is of a shot's files, the second of one picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mattelier.types.errors import UsageError
from mattelier.types.sentence import Sentence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.matting.splines import Traced

_OPTIONS = {"mattes", "frames", "tolerance", "output"}
_TOLERANCES_PX = (0.25, 100.0)


def splines(options: Any) -> dict[str, Any]:
    """Trace mattes into a JSON file of curves; gives how many there are.

    Parameters
    ----------
    options : {"mattes": pattern, "frames": range, "tolerance": pixels, "output": file}
        Paths are absolute. The file holds "size" [width, height] and "splines": of each one
        "depth" (how many others it lies in: even around the subject, odd around a hole), "first"
        and "last" frame, "corners" (points whose handles may go different ways) and "keys": frame
        → points, each [x, y; x, y of the handle before it; x, y of that after it], in pixels from
        the top left corner.

    Raises
    ------
    UsageError
        The options are not those.
    PictureError
        A matte is missing or damaged.
    """
    from mattelier.matting.splines import trace
    from mattelier.media.matte_frames import open_mattes
    from mattelier.types.atomic import replacing
    from mattelier.types.frame_range import FrameRange
    from mattelier.types.progress import stage

    if not isinstance(options, dict) or options.keys() != _OPTIONS:
        raise UsageError(
            "Splines are asked for with {options}.", options=", ".join(sorted(_OPTIONS))
        )
    mattes, output = str(options["mattes"]), Path(str(options["output"]))
    for path in (Path(mattes), output):
        if not path.is_absolute():
            raise UsageError("The worker needs absolute paths, not {path}.", path=path)
    frames = FrameRange.parse(str(options["frames"]))
    if not len(frames):
        raise UsageError("Splines need the frames of the mattes.")
    tolerance = _number(options["tolerance"])
    files = open_mattes(mattes)
    sizes: set[tuple[int, int]] = set()

    def read() -> Iterator[tuple[int, NDArray[np.float32]]]:
        for index, frame in enumerate(frames):
            with stage(
                Sentence("frame {frame}", frame=frame),
                index / len(frames),
                (index + 1) / len(frames),
            ):
                alpha = files.read(frame)
            sizes.add((alpha.shape[1], alpha.shape[0]))
            if len(sizes) > 1:
                raise UsageError("The mattes have different sizes.")
            yield frame, alpha

    traced = trace(read(), tolerance)
    found = {"size": next(iter(sizes)), "splines": _to_json(traced)}
    with replacing(output) as temporary:
        temporary.write_text(json.dumps(found), "utf-8")
    return {
        "splines": len(traced.splines),
        "points": sum(len(next(iter(one.keys.values()))) for one in traced.splines),
        "keys": len({frame for one in traced.splines for frame in one.keys}),
        "left_out": traced.left_out,
    }


def outline(options: Any, mask: NDArray[np.float32]) -> dict[str, Any]:
    """The curves of one matte, which counts as frame 0: "size" and "splines" as of a shot's.

    Parameters
    ----------
    options : {"tolerance": pixels}
    mask : (H, W) float32 0…1

    Raises
    ------
    UsageError
        The options are not those.
    """
    from mattelier.matting.splines import trace

    if not isinstance(options, dict) or options.keys() != {"tolerance"}:
        raise UsageError("An outline is asked for with tolerance.")
    traced = trace([(0, mask)], _number(options["tolerance"]))
    return {"size": list(mask.shape[::-1]), "splines": _to_json(traced)}


def _to_json(traced: Traced) -> list[dict[str, Any]]:
    return [
        {
            "depth": spline.depth,
            "first": spline.first,
            "last": spline.last,
            "corners": spline.corners,
            "keys": {
                str(frame): shape.reshape(len(shape), 6).round(3).tolist()
                for frame, shape in spline.keys.items()
            },
        }
        for spline in traced.splines
    ]


def _number(value: Any) -> float:
    least, most = _TOLERANCES_PX
    if not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
        raise UsageError(
            "The tolerance is {least} to {most} pixels, not {value}.",
            least=f"{least:g}",
            most=f"{most:g}",
            value=repr(value),
        )
    return float(value)
