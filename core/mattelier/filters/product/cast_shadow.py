"""The shadow and the reflection of a subject that stands on a plane, from its matte alone.

The subject is an upright cut-out with some depth. Its shadow is gathered over many directions of
light: those of a lamp's disc, which give the cast shadow and its penumbra that widens with height,
and those of the whole sky, which give the dark line where it stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORK_SIDE_PX = 220  # of the subject's longer side while light is gathered
_CAMERA_PITCH = math.radians(18)  # how far the camera looks down on the plane
_LAMP_HEIGHT = math.radians(52)  # above the plane
_LAMP_RADIUS = math.radians(13)  # a softbox
_LAMP_SHARE = 0.5  # of the light; the rest comes from all around
_LAMP_SAMPLES, _SKY_SAMPLES = 40, 48
_DEPTH_SHARE = 0.55  # of the subject's width, that it is deep
_DEPTH_LAYERS = 4
_MAX_GROUND_SLOPE = 0.3  # of the line on which it stands, as seen
_FLATTEST_SHEAR = 0.12  # a cut-out has no shadow under light along its own plane


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a subject touches the plane.

    Attributes
    ----------
    base : (W,) float32
        The row of the plane's line under each column; columns beside the subject go on.
    depth : float
        How deep it is, in pixels.
    """

    base: NDArray[np.float32]
    depth: float


def find_standing(alpha: NDArray[np.float32]) -> Standing | None:
    """The line on which a subject stands: the hull of its lowest points, no steeper than a plane.

    A handle or a leaf that hangs at the side does not touch; None where there is no subject.
    """
    solid = alpha > 0.5
    columns = np.flatnonzero(solid.any(axis=0))
    if columns.size < 2:
        return None
    height, width = alpha.shape
    lowest = height - 1 - np.argmax(solid[::-1], axis=0)
    hull: list[int] = []
    for x in columns.tolist():  # the monotone chain, its lower side as seen
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (lowest[b] - lowest[a]) * (x - a) > (lowest[x] - lowest[a]) * (b - a):
                break
            hull.pop()
        hull.append(x)
    line = np.interp(np.arange(width), hull, lowest[hull].astype(float))
    peak = int(np.argmax(np.where(solid.any(axis=0), lowest, -1)))
    base = line.copy()
    for order in (range(peak + 1, width), range(peak - 1, -1, -1)):
        last = line[peak]
        for x in order:
            inside = columns[0] <= x <= columns[-1]
            last = max(line[x], last - _MAX_GROUND_SLOPE) if inside else last
            base[x] = last
    rows = np.flatnonzero(solid.any(axis=1))
    low = solid[max(rows[0], rows[-1] - (rows[-1] - rows[0]) // 3) : rows[-1] + 1].any(axis=0)
    depth = _DEPTH_SHARE * min(float(low.sum()), float(rows[-1] - rows[0]))
    base = np.maximum(base, line[peak] - depth * math.sin(_CAMERA_PITCH))
    return Standing((base + 1).astype(np.float32), depth)


def cast_shadow(alpha: NDArray[np.float32], light: float) -> NDArray[np.float32]:
    """How much of the light is missing on the plane: (H, W) float32, 0 none, 1 all.

    Parameters
    ----------
    alpha : (H, W) float32 0…1
        The subject where it stands on its canvas.
    light : float
        Degrees, seen from above: 0 from the camera, 90 from the right, 180 from behind.
    """
    import cv2

    height, width = alpha.shape
    rows = np.flatnonzero((alpha > 0.5).any(axis=1))
    columns = np.flatnonzero((alpha > 0.5).any(axis=0))
    if rows.size < 2 or columns.size < 2:
        return np.zeros_like(alpha)
    scale = min(1.0, _WORK_SIDE_PX / max(rows[-1] - rows[0], columns[-1] - columns[0]))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    standing = find_standing(small)
    if standing is None:
        return np.zeros_like(alpha)
    tall = int((rows[-1] - rows[0]) * scale) + 2
    reach = round(1.2 * tall + standing.depth)  # of the plane before and behind the line
    upright = _flattened(small, standing, tall)
    lamp = _mean_light(upright, standing.depth, reach, _lamp(math.radians(light)))
    sky = _mean_light(upright, standing.depth, reach, _sky())
    lit = _LAMP_SHARE * lamp + (1 - _LAMP_SHARE) * sky
    # The layers of its depth would show as stripes along the plane.
    missing = cv2.GaussianBlur(
        1 - lit, (0, 0), sigmaX=max(0.8, 0.004 * tall), sigmaY=max(1.0, 0.015 * tall)
    )
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    depth = (standing.base[None] - y) / math.sin(_CAMERA_PITCH)
    seen = cv2.remap(
        missing, x + reach, depth + reach, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    full = cv2.resize(seen, (width, height), interpolation=cv2.INTER_CUBIC)
    result: NDArray[np.float32] = np.clip(full, 0, 1)
    return result


def reflect(premultiplied: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """The subject as a polished plane mirrors it, fading with its height.

    Parameters
    ----------
    premultiplied : (H, W, 4) float32, the subject on its canvas
    strength : float 0…1, of the reflection at the plane

    Returns
    -------
    (H, W, 4) float32, premultiplied
    """
    import cv2

    alpha = premultiplied[..., 3]
    standing = find_standing(alpha)
    rows = np.flatnonzero((alpha > 0.5).any(axis=1))
    if standing is None or strength == 0:
        return np.zeros_like(premultiplied)
    height, width = alpha.shape
    tall = float(rows[-1] - rows[0] + 1)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    above = y - standing.base[None]  # as far as the mirrored point stands above the plane
    mirrored = cv2.remap(
        premultiplied, x, standing.base[None] - above - 1, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    mirrored = cv2.GaussianBlur(mirrored, (0, 0), max(0.6, tall / 400))
    fade = np.clip(1 - above / (0.45 * tall), 0, 1) ** 1.5 * (above >= -0.5)
    result: NDArray[np.float32] = mirrored * (np.float32(strength) * fade)[..., None]
    return result


def _flattened(alpha: NDArray[np.float32], standing: Standing, tall: int) -> NDArray[np.float32]:
    """(tall, W): the matte by its height above the line on which it stands, which is row 0."""
    import cv2

    height, x = np.mgrid[0:tall, 0 : alpha.shape[1]].astype(np.float32)
    return np.asarray(
        cv2.remap(alpha, x, standing.base[None] - 1 - height, cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_CONSTANT)
    )  # fmt: skip


def _mean_light(
    upright: NDArray[np.float32], depth: float, reach: int, directions: NDArray[np.float64]
) -> NDArray[np.float32]:
    """(2·reach, W + 2·reach): the share of directions from which the plane is lit.

    Row `reach` is the line on which the subject stands; larger rows lie behind it.
    """
    import cv2

    width = upright.shape[1]
    size = (width + 2 * reach, 2 * reach)
    total = np.zeros(size[::-1], np.float32)
    for sideways, away in directions:  # of the shadow's tip, for each pixel of height
        if abs(away) < _FLATTEST_SHEAR:
            away = math.copysign(_FLATTEST_SHEAR, away)
        dark = np.zeros_like(total)
        for layer in range(_DEPTH_LAYERS):
            back = depth * layer / (_DEPTH_LAYERS - 1)
            move = np.array([[1, sideways, reach], [0, away, reach + back]], np.float32)
            np.maximum(dark, cv2.warpAffine(upright, move, size), out=dark)
        total += dark
    return np.asarray(1 - total / np.float32(len(directions)), np.float32)


def _lamp(azimuth: float) -> NDArray[np.float64]:
    """Directions in the disc of a lamp, evenly: Vogel's spiral."""
    index = np.arange(_LAMP_SAMPLES) + 0.5
    radius = _LAMP_RADIUS * np.sqrt(index / _LAMP_SAMPLES)
    turn = index * math.pi * (3 - math.sqrt(5))
    up = _LAMP_HEIGHT + radius * np.sin(turn)
    around = azimuth + radius * np.cos(turn) / math.cos(_LAMP_HEIGHT)
    return _shears(around, up)


def _sky() -> NDArray[np.float64]:
    """Directions of an even sky as a plane receives it: by the cosine."""
    index = np.arange(_SKY_SAMPLES) + 0.5
    up: NDArray[np.float64] = np.arcsin(np.sqrt(1 - index / _SKY_SAMPLES), dtype=np.float64)
    return _shears(index * math.pi * (3 - math.sqrt(5)), np.maximum(up, math.radians(15)))


def _shears(around: NDArray[Any], up: NDArray[Any]) -> NDArray[np.float64]:
    length = 1 / np.tan(up)
    return np.stack([-length * np.sin(around), length * np.cos(around)], -1)
