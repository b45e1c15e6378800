"""Where the focus lies, and how blurred everything else is by that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mattelier.filters.bokeh.iris import blur_per_disparity
from mattelier.filters.depth.depth import (
    SUBJECT_DISPARITY,
    Scene,
    background_disparity,
    ground_disparity,
)
from mattelier.requests import BokehRequest
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

Floats = NDArray[np.float32]

_DEFAULT_RADIUS_SHARE = 0.01  # of the longer side: the radius when none is asked for
_SENSOR_MM = 36.0  # mm, the longer side of a full frame
_DEFAULT_FOCAL_LENGTH_MM = 50.0  # mm, when the picture does not know its own
_HAZE_ALPHA = (0.04, 0.97)  # alpha below counts as nothing, above as all
# Alpha that makes a thing, and that such a thing must reach.
_MIN_THING_ALPHA, _CERTAIN_ALPHA = 0.1, 0.8
_FOCAL_LENGTH_35MM_TAG = 0xA405  # EXIF 2.32
_EXIF_TAG = 0x8769


@dataclass(frozen=True, eq=False)
class Setting:
    """How a lens is focused on one picture: what must not jump from frame to frame of a shot.

    Attributes
    ----------
    focal : float
        The disparity in focus.
    subject : float
        The subject's; 0 where its matte decides nothing.
    ground : (n,) float32, or None
        Where depth is from the matte alone: the disparity beside the subject, from the picture's
        uppermost row to its lowest.
    most : float, or None
        How far from the focus anything is, in disparity; None: as far as this picture shows.
    """

    focal: float
    subject: float = 0.0
    ground: Floats | None = None
    most: float | None = None


@dataclass(frozen=True, eq=False)
class Focused:
    """How blurred everything is: signed radii in pixels of the picture, negative before the focus.

    Attributes
    ----------
    blur : (h, w) float32, at the size of the depth map
        Of everything; where `alpha` is given, of what is beside the subject.
    subject : float
        Of the subject.
    alpha : (H, W) float32 0…1, or None
        The subject's matte, when its edge is taken from that.
    most : float
        The radius of what is most blurred, of the whole shot where it is of one.
    """

    blur: Floats
    subject: float = 0.0
    alpha: Floats | None = None
    most: float = 0.0

    @property
    def span(self) -> tuple[float, float]:
        """The nearest and the farthest blur."""
        low, high = float(self.blur.min()), float(self.blur.max())
        if self.alpha is None:
            return low, high
        return min(low, self.subject), max(high, self.subject)


def setting(height: int, width: int, scene: Scene, request: BokehRequest) -> Setting:
    """How the lens is focused on a picture of that size, seen by itself.

    Raises
    ------
    UsageError
        The focus lies outside the picture, or is a distance where depth is only relative.
    """
    return _setting(height, width, scene, request, _subject(scene, request))


def focus(
    picture: Picture, scene: Scene, request: BokehRequest, as_set: Setting | None = None
) -> Focused:
    """The blur of everything in a picture, as the request focuses and opens the lens.

    Parameters
    ----------
    as_set : Setting, optional
        How the lens is focused, instead of as the picture by itself asks for.

    Raises
    ------
    UsageError
        As `setting`.
    """
    alpha = _subject(scene, request)
    if as_set is None:
        as_set = _setting(picture.height, picture.width, scene, request, alpha)
    if alpha is None:
        disparity = scene.depth.disparity
    elif as_set.ground is not None:
        disparity = _resample_rows(as_set.ground, alpha.shape[0])[:, None]
    else:
        disparity = background_disparity(scene.depth, _resize(alpha, scene.depth.disparity.shape))
    offset = (np.float32(as_set.focal) - disparity).astype(np.float32)
    own = 0.0 if alpha is None else as_set.focal - as_set.subject
    if not request.foreground_blur:
        np.maximum(offset, 0, out=offset)
        own = max(own, 0.0)
    most = as_set.most
    if most is None:
        most = max(float(np.abs(offset).max()), abs(own))
    elif request.aperture is None:  # nothing is blurred more than was asked for
        np.clip(offset, -most, most, out=offset)
    scale = _scale(picture, request, most)
    return Focused(offset * np.float32(scale), own * scale, alpha, scale * most)


def _setting(
    height: int, width: int, scene: Scene, request: BokehRequest, alpha: Floats | None
) -> Setting:
    depth, at = scene.depth, request.focus
    if at is not None and not (0 <= at.x < width and 0 <= at.y < height):
        raise UsageError(
            "The focus {x},{y} lies outside the picture of {width}×{height} pixels.",
            x=f"{at.x:g}",
            y=f"{at.y:g}",
            width=width,
            height=height,
        )
    if request.distance is not None and not depth.metric:
        raise UsageError(
            "A focus at a distance needs a depth map of distances, such as Blender's Z; focus on "
            "x,y or on the subject instead."
        )
    if alpha is None:
        if request.distance is not None:
            return Setting(1 / request.distance)
        assert at is not None
        return Setting(depth.at(at.x, at.y, height, width))
    if depth.method == "matte":
        rows = ground_disparity(alpha)
        focal = (
            SUBJECT_DISPARITY
            if at is None
            else _disparity_at(at.x, at.y, alpha, rows, SUBJECT_DISPARITY)
        )
        return Setting(focal, SUBJECT_DISPARITY, rows)
    small = _resize(alpha, depth.disparity.shape)
    inside = depth.disparity[small > min(0.9, float(small.max()))]
    subject = float(np.median(inside if inside.size else depth.disparity))
    return Setting(subject, subject)


def _subject(scene: Scene, request: BokehRequest) -> Floats | None:
    """The matte, where the focus or the depth is by it."""
    on_subject = request.focus is None and request.distance is None
    if scene.alpha is None or not (on_subject or scene.depth.method == "matte"):
        return None
    return _remove_haze(scene.alpha)


def _resample_rows(ground: Floats, height: int) -> Floats:
    if ground.size == height:
        return ground
    rows = (np.arange(height) + 0.5) / height * ground.size - 0.5
    return np.interp(rows, np.arange(ground.size), ground).astype(np.float32)


def _remove_haze(alpha: Floats) -> Floats:
    """The matte without haze, and without what the network but half saw: it would blur by half."""
    import cv2

    count, labels = cv2.connectedComponents((alpha > _MIN_THING_ALPHA).view(np.uint8))
    strongest = np.zeros(count, np.float32)
    np.maximum.at(strongest, labels.ravel(), alpha.ravel())
    strongest[0] = 1
    clear = (alpha - np.float32(_HAZE_ALPHA[0])) * np.float32(1 / (_HAZE_ALPHA[1] - _HAZE_ALPHA[0]))
    clear = np.clip(clear, 0, 1, out=clear)
    return np.where((strongest >= _CERTAIN_ALPHA)[labels], clear, np.float32(0))


def _disparity_at(x: float, y: float, alpha: Floats, rows: Floats, subject: float) -> float:
    return subject if alpha[int(y), int(x)] >= 0.5 else float(rows[int(y)])


def _scale(picture: Picture, request: BokehRequest, most: float) -> float:
    """Pixels of blur radius for each unit of disparity."""
    longer = max(picture.height, picture.width)
    if request.aperture is None:
        radius = _DEFAULT_RADIUS_SHARE * longer if request.radius is None else request.radius
        return radius / max(most, 1e-9)
    return blur_per_disparity(
        focal_length=request.focal_length or _focal_length(picture) or _DEFAULT_FOCAL_LENGTH_MM,
        aperture=request.aperture,
        sensor=_SENSOR_MM,
        width=longer,
    )


def _focal_length(picture: Picture) -> float | None:
    """Of a full-frame camera, from the picture's EXIF."""
    if not picture.exif:
        return None
    from PIL import Image

    try:
        exif = Image.Exif()
        exif.load(picture.exif)
        value = float(exif.get_ifd(_EXIF_TAG).get(_FOCAL_LENGTH_35MM_TAG, 0))
    except Exception:  # Pillow parses EXIF lazily, and raises whatever damage causes
        return None
    return value if value >= 1 else None


def _resize(alpha: Floats, shape: tuple[int, ...]) -> Floats:
    import cv2

    if alpha.shape == shape:
        return alpha
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
