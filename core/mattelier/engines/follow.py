"""Subjects followed from view to view by a network that was made for that; see `contracts`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue.defaults import TASK_MODELS
from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.networks.transformers import is_folder
from mattelier.requests import Device
from mattelier.types.colour import View
from mattelier.types.errors import ModelError, UsageError
from mattelier.types.picture import Picture

Map = NDArray[np.float32]

_streams = count()


def open_follower(models: ModelCache, name: str, device: Device = "auto") -> OpenModel:
    """The open network that `--tracker` names: one for tracking alone, or one for pictures too.

    Raises
    ------
    UsageError
        There is no such model, or it follows nothing.
    """
    model = models.open(name, _task(models, name), device)
    check_follows(model)
    return model


def _task(models: ModelCache, name: str) -> str:
    if Path(name).suffix.lower() in TASK_MODELS["track"].suffixes:
        return "track"
    if name in ("default", "auto") or is_folder(Path(name)):
        return "matte"
    try:
        return "track" if models.store.card(name).task == "track" else "matte"
    except UsageError:
        raise UsageError(
            "The tracker {name} is not on this computer; bring it in with `mattelier models "
            "import`, or choose Mattelier's own.",
            name=repr(name),
        ) from None


def check_follows(model: OpenModel) -> None:
    """Refuse a network of another kind.

    Raises
    ------
    UsageError
        It follows nothing.
    """
    if not model.input.follows:
        raise UsageError(
            "The model {name} follows no subjects through a shot; bring a video network such as "
            "SAM 2.1's with `mattelier models import FOLDER`.",
            name=model.name,
        )


def follow(model: OpenModel, view: Map, mattes: Map, others: Iterable[Map]) -> Iterator[Map]:
    """Subjects in other views, each next to the one before; each is looked at when asked for.

    Parameters
    ----------
    view : (h, w, 3) float32 0…1, display-encoded, where the subjects are known
    mattes : (N, h, w) float32 0…1, the subjects there, which the network tells apart together
    others : such views, in the order in which they follow

    Yields
    ------
    (N, h, w) float32 0…1

    Raises
    ------
    ModelError
        The network gave values that are not numbers.
    """
    stream = next(_streams)
    _look(model, stream, 0, view, mattes)
    for place, other in enumerate(others, 1):
        yield _look(model, stream, place, other, mattes[:0])


def _look(model: OpenModel, stream: int, place: int, view: Map, mattes: Map) -> Map:
    size = network_size(model.input, *view.shape[:2])
    masks = model.run(
        {
            "stream": np.asarray(stream),
            "place": np.asarray(place),
            "picture": preprocess(model.input, View(Picture(view)), *size),
            "first": _resized(mattes, *size),
        },
        "follow",
    )["masks"]
    if not np.isfinite(masks).all():
        raise ModelError("The model {name} gave values that are not numbers.", name=model.name)
    return _resized(masks, *view.shape[:2])


def _resized(maps: Map, height: int, width: int) -> Map:
    """Maps (N, h, w) at that size, 0…1."""
    import cv2

    resized = np.zeros((len(maps), height, width), np.float32)
    for one, other in zip(resized, maps, strict=True):
        one[:] = cv2.resize(other, (width, height), interpolation=cv2.INTER_LINEAR).clip(0, 1)
    return resized
