"""The tasks that make a picture of a picture: how each is opened for many pictures.

A new one adds its request to `request.EFFECTS` and a function here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mattelier.catalogue import Store
from mattelier.catalogue.store import sha256
from mattelier.requests import (
    BokehRequest,
    DenoiseRequest,
    EffectRequest,
    EnhanceRequest,
    StyleRequest,
    UpscaleRequest,
)
from mattelier.types.errors import ModelError

if TYPE_CHECKING:
    from mattelier.matting.hint import Hint
    from mattelier.types.picture import Picture

Report = Any  # a dataclass of the task's own, or plain values by name


@dataclass(frozen=True, eq=False)
class Effect:
    """A task opened for many pictures; safe from several threads.

    Attributes
    ----------
    apply : callable of (picture, hint of where the subject is)
        Gives the picture made, and the report. It raises what the task does.
    weights : callable of (height, width)
        The networks that pictures of that size are made by, by name, and what changes when their
        weights do. It raises what the task would for any picture of that size.
    settled : callable or None
        Where what is done depends on what a picture as a whole looks like: the same effect with
        that measured on some frames of a shot, once for all of its frames.
    """

    apply: Callable[[Picture, Hint | None], tuple[Picture, Report]]
    weights: Callable[[int, int], Mapping[str, str]] = field(default=lambda height, width: {})
    settled: Callable[[Iterable[Picture]], Effect] | None = None


def open_effect(request: EffectRequest, store: Store | None = None) -> Effect:
    """Open what a request needs.

    Parameters
    ----------
    store : Store, optional
        Where models lie; by default the shipped and the user's own.

    Raises
    ------
    UsageError, PictureError, ModelError, EngineError
        The model is unknown, damaged or of another kind, the device cannot be used, or a picture
        that the request names cannot be read.
    """
    return _OPENED[type(request)](request, store or Store())


def _upscale(request: UpscaleRequest, store: Store) -> Effect:
    from mattelier.filters.upscale import Upscaler

    upscaler = Upscaler(request, store=store)

    def apply(picture: Picture, hint: Hint | None) -> tuple[Picture, Report]:
        result = upscaler.upscale(picture)
        return result.picture, result.report

    def weights(height: int, width: int) -> Mapping[str, str]:
        models = upscaler.models(height, width)
        return _weights(store, *(models if request.model == "default" else [request.model]))

    return Effect(apply, weights)


def _bokeh(request: BokehRequest, store: Store) -> Effect:
    from mattelier.filters.bokeh.bokeh import Lens

    return Effect(Lens(request).photograph)


def _denoise(request: DenoiseRequest, store: Store) -> Effect:
    from mattelier.filters.denoise import Denoiser

    denoiser = Denoiser(request, store=store)
    model = "denoise" if request.model == "default" else request.model

    def apply(picture: Picture, hint: Hint | None) -> tuple[Picture, Report]:
        result = denoiser.denoise(picture)
        return result.picture, result.report

    return Effect(apply, lambda height, width: _weights(store, model))


def _enhance(request: EnhanceRequest, store: Store) -> Effect:
    from mattelier.filters.enhance.enhance import Enhancer

    def effect(enhancer: Enhancer) -> Effect:
        def apply(picture: Picture, hint: Hint | None) -> tuple[Picture, Report]:
            result = enhancer.enhance(picture)
            return result.picture, result.report

        return Effect(apply, settled=lambda pictures: effect(enhancer.settled(pictures)))

    return effect(Enhancer(request))


def _style(request: StyleRequest, store: Store) -> Effect:
    from mattelier.filters.style import Stylist

    stylist = Stylist(request, store=store)
    models = [request.model] if request.model != "default" else _style_models(store)

    def apply(picture: Picture, hint: Hint | None) -> tuple[Picture, Report]:
        result = stylist.stylise(picture)
        return result.picture, result.report

    return Effect(apply, lambda height, width: _weights(store, *models))


_OPENED: Mapping[type[EffectRequest], Callable[[Any, Store], Effect]] = {
    UpscaleRequest: _upscale,
    BokehRequest: _bokeh,
    DenoiseRequest: _denoise,
    EnhanceRequest: _enhance,
    StyleRequest: _style,
}


def _weights(store: Store, *models: str) -> dict[str, str]:
    """What changes when the weights of these models do; each is a card's name or a file."""
    found = {}
    for model in models:
        path = Path(model)
        if path.is_file():
            held = path.with_suffix(".bin") if path.suffix == ".param" else path
            found[path.stem] = sha256(held)
        else:
            card = store.card(model)
            found[card.name] = " ".join(file.sha256 for file in card.files)
    return found


def _style_models(store: Store) -> list[str]:
    models = []
    for name in store.names():
        try:
            if store.card(name).task == "style":
                models.append(name)
        except ModelError:  # a damaged card of another model
            continue
    return models
