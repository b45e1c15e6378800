"""A picture under better light: white balance, tone, contrast, colour, sharpness, another's look.

What a picture needs is measured on a small copy; what is done to each pixel follows in tiles, in
linear light. A measured `Look` serves all the frames of a shot, which so do not flicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.filters.enhance import colour_transfer, sharpen, white_balance
from mattelier.filters.enhance.colour_transfer import ColourTransfer
from mattelier.filters.enhance.film import Film, common_film, grain_like, measure_film, soften
from mattelier.filters.enhance.gamut import compress_to_gamut
from mattelier.filters.enhance.local_contrast import local_contrast
from mattelier.filters.enhance.noise_level import noise_level
from mattelier.filters.enhance.saturation import saturate
from mattelier.filters.enhance.tone import ToneCurve, tone_curve
from mattelier.requests import EnhanceRequest
from mattelier.tasks.task import Task
from mattelier.types import illuminant
from mattelier.types.colour import View, from_float, linear_to_srgb, srgb_to_linear, to_float
from mattelier.types.oklab import from_oklab, luminance, to_oklab
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage
from mattelier.types.result import Report, Result
from mattelier.types.tiles import Tile, for_tiles, upsample_tile

_SIDE_PX = 1024  # pixels of the longer side of the small copy that local light is computed on
_MIN_COVERED_ALPHA = 0.9  # alpha from which on a small pixel shows the subject and nothing else
_LOG_TOE = 2.0**-8  # added to luminance before its logarithm: what is darker is noise, not tone
_BASE_RADIUS_SHARE, _BASE_EDGE_STOPS = 0.03, 0.3  # of the longer side; stops that make an edge
_LINE_EDGE_STOPS = 0.05  # stops within which a neighbourhood is taken as flat
_CROP_PX = 512  # pixels, of the four places where noise is measured
_LEAST_BLUR_PX = 0.15  # less is nothing
_MIN_LUMINANCE = 1e-4  # luminance below which a ratio of luminances says nothing


@dataclass(frozen=True, eq=False)
class Look:
    """All that is the same for every pixel of a picture, and every frame of a shot."""

    exposure: float
    light: NDArray[np.float64]
    transfer: ColourTransfer | None
    curve: ToneCurve | None
    noise: float
    film: Film | None = None


@dataclass(frozen=True, eq=False)
class _Small:
    """A small copy: linear RGB (h, w, 3), and what of it is visible (h, w)."""

    linear: NDArray[np.float32]
    visible: NDArray[np.bool_]

    @property
    def colours(self) -> NDArray[np.float32]:
        return self.linear[self.visible]


@dataclass(frozen=True, eq=False)
class Reference:
    """The picture whose look is taken on: a small copy, its exposure, its grain and softness."""

    copy: _Small
    exposure: float
    film: Film | None = None


class EnhanceTask(Task):
    """picture → the same picture under better light, or under another picture's."""

    counts_frames = True

    def prepare(
        self,
        request: EnhanceRequest,
        models: ModelCache,
        *,
        reference: Picture | None = None,
    ) -> dict[str, Any]:
        """Measures the reference, or the picture that `request.match` names, where there is one."""
        if reference is None and request.match is not None:
            from mattelier.media.open_plate import read_example

            reference = read_example(request.match)
        if reference is None:
            return {}
        small, exposure = _downsample(reference, colour_transfer.SIDE_PX), View(reference).exposure
        film = None
        if request.match_grain or request.match_softness:
            film = _measure_film(reference, exposure)
            if request.match_softness and film.softness is None:
                remark("The matched picture shows too few edges to tell how soft it is.")
        return {"match": Reference(small, exposure, film)}

    def run(
        self,
        request: EnhanceRequest,
        picture: Picture,
        models: ModelCache,
        *,
        match: Reference | None = None,
        look: Look | None = None,
        frame: int = 0,
    ) -> Result:
        """One picture as the request asks; its sample type, profile, alpha and EXIF are kept;
        alpha is softened with the picture where a match asks for that.

        Where nothing is asked for, the picture itself is returned. Display pictures stay within
        their gamut; of scene-linear ones no highlight is clipped. The report measures `light`, the
        light's colour in linear RGB of geometric mean 1 (ones where no balance was asked for),
        and `noise`, the noise's standard deviation in encoded values 0…1.

        Parameters
        ----------
        match : Reference, optional
            The look that is taken on.
        look : Look, optional
            What all frames of a shot are done with, instead of as this picture asks for.
        frame : int
            The picture's number in a shot: each has grain of its own.
        """
        report = Report(measures={"light": (1.0, 1.0, 1.0), "noise": 0.0})
        adjustments = _Adjustments(request, match)
        changes = adjustments.change_colour, adjustments.change_light, adjustments.change_film
        if not any(changes):
            return Result(report, picture)
        with report.timed("enhance"):
            look = look or adjustments.measure([picture])
            red, green, blue = (round(float(part), 4) for part in look.light)
            report.measures |= {"light": (red, green, blue), "noise": round(look.noise, 5)}
            with stage("enhancing", 0, 1):
                softened = adjustments.soften(picture, look)
                changed = replace(softened, colour=adjustments.apply(softened, look))
                changed = adjustments.add_grain(changed, look, frame)
        return Result(report, changed)

    def settle(
        self,
        request: EnhanceRequest,
        pictures: Sequence[Picture],
        *,
        match: Reference | None = None,
    ) -> dict[str, Any]:
        look = _Adjustments(request, match).measure(pictures)
        return {"match": match, "look": look}


@dataclass(frozen=True, eq=False)
class _Adjustments:
    """A request, and the look that is taken on."""

    request: EnhanceRequest
    match: Reference | None

    @property
    def _matches(self) -> bool:
        return self.match is not None and self.request.match_strength > 0

    @property
    def change_film(self) -> bool:
        wanted = self.request.match_grain or self.request.match_softness
        return bool(wanted and self.match is not None and self.match.film is not None)

    @property
    def change_colour(self) -> bool:
        return bool(self.request.white_balance or self.request.saturation or self._matches)

    @property
    def change_light(self) -> bool:
        return bool(self.request.tone or self.request.contrast or self.request.sharpen)

    def measure(self, pictures: Sequence[Picture]) -> Look:
        """The look of these pictures together."""
        fits = self._matches or self.change_film
        exposures = [1.0 if fits else View(picture).exposure for picture in pictures]
        expected = 1.0 if self.match is None else self.match.exposure
        exposure = expected * float(np.median(exposures))
        smalls = [_downsample(picture, illuminant.SIDE_PX) for picture in pictures]
        light = np.ones(3)
        if self.request.white_balance and not all(picture.grey for picture in pictures):
            lights = [
                illuminant.estimate_illuminant(small.linear * np.float32(exposure), small.visible)
                for small in smalls
            ]
            light = np.exp(np.mean(np.log(lights), axis=0))
        noise = float(np.median([_measure_noise(picture, exposure) for picture in pictures]))
        film = None
        if self.change_film:
            film = common_film([_measure_film(picture, exposure) for picture in pictures])
        look = Look(exposure, light, None, None, noise, film)
        top = _top(pictures[0])
        smalls = [replace(s, linear=self._recolour(s.linear, look, top)) for s in smalls]
        if self.match is not None and self._matches:
            clouds = (np.concatenate([s.colours for s in smalls]), self.match.copy.colours)
            source, target = (to_oklab(cloud[None])[0] for cloud in clouds)
            transfer = colour_transfer.colour_transfer(
                source, target, self.request.match_strength, grey=pictures[0].grey
            )
            look = replace(look, transfer=transfer)
            smalls = [replace(s, linear=_apply_transfer(s.linear, transfer, top)) for s in smalls]
        if self.request.tone:
            tones = np.concatenate(
                [_log_luminance(luminance(s.linear), exposure)[s.visible] for s in smalls]
            )
            free = top == np.inf
            curve = tone_curve(tones, self.request.tone, white=np.inf if free else 0)
            if free:
                stops = curve.stops + np.float32(self.request.tone * np.log2(exposure))
                curve = replace(curve, stops=stops)
            look = replace(look, curve=curve)
        return look

    def _recolour(self, linear: NDArray[np.float32], look: Look, top: float) -> NDArray[np.float32]:
        """White balance and the other picture's look, which are the same everywhere."""
        if (look.light != 1).any():
            matrix = white_balance.adaptation(look.light, self.request.white_balance)
            linear = white_balance.balance(linear, matrix, top)
        if look.transfer is not None:
            linear = _apply_transfer(linear, look.transfer, top)
        return linear

    def apply(self, picture: Picture, look: Look) -> NDArray[Any]:
        """The picture's samples, adjusted."""
        top = _top(picture)
        height, width = picture.height, picture.width
        lines = self._lines(picture, look)
        margin = sharpen.MARGIN_PX if self.request.sharpen else 0
        change_saturation = bool(self.request.saturation) and not picture.grey
        result = np.empty_like(picture.colour)

        def work(tile: Tile) -> None:
            around = tile.expand(margin, height, width)
            linear = self._recolour(_linear(picture, around), look, top)
            if self.change_light:
                local = None if lines is None else upsample_tile(lines, around, height, width)
                gain = self._gain(linear, local, picture, around, look)
                linear = compress_to_gamut(linear, linear * gain[..., None], top)
            linear = np.ascontiguousarray(linear[tile.within(around)])
            if change_saturation:
                lab = saturate(to_oklab(linear), self.request.saturation)
                linear = compress_to_gamut(linear, from_oklab(lab), top)
            if picture.grey:
                linear[:] = linear[..., :1]
            encoded = linear if picture.transfer == "linear" else linear_to_srgb(linear)
            result[tile.slices] = from_float(encoded, picture.dtype)

        for_tiles(work, height, width)
        return result

    def soften(self, picture: Picture, look: Look) -> Picture:
        """The picture, as soft as the matched one where that is softer."""
        match = self.match
        if not self.request.match_softness or match is None or not (match.film and look.film):
            return picture
        theirs, own = match.film.softness, look.film.softness
        if theirs is None or own is None or theirs <= own:
            return picture
        pixels = self.request.match_softness * float(np.sqrt(theirs**2 - own**2))
        if pixels < _LEAST_BLUR_PX:
            return picture
        alpha = None if picture.alpha is None else to_float(picture.alpha)
        whole = Tile(0, picture.height, 0, picture.width)
        linear, cover = soften(_linear(picture, whole), alpha, pixels)
        if cover is not None and picture.alpha is not None:
            cover = from_float(cover, picture.alpha.dtype)
        return replace(picture, colour=_encoded(linear, picture), alpha=cover)

    def add_grain(self, picture: Picture, look: Look, frame: int) -> Picture:
        """The picture with the matched one's grain, where that has more."""
        match = self.match
        if not self.request.match_grain or match is None or not (match.film and look.film):
            return picture
        linear = _linear(picture, Tile(0, picture.height, 0, picture.width))
        light = np.maximum(luminance(linear) * np.float32(look.exposure), 0)
        grain = grain_like(
            match.film,
            look.film,
            linear_to_srgb(np.minimum(light, 1)),
            np.random.default_rng(frame),
        )
        if picture.grey:
            grain[:] = grain[..., :1]
        # The slope of the sRGB curve's inverse, which is close to a power of 2.2.
        slope = np.float32(2.2) * np.maximum(light, _MIN_LUMINANCE) ** np.float32(0.545)
        share = np.float32(self.request.match_grain / look.exposure)
        return replace(picture, colour=_encoded(linear + share * slope[..., None] * grain, picture))

    def _lines(self, picture: Picture, look: Look) -> NDArray[np.float32] | None:
        """Tone and contrast of the small copy, in stops, as a·log₂(luminance) + b: (h, w, 2)."""
        contrast = self.request.contrast
        if look.curve is None and not contrast:
            return None
        small = _downsample(picture, _SIDE_PX)
        linear = self._recolour(small.linear, look, _top(picture))
        logs = _log_luminance(luminance(linear), look.exposure)
        logs[~small.visible] = np.median(logs[small.visible])
        changed = logs
        if look.curve is not None:
            radius = max(1, round(_BASE_RADIUS_SHARE * max(logs.shape)))
            slope, level = _fit_lines(logs, logs, radius, _BASE_EDGE_STOPS)
            changed = logs + look.curve.stops_at(slope * logs + level)
        if contrast:
            changed = local_contrast(changed, contrast, noise_level(changed))
        return np.dstack(_fit_lines(logs, changed - logs, 1, _LINE_EDGE_STOPS))

    def _gain(
        self,
        linear: NDArray[np.float32],
        lines: NDArray[np.float32] | None,
        picture: Picture,
        tile: Tile,
        look: Look,
    ) -> NDArray[np.float32]:
        """How many times brighter each pixel becomes: (h, w)."""
        before = np.maximum(luminance(linear) * np.float32(look.exposure), 0)
        gain: NDArray[np.float32] = np.ones_like(before)
        if lines is not None:
            gain = np.exp2(lines[..., 0] * np.log2(before + np.float32(_LOG_TOE)) + lines[..., 1])
        if self.request.sharpen:
            alpha = None if picture.alpha is None else to_float(picture.alpha[tile.slices])
            after = sharpen.sharpen(before, self.request.sharpen, look.noise, alpha)
            gain *= (after + np.float32(_MIN_LUMINANCE)) / (before + np.float32(_MIN_LUMINANCE))
        return gain


def _encoded(linear: NDArray[np.float32], like: Picture) -> NDArray[Any]:
    """Linear light in the encoding of a picture."""
    if like.transfer == "linear":
        return from_float(linear, like.dtype)
    return from_float(linear_to_srgb(np.clip(linear, 0, 1)), like.dtype)


def _measure_film(picture: Picture, exposure: float) -> Film:
    linear = _linear(picture, Tile(0, picture.height, 0, picture.width))
    visible = None if picture.alpha is None else to_float(picture.alpha) > _MIN_COVERED_ALPHA
    return measure_film(linear_to_srgb(np.clip(linear * np.float32(exposure), 0, 1)), visible)


def _top(picture: Picture) -> float:
    return np.inf if picture.transfer == "linear" else 1.0


def _linear(picture: Picture, tile: Tile) -> NDArray[np.float32]:
    samples = picture.colour[tile.slices]
    if picture.transfer == "linear":
        return to_float(samples)
    if samples.dtype == np.float32:
        return srgb_to_linear(samples)
    levels = np.arange(np.iinfo(samples.dtype).max + 1, dtype=samples.dtype)
    return srgb_to_linear(to_float(levels)).take(samples)


def _downsample(picture: Picture, side: int) -> _Small:
    import cv2

    scale = min(1.0, side / max(picture.height, picture.width))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    linear = to_float(cv2.resize(picture.colour, size, interpolation=cv2.INTER_AREA))
    if picture.transfer == "display":
        linear = srgb_to_linear(linear)
    visible = np.ones(linear.shape[:2], bool)
    if picture.alpha is not None:
        alpha = to_float(cv2.resize(picture.alpha, size, interpolation=cv2.INTER_AREA))
        for least in (_MIN_COVERED_ALPHA, 0.0):  # a veil is all that some files hold
            if (alpha > least).any():
                visible = alpha > least
                break
    return _Small(linear, visible)


def _measure_noise(picture: Picture, exposure: float) -> float:
    """Noise of encoded luminance, in four places."""
    crops = []
    for y in (1, 3):
        for x in (1, 3):
            top = max(0, picture.height * y // 4 - _CROP_PX // 2)
            left = max(0, picture.width * x // 4 - _CROP_PX // 2)
            tile = Tile(
                top, min(top + _CROP_PX, picture.height), left, min(left + _CROP_PX, picture.width)
            )
            light = luminance(_linear(picture, tile)) * np.float32(exposure)
            crops.append(noise_level(linear_to_srgb(np.clip(light, 0, 1))))
    return min(crops)


def _log_luminance(light: NDArray[np.float32], exposure: float) -> NDArray[np.float32]:
    raised = np.maximum(light * np.float32(exposure), 0) + np.float32(_LOG_TOE)
    logs: NDArray[np.float32] = np.log2(raised)
    return logs


def _fit_lines(
    guide: NDArray[np.float32], values: NDArray[np.float32], radius: int, edge: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """values ≈ slope·guide + level around each pixel: the guided filter (He, Sun and Tang 2013)."""
    import cv2

    size = (2 * radius + 1, 2 * radius + 1)

    def mean(plane: NDArray[Any]) -> NDArray[np.float32]:
        averages: NDArray[np.float32] = cv2.blur(plane, size, borderType=cv2.BORDER_REFLECT_101)
        return averages

    of_guide, of_values = mean(guide), mean(values)
    variance = np.maximum(mean(guide * guide) - of_guide * of_guide, 0)
    slope = (mean(guide * values) - of_guide * of_values) / (variance + np.float32(edge * edge))
    return mean(slope), mean(of_values - slope * of_guide)


def _apply_transfer(
    linear: NDArray[np.float32], transfer: ColourTransfer, top: float
) -> NDArray[np.float32]:
    return compress_to_gamut(linear, from_oklab(transfer.apply(to_oklab(linear))), top)
