"""A keyer: the subject before a green or blue screen, with alpha and without the screen's light.

What a pixel shows is alpha·F + (1 − alpha)·B (Smith and Blinn, "Blue Screen Matting", SIGGRAPH
1996). B is the clean plate (`matting.screen`), so that alpha and F follow from what colours the
subject has nearby (`matting.unmix`), where Vlahos' colour difference begins.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.edge import choke_and_feather
from mattelier.matting.screen import (
    Screen,
    difference,
    find_colour,
    find_screen,
    measure_noise,
)
from mattelier.matting.unmix import (
    Colours,
    screen_share,
    settle,
    subject_colours,
    subject_core,
    unmix,
)
from mattelier.requests import KeyingRequest
from mattelier.requests.keying import SCREENS
from mattelier.tasks.task import Task
from mattelier.types.colour import (
    from_float,
    linear_to_srgb,
    parse_colour,
    srgb_to_linear,
    to_float,
)
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage
from mattelier.types.result import Report, Result
from mattelier.types.tiles import Tile, for_tiles, upsample_tile

if TYPE_CHECKING:
    from mattelier.engines.model_cache import ModelCache

Floats = NDArray[np.float32]

_KEYS = {"green": (1,), "blue": (2,), "auto": (1, 2)}
_MAX_GLOBAL_PIXELS = 600_000  # of the size at which clean plate and subject's colours are found
_TILE_PX = 512
_NOISE_STEP = 3  # of the working size's pixels, one in so many each way is measured
_MARGIN_PX = 6  # around a tile, that noise and the edge's colour are told by
_BLEED_PX = 4  # pixels that the subject's colour goes on beside it, where alpha is 0
_BRIGHTEST = 1000.0  # linear light; what is brighter looks so, lest its cube overflow
_SOLID_ALPHA = 254.5 / 255  # from here on nothing of the screen shows in 8 bits


class KeyTask(Task):
    """picture before a screen → the subject with alpha and its own straight colour."""

    def prepare(self, request: KeyingRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        from mattelier.media.stills import read, read_grey

        for name in ("garbage", "holdout"):
            if inputs.get(name) is None and (file := getattr(request, name)) is not None:
                inputs[name] = read_grey(Path(file))
        if inputs.get("clean_plate") is None and request.clean_plate is not None:
            inputs["clean_plate"] = read(Path(request.clean_plate))
        return inputs

    def settle(
        self, request: KeyingRequest, pictures: list[Picture], **inputs: Any
    ) -> dict[str, Any]:
        """The screen's colour, where it is sampled: one for the whole shot."""
        if request.screen not in SCREENS:
            return inputs
        found = []
        for picture in pictures:
            small = _small_light(picture)
            try:
                found.append(
                    find_colour(small, _KEYS[request.screen], np.ones(small.shape[:2], bool))
                )
            except PictureError:  # the subject may fill it
                continue
        if not found:
            return inputs
        key = np.bincount([int(np.argmax(colour)) for colour in found]).argmax()
        same = [colour for colour in found if np.argmax(colour) == key]
        return {**inputs, "colour": np.median(same, axis=0).astype(np.float32)}

    def run(
        self,
        request: KeyingRequest,
        picture: Picture,
        models: ModelCache,
        *,
        garbage: Floats | None = None,
        holdout: Floats | None = None,
        clean_plate: Picture | None = None,
        colour: Floats | None = None,
    ) -> Result:
        """One picture keyed.

        Pixels that are wholly the subject's, and have nothing of the screen's light, keep their
        samples, bit by bit. The report measures the `screen`'s colour as "#rrggbb", and the
        `noise` of its linear light.

        Parameters
        ----------
        garbage, holdout : (H, W) 0…1
        clean_plate : Picture of the same size
        colour : (3,) linear light, of the screen of the whole shot

        Raises
        ------
        PictureError
            There is no such screen.
        UsageError
            A matte or the clean plate is of another size.
        """
        for name, matte in (("garbage matte", garbage), ("hold-out matte", holdout)):
            _check_size(name, None if matte is None else matte.shape, picture)
        if clean_plate is not None:
            _check_size("clean plate", clean_plate.colour.shape[:2], picture)
        report = Report()
        with report.timed("screen"), stage("finding the screen", 0, 0.4):
            small = _small_light(picture)
            usable = _usable(garbage, small)
            if colour is None:
                colour = _screen_colour(request, small, usable)
            clean = None if clean_plate is None else _small_light(clean_plate)
            found = find_screen(small, colour, usable, clean)
            key = int(np.argmax(colour))
            noise = _noise(picture, found)
            found = found._replace(variance=found.variance * _noise_gain(small, found, noise))
            share = screen_share(small, found.plate, key)
            core = subject_core(share, _share_noise(found, noise)) * usable
            if holdout is not None:
                core = np.maximum(core, _shrunk(holdout, small) > 0.99)
            colours = subject_colours(small, core)
        with report.timed("key"), stage("keying", 0.4, 1):
            keyed = _Keyer(picture, clean_plate, found, colours)
            for_tiles(keyed.unmix_tile, picture.height, picture.width, _TILE_PX)
            alpha = _with_mattes(keyed.alpha, garbage, holdout, request)
            if picture.alpha is not None:
                alpha = np.clip(alpha * to_float(picture.alpha), 0, 1)
            keyed.finish(alpha, holdout, request)
        report.coverage = float(alpha.mean())
        report.measures |= {"screen": _as_hex(colour), "noise": round(noise, 5)}
        if report.coverage < 1e-4:
            remark("Everything in the picture was taken for the screen.")
        return Result(
            report,
            replace(picture, colour=keyed.colour, alpha=from_float(alpha, picture.dtype)),
            alpha=alpha,
            foreground=keyed.colour,
        )


class _Keyer:
    """A picture while its alpha and colour are made, tile by tile."""

    def __init__(
        self,
        picture: Picture,
        clean: Picture | None,
        screen: Screen,
        colours: Colours,
    ) -> None:
        self._picture, self._clean = picture, clean
        self._screen, self._colours = screen, colours
        self._key = int(np.argmax(screen.colour))
        shape = (picture.height, picture.width)
        self.alpha = np.empty(shape, np.float32)
        self.colour = np.empty_like(picture.colour)
        self._light = np.empty((*shape, 3), np.float32)

    def unmix_tile(self, tile: Tile) -> None:
        """Alpha, and the subject's light, of a tile."""
        height, width = self.alpha.shape
        wide = tile.expand(_MARGIN_PX, height, width)
        place = tile.within(wide)
        own, plate = _light(self._picture, wide), self._plate(wide)
        light = _bounded(own)
        share = screen_share(light, plate, self._key)
        start = np.clip(1 - share, 0, 1)
        mean = upsample_tile(self._colours.mean, wide, height, width)
        covariance = np.concatenate(
            [
                upsample_tile(self._colours.covariance[..., part], wide, height, width)
                for part in (slice(0, 3), slice(3, 6))
            ],
            axis=2,
        )
        alpha, variance, colour = unmix(
            light.reshape(-1, 3),
            plate.reshape(-1, 3),
            Colours(mean.reshape(-1, 3), covariance.reshape(-1, 6)),
            start.reshape(-1),
            upsample_tile(self._screen.variance, wide, height, width).reshape(-1),
        )
        shape = start.shape
        alpha = settle(alpha.reshape(shape), variance.reshape(shape))
        self.alpha[tile.slices] = alpha[place]
        own = np.where((alpha < _SOLID_ALPHA)[..., None], colour.reshape(own.shape), own)
        self._light[tile.slices] = own[place]

    def finish(self, alpha: Floats, holdout: Floats | None, request: KeyingRequest) -> None:
        """The subject's own colour, without the screen's light on it."""
        import cv2

        reach = _BLEED_PX + math.ceil(max(request.edge_shift, 0) + request.feather)
        height, width = alpha.shape
        ring = np.ones((2 * reach + 1,) * 2, np.uint8)

        def fill(tile: Tile) -> None:
            wide = tile.expand(reach, height, width)
            shown = cv2.dilate((alpha[wide.slices] > 0).view(np.uint8), ring)[tile.within(wide)]
            source = self._picture.colour[tile.slices]
            if not shown.any():
                self.colour[tile.slices] = 0
                return
            light, own = _light(self._picture, tile), self._light[tile.slices]
            mean = upsample_tile(self._colours.mean, tile, height, width)
            clear = self.alpha[tile.slices] <= 0
            own = np.where(clear[..., None], mean, own)
            held = np.float32(0) if holdout is None else holdout[tile.slices][..., None]
            own = own + held * (light - own)
            kept_share = held if request.keep_colour else np.float32(0)
            strength = np.float32(request.despill) * (1 - kept_share)
            plate = self._plate(tile)
            spill = np.maximum(screen_share(own, plate, self._key), 0)[..., None]
            own = np.maximum(own - strength * spill * plate, np.minimum(own, 0))
            result = _encoded(own, self._picture)
            kept = (own == light).all(2)
            result[kept] = source[kept]
            result[shown == 0] = 0
            if self._picture.grey:
                result[:] = result.mean(2, keepdims=True)
            self.colour[tile.slices] = result

        for_tiles(fill, height, width, _TILE_PX)

    def _plate(self, tile: Tile) -> Floats:
        if self._clean is not None:
            return _light(self._clean, tile)
        return upsample_tile(self._screen.plate, tile, *self.alpha.shape)


def _screen_colour(request: KeyingRequest, light: Floats, usable: NDArray[np.bool_]) -> Floats:
    if request.screen in SCREENS:
        return find_colour(light, _KEYS[request.screen], usable)
    colour = srgb_to_linear(np.array(parse_colour(request.screen)))
    if difference(colour, int(np.argmax(colour))) < 0.1 * colour.max():
        raise UsageError(
            "{colour} is no screen's colour: none of red, green and blue stands out in it.",
            colour=request.screen,
        )
    return colour


def _with_mattes(
    alpha: Floats, garbage: Floats | None, holdout: Floats | None, request: KeyingRequest
) -> Floats:
    """The alpha clipped, its edge moved, with what the artist keeps and leaves out."""
    low, high = request.clip_black, request.clip_white
    if (low, high) != (0, 1):
        alpha = np.clip((alpha - np.float32(low)) / np.float32(high - low), 0, 1)
    if holdout is not None:
        alpha = np.maximum(alpha, np.clip(holdout, 0, 1))
    if garbage is not None:
        alpha = alpha * (1 - np.clip(garbage, 0, 1))
    return choke_and_feather(alpha, request.edge_shift, request.feather)


def _noise(picture: Picture, screen: Screen) -> float:
    """The noise of the picture's own pixels; of smaller ones it is less."""
    height, width = screen.seen.shape
    rows = np.arange(0, height, _NOISE_STEP) * picture.height // height
    columns = np.arange(0, width, _NOISE_STEP) * picture.width // width
    few = replace(picture, colour=picture.colour[np.ix_(rows, columns)])
    light = _light(few, Tile(0, len(rows), 0, len(columns)))
    some = slice(None, None, _NOISE_STEP)
    return measure_noise(light, screen.plate[some, some], screen.seen[some, some])


def _noise_gain(small: Floats, screen: Screen, noise: float) -> np.float32:
    """How many times as much variance the picture's own pixels have as those of `small`."""
    averaged = measure_noise(small, screen.plate, screen.seen)
    return np.float32((noise / averaged) ** 2 if averaged else 0)


def _share_noise(screen: Screen, noise: float) -> float:
    """The noise of `screen_share`: of two channels' difference."""
    clean = float(difference(screen.colour, int(np.argmax(screen.colour))))
    return noise * math.sqrt(2) / max(clean, 1e-4)


def _check_size(name: str, shape: tuple[int, ...] | None, picture: Picture) -> None:
    if shape is not None and shape != (picture.height, picture.width):
        raise UsageError(
            "The {matte} is {width}×{height} pixels but the picture is "
            "{picture_width}×{picture_height}; give one of the same size.",
            matte=name,
            width=shape[1],
            height=shape[0],
            picture_width=picture.width,
            picture_height=picture.height,
        )


def _small_light(picture: Picture) -> Floats:
    """The picture's linear light at the working size."""
    import cv2

    scale = min(1.0, math.sqrt(_MAX_GLOBAL_PIXELS / (picture.height * picture.width)))
    if scale == 1:
        return _bounded(_light(picture, Tile(0, picture.height, 0, picture.width)))
    width, height = round(picture.width * scale), round(picture.height * scale)
    rows = []
    bands = max(1, picture.height // 1024)
    ends = np.linspace(0, height, bands + 1).astype(int)
    for top, bottom in pairwise(ends):
        y0, y1 = round(top * picture.height / height), round(bottom * picture.height / height)
        light = _bounded(_light(picture, Tile(y0, y1, 0, picture.width)))
        rows.append(cv2.resize(light, (width, int(bottom - top)), interpolation=cv2.INTER_AREA))
    return np.concatenate(rows)


def _shrunk(matte: Floats, like: Floats) -> Floats:
    import cv2

    size = (like.shape[1], like.shape[0])
    small: Floats = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    return small


def _usable(garbage: Floats | None, small: Floats) -> NDArray[np.bool_]:
    if garbage is None:
        return np.ones(small.shape[:2], bool)
    usable: NDArray[np.bool_] = _shrunk(garbage, small) < 0.01
    if not usable.any():
        raise UsageError("The garbage matte leaves nothing of the picture.")
    return usable


def _light(picture: Picture, tile: Tile) -> Floats:
    samples = to_float(picture.colour[tile.slices])
    return samples if picture.transfer == "linear" else srgb_to_linear(samples)


def _bounded(light: Floats) -> Floats:
    return np.clip(light, np.float32(-_BRIGHTEST), np.float32(_BRIGHTEST))


def _encoded(light: Floats, picture: Picture) -> NDArray[Any]:
    values = light if picture.transfer == "linear" else linear_to_srgb(light)
    return from_float(values, picture.dtype)


def _as_hex(colour: Floats) -> str:
    levels = np.rint(np.clip(linear_to_srgb(colour), 0, 1) * 255).astype(int)
    return "#" + "".join(f"{level:02x}" for level in levels)
