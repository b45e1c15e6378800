"""The still picture: pixels exactly as their file holds them, with what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Transfer = Literal["display", "linear"]


@dataclass(frozen=True)
class Window:
    """Where an EXR's data window lies: its offset and the display window, in pixels."""

    x: int
    y: int
    full_x: int
    full_y: int
    full_width: int
    full_height: int


@dataclass(frozen=True, eq=False)
class Picture:
    """One still picture, upright, in its file's own sample type.

    Samples are not widened to float32 for the whole picture: a 50-megapixel photograph
    stays 150 MB, and each task converts the tile it works on (`colour.to_float`).

    Attributes
    ----------
    colour : (H, W, 3) uint8, uint16 or float32
        RGB, straight (never multiplied by alpha). Integers span 0…full scale; floats are
        unclipped. Grey files are expanded to three equal channels.
    alpha : (H, W) same dtype as `colour`, or None
        Coverage, 0…full scale (floats 0…1); None when the file is opaque.
    transfer : "display" or "linear"
        "display": gamma-encoded as the profile (or sRGB) says. "linear": scene-linear.
    icc, exif : bytes or None
        The file's profile and EXIF block; EXIF orientation was applied and reset to 1.
    window : Window or None
        Data and display window of an EXR.
    grey : bool
        The file held one colour channel.
    metadata : mapping
        Other attributes worth carrying from an EXR or TIFF to the result.
    """

    colour: NDArray[Any]
    alpha: NDArray[Any] | None = None
    transfer: Transfer = "display"
    icc: bytes | None = None
    exif: bytes | None = None
    window: Window | None = None
    grey: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def height(self) -> int:
        return int(self.colour.shape[0])

    @property
    def width(self) -> int:
        return int(self.colour.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.colour.dtype
