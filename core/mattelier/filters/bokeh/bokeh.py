"""picture + depth → the picture as a lens with a wide aperture would have drawn it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.filters.bokeh.defocus import defocus, margin, unit
from mattelier.filters.bokeh.depth_layers import DepthLayers, split_by_depth, split_by_matte
from mattelier.filters.bokeh.focus import Focused, Setting, focus
from mattelier.filters.bokeh.iris import Iris
from mattelier.filters.depth.depth import Scene, find_depth, open_depth_source
from mattelier.matting.foreground import estimate_foreground
from mattelier.matting.hint import Hint
from mattelier.requests import BokehRequest
from mattelier.tasks.task import Task
from mattelier.types.colour import from_float, linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import stage
from mattelier.types.result import Report, Result
from mattelier.types.tiles import Tile, for_tiles, upsample_tile

Floats = NDArray[np.float32]

_TILE_PX, _MIN_TILE_PX = 1024, 64
# Of the longer side: a tile's size where the iris changes over the picture.
_FIELD_TILE_SHARE = 1 / 12
_MAX_SHARP_RADIUS_PX = 0.25  # pixels of radius that are no blur

# A clipped light gets the brightness at which its disc comes out nearly white, but at most so
# many times its own: a lone white pixel is no lamp.
_CLIPPED_LIGHT = (0.9, 0.99)  # linear light from which, and by which, a pixel counts as clipped
_DISC_LIGHT = 0.7
_MAX_LAMP_GAIN = 50.0
_MAX_CLIPPED_SHARE = 0.3  # of the disc's surroundings: a clipped area like that is no lamp
_MAX_SURROUNDING_LIGHT = 0.3  # linear light of surroundings in which no lamp stands out


class BokehTask(Task):
    """picture + depth → the picture as a lens with a wide aperture draws it."""

    def prepare(
        self,
        request: BokehRequest,
        models: ModelCache,
        *,
        depth: DepthMap | None = None,
        **inputs: Any,
    ) -> dict[str, Any]:
        if depth is None:
            open_depth_source(request.depth, models)
        elif request.depth.kind == "distance":
            raise UsageError("Depth that is handed over is nearness: larger is nearer.")
        if _focuses_on_subject(request):
            models.open(request.depth.matte.model, "matte", request.depth.matte.device)
        return {"depth": depth, **inputs}

    def run(
        self,
        request: BokehRequest,
        picture: Picture,
        models: ModelCache,
        *,
        hint: Hint | None = None,
        depth: DepthMap | None = None,
    ) -> Result:
        """The picture through the lens; the report is the matte's, and measures `depth`.

        Parameters
        ----------
        hint : where the subject is
        depth : a depth map at hand, instead of the request's sources
        """
        with stage("looking", 0, 0.5):
            scene, report = find_depth(
                request.depth,
                picture,
                models,
                hint=hint,
                depth=depth,
                with_matte=_focuses_on_subject(request),
            )
        report = replace(report or Report(), coverage=None)  # of the matte, not of the result
        report.measures["depth"] = scene.depth.method
        with stage("blurring", 0.5, 1):
            return Result(report, bokeh(picture, scene, request))


def _focuses_on_subject(request: BokehRequest) -> bool:
    return request.focus is None and request.distance is None


def bokeh(
    picture: Picture, scene: Scene, request: BokehRequest, setting: Setting | None = None
) -> Picture:
    """Blur by depth, in scene-linear light.

    Parameters
    ----------
    picture : Picture
    scene : Scene
        Its depth, of any size but its shape; and the subject's matte, needed for focus on the
        subject and for depth that is from the matte alone.
    request : BokehRequest
    setting : Setting, optional
        How the lens is focused, instead of as the picture by itself asks for: so the frames of a
        shot do not flicker.

    Returns
    -------
    Picture
        As `picture` but for its samples; what is in focus keeps its samples to the bit (8-bit).

    Raises
    ------
    UsageError
        The focus lies outside the picture, or is a distance where depth is only relative.
    """
    focused = focus(picture, scene, request, setting)
    low, high = focused.span
    if max(-low, high) < _MAX_SHARP_RADIUS_PX:
        return picture
    foreground = None
    if focused.alpha is not None:
        foreground = estimate_foreground(picture.colour, focused.alpha)
    colour = np.empty_like(picture.colour)
    alpha = None if picture.alpha is None else np.empty_like(picture.alpha)
    exposure = _Exposure(picture, focused, foreground, request)

    def fill(tile: Tile) -> None:
        light, cover = exposure.tile(tile)
        if light is None:
            colour[tile.slices] = picture.colour[tile.slices]
            if alpha is not None and picture.alpha is not None:
                alpha[tile.slices] = picture.alpha[tile.slices]
            return
        light *= 1 / np.maximum(cover, 1e-6)
        if alpha is not None:
            alpha[tile.slices] = from_float(light[3], alpha.dtype)
            light[:3] /= np.maximum(light[3], 1e-6)
        _encode(light[:3], picture, colour[tile.slices])

    for_tiles(fill, picture.height, picture.width, exposure.tile_size)
    return replace(picture, colour=colour, alpha=alpha)


class _Exposure:
    """A picture's tiles as light through the lens."""

    def __init__(
        self,
        picture: Picture,
        focused: Focused,
        foreground: NDArray[Any] | None,
        request: BokehRequest,
    ) -> None:
        self._picture = picture
        self._focused = focused
        self._foreground = foreground
        self._iris = Iris(request.blades, request.rotation, request.cats_eye)
        self._span = focused.span
        self._margin = margin(*self._span)
        self._unit = unit(*self._span)
        self._highlights = request.highlights and picture.transfer == "display"

    @property
    def tile_size(self) -> int:
        """Pixels a side: more where the blur, and so the margin, is large."""
        if self._iris.cats_eye:  # few enough that the iris is nearly the same all over a tile
            longer = max(self._picture.height, self._picture.width)
            return max(round(_FIELD_TILE_SHARE * longer), _MIN_TILE_PX)
        return max(_TILE_PX, 8 * self._margin)

    def tile(self, tile: Tile) -> tuple[Floats | None, Floats]:
        """Light (3 or 4, h, w), times cover, and cover (h, w); None where all is in focus."""
        height, width = self._picture.height, self._picture.width
        wide = tile.expand(self._margin, height, width)
        step = self._unit
        wide = replace(wide, y0=wide.y0 // step * step, x0=wide.x0 // step * step)
        pad = (-(wide.y1 - wide.y0) % self._unit, -(wide.x1 - wide.x0) % self._unit)
        layers = self._split_layers(wide, pad)
        if layers is None:
            return None, np.empty(0, np.float32)
        rows, columns = tile.within(wide)
        if not self._iris.cats_eye:
            light, cover = defocus(layers, self._iris, self._span)
            return light[:, rows, columns], cover[rows, columns]
        # The iris changes over the picture: mixed from those at the tile's corners.
        light, cover = np.zeros(1, np.float32), np.zeros(1, np.float32)
        down = np.linspace(0, 1, tile.y1 - tile.y0, dtype=np.float32)[:, None]
        right = np.linspace(0, 1, tile.x1 - tile.x0, dtype=np.float32)
        for (y, by_row), (x, by_column) in itertools.product(
            ((tile.y0, 1 - down), (tile.y1, down)), ((tile.x0, 1 - right), (tile.x1, right))
        ):
            field = (2 * x / width - 1, 2 * y / height - 1)
            one, one_cover = defocus(layers, self._iris, self._span, field)
            weight = by_row * by_column
            light = light + one[:, rows, columns] * weight
            cover = cover + one_cover[rows, columns] * weight
        return light, cover

    def _split_layers(self, wide: Tile, pad: tuple[int, int]) -> DepthLayers | None:
        """What the pinhole shows of a wide tile; None where all of it is in focus."""
        focused, picture = self._focused, self._picture
        blur = upsample_tile(focused.blur, wide, picture.height, picture.width)
        alpha = None if focused.alpha is None else focused.alpha[wide.slices]
        if alpha is None or (least := float(alpha.min())) == 0 == float(alpha.max()):
            if float(np.abs(blur).max()) < _MAX_SHARP_RADIUS_PX:
                return None
            alpha = None
        elif abs(focused.subject) < _MAX_SHARP_RADIUS_PX and (
            least == 1 or float((np.abs(blur) * (alpha < 1)).max()) < _MAX_SHARP_RADIUS_PX
        ):
            return None
        light = self._light(picture.colour, wide)
        lamps = None
        if self._highlights:
            own_blur = blur if alpha is None else np.where(alpha < 0.5, blur, focused.subject)
            lamps = self._lamp_gain(light, own_blur)
        if lamps is not None:
            light *= lamps
        if picture.alpha is not None:
            own = to_float(picture.alpha[wide.slices])
            light = np.concatenate([light * own, own[None]])
        if alpha is None:
            return split_by_depth(_pad(light, pad), _pad(blur, pad))
        assert self._foreground is not None
        pure = self._light(self._foreground, wide)
        if lamps is not None:
            pure *= lamps
        if picture.alpha is not None:
            pure = np.concatenate([pure * own, own[None]])
        subject = np.full_like(blur, focused.subject)
        return split_by_matte(
            _pad(light, pad),
            _pad(pure, pad),
            _pad(np.ascontiguousarray(alpha), pad),
            _pad(subject, pad),
            _pad(blur, pad),
            encoded=picture.transfer == "display",
        )

    def _light(self, samples: NDArray[Any], wide: Tile) -> Floats:
        """Scene-linear planes (3, h, w) of a tile."""
        part = samples[wide.slices]
        if self._picture.transfer == "linear":
            return np.ascontiguousarray(to_float(part).transpose(2, 0, 1))
        if part.dtype == np.float32:
            return np.ascontiguousarray(srgb_to_linear(part).transpose(2, 0, 1))
        table = _linear_table(part.dtype.name)
        planes = np.empty((3, *part.shape[:2]), np.float32)
        for channel, plane in enumerate(planes):
            np.take(table, part[..., channel], out=plane, mode="clip")
        return planes

    def _lamp_gain(self, light: Floats, blur: Floats) -> Floats:
        """How many times brighter than recorded clipped lights are taken to be: (h, w)."""
        import cv2

        low, high = _CLIPPED_LIGHT
        brightest = light.max(0)
        clipped = np.clip((brightest - low) / (high - low), 0, 1)
        most = self._focused.most
        side = 2 * round(most) + 1

        def mean(values: Floats) -> Floats:
            blurred = cv2.blur(values, (side, side), borderType=cv2.BORDER_REPLICATE)
            return np.asarray(blurred, np.float32)

        share = mean(clipped)
        around = mean(brightest * (1 - clipped)) / np.maximum(1 - share, 1e-3)
        # Snow and a bright sky are clipped too, but they light up their surroundings.
        small = np.clip(1 - share / _MAX_CLIPPED_SHARE, 0, 1) * np.clip(
            1 - around / _MAX_SURROUNDING_LIGHT, 0, 1
        )
        gain = np.clip(_DISC_LIGHT / np.maximum(share, 1e-6), 1, _MAX_LAMP_GAIN)
        gain = 1 + (gain - 1) * (blur / np.float32(most)) ** 2  # a smaller disc is brighter
        return np.asarray(1 + clipped * small * (gain - 1), np.float32)


@functools.cache
def _linear_table(dtype: str) -> Floats:
    levels = np.arange(np.iinfo(np.dtype(dtype)).max + 1, dtype=dtype)
    return srgb_to_linear(to_float(levels))


@functools.cache
def _display_table() -> NDArray[np.uint8]:
    # The darkest step of 8 bits is twenty of these, so nothing is rounded twice.
    return from_float(linear_to_srgb(np.linspace(0, 1, 65536, dtype=np.float32)), np.uint8)


def _encode(light: Floats, picture: Picture, out: NDArray[Any]) -> None:
    """Scene-linear planes (3, h, w) as the picture's samples, into `out` (h, w, 3)."""
    if picture.dtype == np.uint8:
        table = _display_table()
        for channel, plane in enumerate(light):
            plane *= 65535
            plane += 0.5
            np.clip(plane, 0, 65535, out=plane)
            out[..., channel] = np.take(table, plane.astype(np.uint16))
        return
    curve: Callable[[Any], Floats] = linear_to_srgb
    for channel, plane in enumerate(light):
        values = plane if picture.transfer == "linear" else curve(plane)
        out[..., channel] = from_float(values, picture.dtype)


def _pad(planes: Floats, pad: tuple[int, int]) -> Floats:
    if not any(pad):
        return planes
    padding = ((0, pad[0]), (0, pad[1]))
    return np.pad(planes, padding if planes.ndim == 2 else ((0, 0), *padding), "edge")
