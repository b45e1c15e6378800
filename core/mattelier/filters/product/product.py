"""photo of a product → the product on a shop's canvas, with its shadow, as one and as layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.model_cache import ModelCache
from mattelier.matting.hint import Hint
from mattelier.matting.matte import matte_picture
from mattelier.requests import ProductRequest
from mattelier.requests.product import parse_gradient
from mattelier.tasks.task import Task
from mattelier.types.colour import (
    View,
    from_float,
    linear_to_srgb,
    srgb_to_linear,
    to_float,
)
from mattelier.types.errors import PictureError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark, stage
from mattelier.types.result import Layer, Result

if TYPE_CHECKING:
    from mattelier.filters.product.ground import Ground

Colour = tuple[float, float, float]
Backdrop = Picture | tuple[Colour, Colour]

_SHADOW_CURVE = 1 / 2.2  # of light that is missing to the opacity of black in display values
_KNEE = 0.75  # of linear light, from which on more light is bent below white
_MAX_ENLARGEMENT = 1.5  # beyond which it is told


class ProductTask(Task):
    """picture + optional hint → the subject on a canvas."""

    def prepare(self, request: ProductRequest, models: ModelCache, **inputs: Any) -> dict[str, Any]:
        models.open(request.matte.model, "matte", request.matte.device)
        inputs.setdefault("backdrop", parse_background(request.background))
        return inputs

    def run(
        self,
        request: ProductRequest,
        picture: Picture,
        models: ModelCache,
        *,
        hint: Hint | None = None,
        backdrop: Backdrop | None = None,
    ) -> Result:
        """One product on its canvas; `picture` of the result is display-encoded, 8 or 16 bit.

        Parameters
        ----------
        backdrop : a picture, or two colours from top to bottom, or None for transparency

        Raises
        ------
        UsageError
            The hint does not fit the picture.
        """
        from mattelier.filters.product.ground import (
            balance_gains,
            find_ground,
        )
        from mattelier.filters.product.photo_border import drop_strays, is_cut_off
        from mattelier.filters.product.placing import place
        from mattelier.filters.product.seen_through import (
            ground_around,
            is_glass,
            join_pieces,
            open_gaps,
            see_through,
            settle_doubt,
        )
        from mattelier.matting.foreground import estimate_foreground

        model = models.open(request.matte.model, "matte", request.matte.device)
        with stage("looking", 0, 0.5):
            matte = matte_picture(picture, hint, request.matte, model)
        alpha, report = matte.alpha, matte.report
        view = View(picture).tile(0, picture.height, 0, picture.width)
        given = hint is not None and hint.mask is not None and hint.mask_as == "matte"
        sample = np.dtype(np.uint8 if picture.dtype == np.uint8 else np.uint16)
        with report.timed("ground"), stage("looking at the ground", 0.5, 0.6):
            if not given and (whole := drop_strays(alpha)) is not alpha:
                remark("What the photo's border cuts off beside the subject was left out.")
                alpha = whole
            ground = find_ground(view, alpha)
            near = ground and ground_around(view, alpha, ground)
            if near is not None and not given:
                alpha = open_gaps(view, join_pieces(view, alpha, near), near)
            clear = bool(request.see_through)
            if near is not None and not given and request.see_through is None:
                clear = is_glass(view, alpha, near)
                if clear:
                    remark(
                        "The ground is seen through it, so it was taken for glass; "
                        "--no-see-through keeps it solid."
                    )
        standing = alpha
        unmixed = clear or request.shadow == "keep" or request.keep_reflection
        if ground is None and unmixed:
            remark("The ground is not even, so nothing of it was taken apart.")
        with report.timed("foreground"), stage("cleaning edge colours", 0.6, 0.75):
            if near is not None and not given and not clear:
                alpha = standing = settle_doubt(view, alpha, near)
            if picture.transfer == "display":
                foreground = to_float(estimate_foreground(picture.colour, alpha))
            else:
                foreground = estimate_foreground(view, alpha)
            if clear and near is not None:
                solid = np.zeros(alpha.shape, bool)
                if hint is not None and hint.trimap is not None:  # what is surely no glass
                    solid = hint.trimap == 255
                alpha, pure = see_through(view, alpha, near, solid)
                foreground = np.where(solid[..., None], foreground, pure)
        if request.balance and ground is not None:
            foreground = _balanced(foreground, balance_gains(ground, view, alpha))
        width, height = request.size
        placing = place(
            standing,
            width,
            height,
            request.margin / 100 * min(width, height),
            fit=request.fit,
            align=request.align,
            straighten=request.straighten,
        )
        report.measures["result_width"], report.measures["result_height"] = width, height
        subject = np.zeros((height, width, 4), np.float32)
        missing = np.zeros((height, width), np.float32)
        mirrored = np.zeros_like(subject)
        if placing is not None:
            if placing.scale > _MAX_ENLARGEMENT:
                remark(
                    "The subject is small and was enlarged {scale} times.",
                    scale=f"{placing.scale:.1f}",
                )
            subject = placing.apply(np.dstack([foreground * alpha[..., None], alpha]))
            subject[..., :3] = np.minimum(subject[..., :3], subject[..., 3:])
            report.measures["turned_degrees"] = round(placing.degrees, 2)
            report.measures["scale"] = round(placing.scale, 4)
            if ground is not None:
                dark, own = _taken_off(request, view, matte.alpha, ground)
                if request.shadow == "keep":
                    missing = placing.apply(dark)
                if own is not None:
                    mirrored = placing.apply(own)
                    mirrored[..., :3] = np.minimum(mirrored[..., :3], mirrored[..., 3:])
        report.measures["even_ground"] = ground is not None
        report.measures["seen_through"] = clear and ground is not None
        report.measures["cut_off"] = is_cut_off(standing)
        if report.measures["cut_off"]:
            remark("The photo's border cuts it off, so it has a straight edge there.")
        with report.timed("shadow"), stage("casting the shadow", 0.75, 0.9):
            if placing is not None and (request.shadow == "make" or request.reflection):
                from mattelier.filters.product.cast_shadow import cast_shadow, reflect

                if request.shadow == "make":
                    missing = cast_shadow(subject[..., 3], request.light)
                    missing *= np.float32(request.shadow_strength)
                if request.reflection:
                    mirrored = reflect(subject, request.reflection)
        layers = (
            *_background_layers(backdrop, width, height, sample),
            _layer("shadow", _black(missing), sample),
            _layer("reflection", mirrored, sample),
            _layer("subject", subject, sample),
        )
        layers = tuple(
            one
            for one in layers
            if one.name in ("background", "subject")
            or (one.picture.alpha is not None and one.picture.alpha.any())
        )
        with report.timed("compositing"), stage("compositing", 0.9, 1):
            flat = _flattened(layers, opaque=backdrop is not None)
        icc = picture.icc if picture.transfer == "display" else None
        flat = replace(flat, icc=icc, exif=picture.exif)
        layers = tuple(replace(one, picture=replace(one.picture, icc=icc)) for one in layers)
        return Result(report, picture=flat, alpha=alpha, estimate=matte.confidence, layers=layers)


def _taken_off(
    request: ProductRequest,
    view: NDArray[np.float32],
    alpha: NDArray[np.float32],
    ground: Ground,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """The missing light on an even ground, and what it mirrors, premultiplied, where it is kept."""
    from mattelier.filters.product.ground import balance_gains, kept_shadow
    from mattelier.filters.product.kept_reflection import (
        find_mirror_image,
        kept_reflection,
        reflecting_region,
    )

    if not request.keep_reflection:
        wanted = request.shadow == "keep"
        return kept_shadow(view, alpha, ground) if wanted else np.zeros_like(alpha), None
    mirrored = find_mirror_image(view, alpha, ground)
    if mirrored is None:
        remark("No reflection was found below the subject, so none was kept.")
        return kept_shadow(view, alpha, ground), None
    region = reflecting_region(mirrored, alpha)
    missing = kept_shadow(view, alpha, ground, hidden=region)
    shaded = replace(ground, colour=ground.colour * (1 - _black(missing)[..., 3:]))
    own = kept_reflection(view, alpha, mirrored, region, shaded)
    if request.balance:
        colour = (own[..., :3] / np.maximum(own[..., 3:], 1e-4)).astype(np.float32)
        own[..., :3] = _balanced(colour, balance_gains(ground)) * own[..., 3:]
    return missing, own


def parse_background(text: str) -> Backdrop | None:
    """What a background's text stands for: two colours, the same one twice, or a picture.

    Returns
    -------
    Picture or two (r, g, b); None of "transparent"

    Raises
    ------
    PictureError
        It is neither a file nor a colour.
    """
    if text == "transparent":
        return None
    if Path(text).is_file():
        from mattelier.media.stills import read

        return read(Path(text))
    try:
        return parse_gradient(text)
    except UsageError as error:
        raise PictureError(
            "The background {text} is neither a picture file nor a colour, nor two.",
            text=repr(text),
        ) from error


def _balanced(colour: NDArray[np.float32], gains: NDArray[np.float32]) -> NDArray[np.float32]:
    if np.allclose(gains, 1):
        return colour
    light = srgb_to_linear(colour) * gains
    bright = light.max(axis=2, keepdims=True)
    # What would clip is bent below white as one, so that it keeps its colour; white stays white.
    most = float(gains.max())
    if most > 1:
        share = np.clip((bright - _KNEE) / (most - _KNEE), 0, 1)
        bent = _KNEE + (1 - _KNEE) * (1 - (1 - share) ** ((most - _KNEE) / (1 - _KNEE)))
        light = np.where(bright > _KNEE, light * (bent / np.maximum(bright, 1e-6)), light)
    return np.clip(linear_to_srgb(light.astype(np.float32)), 0, 1)


def _black(missing: NDArray[np.float32]) -> NDArray[np.float32]:
    """Missing light as black over display values: (H, W, 4) premultiplied."""
    layer = np.zeros((*missing.shape, 4), np.float32)
    layer[..., 3] = 1 - (1 - np.clip(missing, 0, 1)) ** np.float32(_SHADOW_CURVE)
    return layer


def _layer(name: str, premultiplied: NDArray[np.float32], sample: np.dtype[Any]) -> Layer:
    alpha = premultiplied[..., 3]
    colour = premultiplied[..., :3] / np.maximum(alpha, 1e-4)[..., None]
    return Layer(
        name,
        Picture(from_float(colour.astype(np.float32), sample), alpha=from_float(alpha, sample)),
    )


def _background_layers(
    backdrop: Backdrop | None, width: int, height: int, sample: np.dtype[Any]
) -> tuple[Layer, ...]:
    if backdrop is None:
        return ()
    if isinstance(backdrop, Picture):
        from mattelier.matting.compose import fit_background

        blank = Picture(np.zeros((height, width, 3), sample))
        filled = fit_background(backdrop, blank)
        return (Layer("background", Picture(np.asarray(filled))),)
    first, last = (np.array(colour, np.float32) for colour in backdrop)
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    # Half a step of ordered noise keeps a long gradient from showing bands in 8 bits.
    colour = first + share * (last - first) + np.zeros((1, width, 1), np.float32)
    if not np.array_equal(first, last):
        step = np.random.default_rng(0).uniform(-0.5, 0.5, (height, width, 1)) / 255
        colour = np.clip(colour + step.astype(np.float32), 0, 1)
    return (Layer("background", Picture(from_float(colour, sample))),)


def _flattened(layers: tuple[Layer, ...], *, opaque: bool) -> Picture:
    """All layers over each other, in display values, as layered files are shown."""
    sample = layers[0].picture.dtype
    shape = layers[0].picture.colour.shape[:2]
    total = np.zeros((*shape, 4), np.float32)
    for one in layers:
        cover = one.picture.alpha
        share = np.ones((*shape, 1), np.float32) if cover is None else to_float(cover)[..., None]
        top = np.concatenate([to_float(one.picture.colour) * share, share], axis=2)
        total = top + total * (1 - share)
    if opaque:
        return Picture(from_float(total[..., :3].astype(np.float32), sample))
    return _layer("", total.astype(np.float32), sample).picture
