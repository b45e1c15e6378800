"""One frame of a shot: mattes at full size, then every file that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mattelier.matting.edge import choke_and_feather
from mattelier.matting.foreground import estimate_foreground
from mattelier.matting.refine import refine, stretch
from mattelier.media import stills
from mattelier.media.colour_space import ColourSpace
from mattelier.requests import MatteRequest
from mattelier.shot.key_frames import KeyFrames
from mattelier.shot.outputs import Target
from mattelier.shot.shot_run import WriteFile
from mattelier.shot.tracking.key_matte import key_matte
from mattelier.shot.tracking.propagate import log_odds
from mattelier.shot.tracking.track import Track
from mattelier.types.colour import View, from_float, linear_to_srgb, to_float
from mattelier.types.picture import Picture

_PREVIEW_SIZE_PX = 1920  # pixels of a preview's longer side, at most
_CHECKER_SQUARES = 24  # of a preview's checkerboard along its longer side
_CHECKER_GREYS = (0.35, 0.55)
_UNCLAIMED_ODDS = np.exp(log_odds(np.zeros(1, np.float32)))  # log-odds are limited


@dataclass(frozen=True, eq=False)
class FrameMattes:
    """A frame and its objects' mattes: (H, W) float32 0…1, the plate's alpha multiplied in."""

    picture: Picture
    view: View
    alphas: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class FrameMatter:
    """Makes mattes of full-size frames; each frame by itself, so in any order.

    Attributes
    ----------
    request : MatteRequest
        Its quality, refining and edge options.
    space, exposure : how the plate is looked at
    """

    request: MatteRequest
    space: ColourSpace
    exposure: float | None

    def mattes(
        self,
        frame: int,
        picture: Picture,
        tracks: Mapping[str, Track],
        keys: Mapping[str, KeyFrames],
        wanted: Collection[str],
    ) -> FrameMattes:
        """The mattes of one frame: of these of its objects, whose pixels are not the others'.

        Raises
        ------
        PictureError
            The frame could not be tracked.
        """
        view = self.space.view(picture, self.exposure)
        coarse = decide_together({name: track.coarse(frame) for name, track in tracks.items()})
        alphas = {}
        for name in wanted:
            alpha = self._alpha(frame, view, coarse[name], keys[name])
            if picture.alpha is not None:
                alpha = np.clip(alpha * to_float(picture.alpha), 0, 1)
            alphas[name] = alpha
        return FrameMattes(picture, view, alphas)

    def _alpha(
        self, frame: int, view: View, coarse: NDArray[np.float32], keys: KeyFrames
    ) -> NDArray[np.float32]:
        request = self.request
        if keys.is_exact(frame):
            mask = keys[frame].mask
            assert mask is not None
            if mask.shape != (view.height, view.width):  # of a proxy
                mask = stretch(mask, view.height, view.width)
            drawn = request.refine and not keys.is_finished(frame)
            alpha = key_matte(view, mask, request.quality) if drawn else mask
        elif request.refine:
            alpha = refine(view, coarse, quality=request.quality)
        else:
            alpha = stretch(coarse, view.height, view.width)
        return choke_and_feather(alpha, request.edge_shift, request.feather)


def reduced(picture: Picture, share: float) -> Picture:
    """A picture at this share (0…1) of its size, by area; 1: as it is."""
    import cv2

    if share == 1:
        return picture
    height, width = (max(2, round(side * share)) for side in (picture.height, picture.width))
    colour, alpha = (
        None if plane is None else cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
        for plane in (picture.colour, picture.alpha)
    )
    assert colour is not None
    return replace(picture, colour=colour, alpha=alpha, window=None)


def decide_together(mattes: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Mattes of several subjects of one frame, of which no pixel is wholly two subjects'.

    A softmax over the subjects and the background, each subject's odds against the background
    being those of its own matte; one subject's matte stays as it is.

    Parameters
    ----------
    mattes : name → (h, w) float32 0…1
    """
    odds = {name: np.exp(log_odds(matte)) for name, matte in mattes.items()}
    claims = {name: each - _UNCLAIMED_ODDS for name, each in odds.items()}
    shared = {}
    for name, matte in mattes.items():
        others = [claim for other, claim in claims.items() if other != name]
        shared[name] = (
            matte * (odds[name] + 1) / (odds[name] + 1 + sum(others)) if others else matte
        )
    total: NDArray[np.float32] = np.maximum(sum(shared.values()), np.float32(1))
    return {name: matte / total for name, matte in shared.items()}  # odds are limited


def frame_writers(
    frame: FrameMattes, targets: Sequence[Target], space: ColourSpace, bits: int
) -> list[WriteFile]:
    """What writes each target's file of a frame; colours are worked out here, not when writing.

    Parameters
    ----------
    bits : 8, 16, or 0 (by the plate), of PNG and TIFF mattes
    """
    foregrounds: dict[str, NDArray[Any]] = {}

    def cutout(name: str) -> Picture:
        if name not in foregrounds:
            foregrounds[name] = estimate_foreground(frame.picture.colour, frame.alphas[name])
        alpha = from_float(frame.alphas[name], frame.picture.dtype)
        return replace(frame.picture, colour=foregrounds[name], alpha=alpha)

    return [_writer(frame, target, space, bits, cutout) for target in targets]


def _writer(
    frame: FrameMattes,
    target: Target,
    space: ColourSpace,
    bits: int,
    cutout: Callable[[str], Picture],
) -> WriteFile:
    picture, name = frame.picture, target.objects[0]
    if target.output == "matte":
        alphas = {name: frame.alphas[name] for name in target.objects}
        if len(alphas) > 1:
            return lambda path, facts: stills.write_matte_layers(
                path, alphas, like=picture, facts=facts
            )
        depth = 16 if target.movie else bits or None
        return lambda path, facts: stills.write_matte(
            path, alphas[name], bits=depth, like=picture, facts=facts
        )
    if target.output == "preview":
        preview = _preview(space.view(replace(cutout(name), alpha=None), frame.view.exposure),
                         frame.alphas[name])  # fmt: skip
        return lambda path, facts: stills.write_cutout(path, preview, facts=facts)
    result = cutout(name)
    premultiplied = target.output == "premult"
    if target.names.extension == ".png":
        result = to_display(result, space)
        if premultiplied:  # the frames of a movie: PNG itself would be straight
            assert result.alpha is not None
            colour = to_float(result.colour) * to_float(result.alpha)[..., None]
            result, premultiplied = replace(result, colour=from_float(colour, result.dtype)), False
    return lambda path, facts: stills.write_cutout(
        path, result, facts=facts, premultiplied=premultiplied
    )


def to_display(picture: Picture, space: ColourSpace) -> Picture:
    """A scene-linear picture encoded as sRGB, 16 bit; others as they are."""
    if picture.transfer == "display":
        return picture
    colour = from_float(linear_to_srgb(space.as_linear(picture).colour), np.uint16)
    alpha = None if picture.alpha is None else from_float(to_float(picture.alpha), np.uint16)
    return Picture(colour, alpha)


def _preview(view: View, alpha: NDArray[np.float32]) -> Picture:
    """The subject, 8 bit, on a checkerboard."""
    import cv2

    scale = min(1.0, _PREVIEW_SIZE_PX / max(alpha.shape))
    height, width = (max(2, round(side * scale) // 2 * 2) for side in alpha.shape)
    cover = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA)[..., None]
    square = max(1, max(height, width) // _CHECKER_SQUARES)
    rows, columns = np.arange(height)[:, None] // square, np.arange(width) // square
    board = np.where((rows + columns) % 2, *map(np.float32, _CHECKER_GREYS))[..., None]
    mixed = board + cover * (view.resize(height, width) - board)
    return Picture(from_float(mixed, np.uint8))
