"""A subject with nothing behind it: straight colour and alpha, in memory and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.types.atomic import replacing
from mattelier.types.errors import UsageError

Colour = NDArray[np.float32]
Alpha = NDArray[np.float32]

_MAX_LEVEL = 65535  # of 16 bits
_MIN_ALPHA = 1 / 1024  # below it nothing is known of a colour


@dataclass(frozen=True, eq=False)
class Source:
    """`colour` (H, W, 3) float32 0…1, straight and display-encoded; `alpha` (H, W) float32 0…1.

    Where alpha is 0, colour continues that of the pixels around, so that what is blurred or
    resized later mixes no black into an edge.
    """

    colour: Colour
    alpha: Alpha


def from_premultiplied(colour: Colour, alpha: Alpha) -> Source:
    """The source of (H, W, 3) colour times alpha, and (H, W) alpha."""
    straight = np.zeros_like(colour)
    visible = alpha > _MIN_ALPHA
    straight[visible] = colour[visible] / alpha[visible, None]
    return Source(extend_colour(np.clip(straight, 0, 1), visible), np.clip(alpha, 0, 1))


def extend_colour(colour: Colour, visible: NDArray[np.bool_]) -> Colour:
    """`colour` (H, W, 3) where `visible` (H, W); elsewhere the mean of the visible pixels around.

    A pyramid of averages, from afar to near ("pull-push", Gortler et al. 1996, "The Lumigraph").
    """
    weight = visible.astype(np.float32)
    if not visible.any() or visible.all():
        return colour
    levels = [(colour * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 1:
        values, weight = levels[-1]
        size = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
        smaller = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in levels[-1]]
        levels.append((smaller[0], smaller[1]))
    mean = levels[-1][0] / np.maximum(levels[-1][1], 1e-6)[..., None]
    for values, weight in reversed(levels[:-1]):
        mean = cv2.resize(mean, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = np.clip(4 * weight, 0, 1)[..., None]
        mean += share * (values / np.maximum(weight, 1e-6)[..., None] - mean)
    return np.asarray(np.where(visible[..., None], colour, mean), np.float32)


def write_source(source: Source, path: Path) -> None:
    """Write a 16-bit RGBA PNG, straight."""
    rgba = np.dstack([source.colour[..., ::-1], source.alpha])
    samples = np.rint(np.clip(rgba, 0, 1) * _MAX_LEVEL).astype(np.uint16)
    done, code = cv2.imencode(".png", samples)
    assert done
    with replacing(path) as part:
        Path(part).write_bytes(code.tobytes())


def read_source(path: Path) -> Source:
    """Read an RGBA picture of 8 or 16 bits, straight.

    Raises
    ------
    UsageError
        It is none.
    """
    rgba = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if rgba is None or rgba.ndim != 3 or rgba.shape[2] != 4:
        raise UsageError(f"{path} is no picture with transparency.")
    values = rgba.astype(np.float32) / np.float32(np.iinfo(rgba.dtype).max)
    colour, alpha = np.ascontiguousarray(values[..., 2::-1]), np.ascontiguousarray(values[..., 3])
    return Source(extend_colour(colour, alpha > _MIN_ALPHA), alpha)
