"""Which thing of a picture is meant: by its number among the objects, or by words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mattelier.engines.find import FoundBox, find_boxes
from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.matting.hint import Hint, make_hint
from mattelier.matting.objects import object_mask, open_objects_model
from mattelier.matting.prompted import answer
from mattelier.requests import Box, MatteRequest
from mattelier.types.colour import View
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import remark

_MIN_SCORE = 0.1  # of words found: below that they mean nothing that is there
_SURE_SCORE = 0.3  # and below this people had better look
_NEARLY = 0.6  # of the surest one's score, from which on another place may be meant
_SAME_PLACE = 0.5  # of the smaller box, from which on two lie in one place


def resolve(
    request: MatteRequest, hint: Hint | None, picture: Picture, models: ModelCache
) -> Hint | None:
    """The hint with what its request names by number or by words, found in this picture.

    Raises
    ------
    UsageError
        There is no such object, or nothing that the words mean.
    ModelError
        No network that is needed for it is on this computer.
    """
    asked = request.hint
    if asked.object is None and asked.text is None:
        return hint
    view = View(picture)
    known = hint or Hint(view.height, view.width)
    if asked.object is not None:
        network = open_objects_model(asked.objects_model, request.device, models)
        return replace(known, mask=object_mask(network, view, asked.object), mask_as="rough")
    assert asked.text is not None
    finder = models.open(asked.text_model, "find", request.device)
    box = _find(finder, view, asked.text)
    boxed = replace(known, box=box)
    prompt = _prompt_network(request, models)
    if prompt is None:
        return boxed
    mask = _stretch(answer(view, boxed, prompt), view)
    return replace(boxed, mask=mask, mask_as="rough")


def _find(finder: OpenModel, view: View, text: str) -> Box:
    found = find_boxes(finder, view, text)
    if not found or found[0].score < _MIN_SCORE:
        raise UsageError(
            "Nothing in the picture looks like {text}; try other words.", text=repr(text)
        )
    best = found[0]
    if best.score < _SURE_SCORE:
        remark(
            "It is only {score} sure where {text} is; look whether it is right.",
            score=f"{best.score:.0%}",
            text=repr(text),
        )
    if count := len(_others(found)):
        remark(
            "{text} may mean {count} places; the surest one is taken.",
            count=1 + count,
            text=repr(text),
        )
    box = Box(best.x, best.y, best.width, best.height)
    make_hint(view.height, view.width, box=box)  # refuses what lies outside
    return box


def _others(found: Sequence[FoundBox]) -> list[FoundBox]:
    """What the words may mean as well as the first one: places of their own, nearly as sure."""
    places = [found[0]]
    for one in found[1:]:
        near = one.score >= max(_MIN_SCORE, _NEARLY * found[0].score)
        if near and all(_overlap(one, place) < _SAME_PLACE for place in places):
            places.append(one)
    return places[1:]


def _overlap(one: FoundBox, other: FoundBox) -> float:
    """The common area of two boxes, as a share of the smaller one."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(0.0, width) * max(0.0, height) / smaller


def _prompt_network(request: MatteRequest, models: ModelCache) -> OpenModel | None:
    """A network that draws what a box holds; None where the one asked for does that, or none is."""
    if request.model != "default" and models.open(request.model, "matte").input.needs == "prompt":
        return None
    for card in models.store.cards():
        asked = card.task == "matte" and card.input.needs == "prompt"
        if asked and models.store.state(card)[0] == "ready":
            return models.open(card.name, "matte", request.device)
    return None


def _stretch(mask: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    import cv2

    size = view.width, view.height
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.float32)
