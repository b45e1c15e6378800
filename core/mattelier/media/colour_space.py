"""A plate's declared colour space, and the view of its frames that networks get."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import View, from_float, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark

_BAND_ROWS = 256
_LINEAR_REC709_NAMES = ("lin_rec709_scene", "lin_rec709", "Linear Rec.709 (sRGB)", "lin_srgb",
               "Utility - Linear - sRGB", "Utility - Linear - Rec.709")  # fmt: skip
_SCENE_LINEAR_ROLE = "scene_linear"  # a role of every config; its primaries may be a show's own
_INTERCHANGE_ROLE = "aces_interchange"  # a role that OCIO 2 configs have: ACES2065-1
# ACES2065-1 (AP0, D60) to linear Rec.709 (D65), Bradford adapted: SMPTE ST 2065-1 and BT.709
# primaries by the method of SMPTE RP 177.
_AP0_TO_REC709 = np.array(
    [
        [2.52168618, -1.13413099, -0.38755518],
        [-0.27647991, 1.37271908, -0.09623916],
        [-0.01537806, -0.15297534, 1.16835340],
    ],
    np.float32,
)


class ColourSpace:
    """What a plate's code values mean, by a name of the OCIO config.

    The config is that of the environment variable OCIO, else the one built into OpenImageIO, which
    also serves where the former lacks the name; it knows `lin_rec709`, `sRGB` and `ACEScg`. The
    plate is never converted: only the network's view is, to linear Rec.709, where exposure, a
    bounded curve and sRGB follow (`colour.View`).

    Parameters
    ----------
    name : str or None
        None: what the pictures themselves say (floats linear Rec.709, integers display sRGB).

    Raises
    ------
    UsageError
        No config has a space of that name.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self._config, self._linear_name, self._from_ap0 = "", "", False
        self._matrix: NDArray[np.float32] | None = None
        if name is None:
            return
        self._choose_config(name)
        self._matrix = self._find_matrix()

    def _choose_config(self, name: str) -> None:
        import OpenImageIO

        problem = f"There is no colour space {name!r}"
        for path in ("", "ocio://default"):
            config = OpenImageIO.ColorConfig(path) if path else OpenImageIO.ColorConfig()
            if config.getColorSpaceIndex(config.resolve(name)) < 0:
                continue
            to = next((t for t in _LINEAR_REC709_NAMES if config.getColorSpaceIndex(t) >= 0), None)
            if to is None and config.getColorSpaceNameByRole(_INTERCHANGE_ROLE):
                to, self._from_ap0 = _INTERCHANGE_ROLE, True
            elif to is None and config.getColorSpaceNameByRole(_SCENE_LINEAR_ROLE):
                to = _SCENE_LINEAR_ROLE
                remark(
                    f"The OCIO config names no linear Rec.709; {name} is looked at through its "
                    "scene_linear."
                )
            if to is not None:
                self._config, self._linear_name = path, to
                return
            problem = f"The OCIO config has no linear space to look at {name!r} in"
        raise UsageError(
            f"{problem}; --colorspace takes a name of the OCIO config, such as lin_rec709, sRGB "
            "or ACEScg."
        )

    def exposure(self, samples: Sequence[Picture]) -> float | None:
        """The middle one of the exposures that these frames ask for; None where there are none.

        In steps of a quarter stop, so that a plate that grows by a frame looks as it did.
        """
        exposures = sorted(View(self.as_linear(picture)).exposure for picture in samples)
        return (
            2.0 ** (round(4 * math.log2(exposures[len(exposures) // 2])) / 4) if exposures else None
        )

    def view(self, picture: Picture, exposure: float | None) -> View:
        """A frame as networks see it."""
        return View(self.as_linear(picture), exposure)

    def as_linear(self, picture: Picture) -> Picture:
        """The frame in linear Rec.709 floats; where no space is declared, as it is."""
        import cv2

        if self.name is None:
            return picture
        colour = np.empty(picture.colour.shape, np.float32)
        for y in range(0, picture.height, _BAND_ROWS):
            band = to_float(picture.colour[y : y + _BAND_ROWS])
            colour[y : y + _BAND_ROWS] = (
                self._to_linear(band) if self._matrix is None else cv2.transform(band, self._matrix)
            )
        return replace(picture, colour=colour, transfer="linear")

    @property
    def identity(self) -> str | None:
        """Stands for what the space means: its name, and the content of the config that says so."""
        named = os.environ.get("OCIO", "")
        if self.name is None or self._config or not os.path.isfile(named):
            return self.name
        return f"{self.name}|{hashlib.sha256(Path(named).read_bytes()).hexdigest()}"

    @property
    def is_linear(self) -> bool:
        """Whether values mean light, as in ACEScg; False also where no space is declared."""
        return self._matrix is not None

    def from_linear(self, picture: Picture, like: Picture) -> Picture:
        """A frame that `as_linear` gave, or what was made of it, in the samples of `like` again."""
        import cv2

        if self.name is None:
            return picture
        colour = np.empty(picture.colour.shape, like.dtype)
        back = None if self._matrix is None else np.linalg.inv(self._matrix)
        for y in range(0, picture.height, _BAND_ROWS):
            band = picture.colour[y : y + _BAND_ROWS]
            band = self._from_linear(band) if back is None else cv2.transform(band, back)
            colour[y : y + _BAND_ROWS] = from_float(band, like.dtype)
        return replace(picture, colour=colour, transfer=like.transfer)

    def _find_matrix(self) -> NDArray[np.float32] | None:
        """The conversion as a matrix (many times faster), if a matrix is all that it is."""
        matrix = self._to_linear(np.eye(3, dtype=np.float32)[None])[0].T
        values = np.array([[[-0.5, 0.01, 0.2], [0.18, 0.5, 0.9], [4, 60, 0.002]]], np.float32)
        same = np.allclose(self._to_linear(values), values @ matrix.T, rtol=1e-3, atol=1e-5)
        return np.ascontiguousarray(matrix) if same else None

    def _to_linear(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        linear = self._convert_by_config(samples, self.name or "", self._linear_name)
        return linear @ _AP0_TO_REC709.T if self._from_ap0 else linear

    def _from_linear(self, linear: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._from_ap0:
            linear = linear @ np.linalg.inv(_AP0_TO_REC709).T
        return self._convert_by_config(linear, self._linear_name, self.name or "")

    def _convert_by_config(
        self, samples: NDArray[np.float32], start: str, end: str
    ) -> NDArray[np.float32]:
        import OpenImageIO

        source = OpenImageIO.ImageBuf(np.ascontiguousarray(samples))
        result = OpenImageIO.ImageBufAlgo.colorconvert(source, start, end, colorconfig=self._config)
        if result.has_error:
            raise UsageError(f"--colorspace {self.name}: {result.geterror().rstrip('.')}.")
        return np.asarray(result.get_pixels(OpenImageIO.FLOAT), np.float32)
