"""What the Python door gives: a result that shows itself, saves itself and speaks Pillow."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mattelier.types.colour import from_float, linear_to_srgb, to_float
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.result import Result as TaskResult

if TYPE_CHECKING:
    import PIL.Image

_SHOWN_SIZE_PX = 1024  # pixels of a notebook picture's longer side, at most


@dataclass(frozen=True, eq=False, repr=False)
class Result(TaskResult):
    """What a task made of one picture; None what it does not make.

    Attributes
    ----------
    report : Report
    picture : Picture or None
        The result as asked for: with straight colour and alpha, or composited; cropped when that
        was asked for.
    alpha : (H, W) float32 0…1, or None
        Linear coverage at the source's size, the source's own alpha multiplied in.
    foreground : (H, W, 3) of the source's dtype and colour space, or None
        Straight colour of the subject, without the old background (0 where alpha is 0).
    depth : DepthMap or None
    objects : tuple of Found, or None
        What was told apart: `mask` (H, W) float32 0…1, `label`, `score`; the surest first.

    Examples
    --------
    >>> mattelier.cutout("photo.jpg").save("photo.png")  # doctest: +SKIP
    """

    @classmethod
    def of(cls, result: TaskResult) -> Result:
        """The same values, as the Python door gives them."""
        return cls(**{field.name: getattr(result, field.name) for field in fields(TaskResult)})

    @property
    def rgba(self) -> NDArray[Any]:
        """The result's picture: (H, W, 4) of its own dtype, straight alpha, full where it has none.

        Raises
        ------
        UsageError
            The task makes no picture.
        """
        if self.picture is None:
            raise UsageError("This result holds no picture; see its `alpha`, `depth` or `objects`.")
        alpha = self.picture.alpha
        if alpha is None:
            alpha = from_float(
                np.ones((self.picture.height, self.picture.width), np.float32), self.picture.dtype
            )
        return np.dstack([self.picture.colour, alpha])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the result: the picture, else the matte, else the depth map, by its suffix.

        Parameters
        ----------
        path : .png, .webp, .tif, .exr or .jpg; mattes and depth .png, .tif or .exr

        Raises
        ------
        OutputError, UsageError
            It cannot be written there, or not in that format.
        """
        from mattelier.media import stills
        from mattelier.media.depth_maps import write_depth

        target = Path(path)
        if self.objects is not None:
            raise UsageError("Objects are several pictures; save each one's `mask`.")
        if self.picture is not None:
            stills.write_cutout(target, self.picture)
        elif self.alpha is not None:
            stills.write_matte(target, self.alpha)
        elif self.depth is not None:
            write_depth(target, self.depth)
        return target

    def to_pil(self) -> PIL.Image.Image:
        """The result for people's eyes, 8 bit and display-encoded, with its profile and EXIF.

        Returns
        -------
        PIL.Image.Image
            "RGBA" or "RGB" of a picture, "L" of a matte (1 is white) or of depth (near is white).
        """
        from PIL import Image

        if self.picture is None:
            if self.objects is not None:
                raise UsageError("Objects are several pictures; see each one's `mask`.")
            grey = self.alpha if self.depth is None else self.depth.relative()
            assert grey is not None
            return Image.fromarray(from_float(grey, np.uint8))
        samples, alpha = _display(self.picture), self.picture.alpha
        if alpha is not None:
            samples = np.dstack([samples, from_float(to_float(alpha), np.uint8)])
        image = Image.fromarray(samples)
        for key, block in (("icc_profile", self.picture.icc), ("exif", self.picture.exif)):
            if block and self.picture.transfer == "display":
                image.info[key] = block
        return image

    def _repr_png_(self) -> bytes:
        """What a notebook shows; at most 1024 pixels a side."""
        import io

        image = self.to_pil()
        image.thumbnail((_SHOWN_SIZE_PX, _SHOWN_SIZE_PX))
        file = io.BytesIO()
        image.save(file, "png")
        return file.getvalue()

    def __repr__(self) -> str:
        parts = []
        if self.picture is not None:
            parts.append(f"picture {self.picture.width}×{self.picture.height} {self.picture.dtype}")
        if self.alpha is not None:
            parts.append(f"alpha {self.alpha.shape[1]}×{self.alpha.shape[0]}")
        if self.objects is not None:
            parts.append(f"{len(self.objects)} objects")
        if self.depth is not None:
            parts.append(f"depth by {self.depth.method}")
        if self.report.confidence is not None:
            parts.append(f"confidence {self.report.confidence:.2f}")
        return f"<mattelier.Result: {', '.join(parts)}>"


def _display(picture: Picture) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8 and picture.transfer == "display":
        return picture.colour
    colour = to_float(picture.colour)
    if picture.transfer == "linear":
        colour = linear_to_srgb(np.clip(colour, 0, 1))
    return np.asarray(from_float(colour, np.uint8), np.uint8)
