"""Requests whose files the host has sent as pixels: what they may not name, and their hint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mattelier.requests import HintRequest, MatteRequest
from mattelier.types.errors import UsageError

if TYPE_CHECKING:
    from mattelier.matting.hint import Hint
    from mattelier.types.picture import Picture


def refuse_files(**paths: str | None) -> None:
    """Refuse a request that names a file.

    Raises
    ------
    UsageError
    """
    for name, path in paths.items():
        if path is not None:
            raise UsageError(f"The worker reads no files; send the {name} as pixels.")


def refuse_weights(model: str, *others: str) -> None:
    """Refuse a model that is no card's name, such as a weights file, nor one of `others`.

    Raises
    ------
    UsageError
    """
    from mattelier.catalogue import Store

    if model not in others:
        Store().card(model)


def without_files(request: MatteRequest) -> MatteRequest:
    """The same request; UsageError when its hint names files."""
    refuse_files(mask=request.hint.mask, trimap=request.hint.trimap)
    return request


def hint(request: HintRequest, pictures: Mapping[str, Any]) -> Hint | None:
    """The hint of a request, with the mask and trimap that were sent."""
    from mattelier.matting.hint import make_hint

    picture: Picture = pictures["picture"]
    return make_hint(
        picture.height,
        picture.width,
        mask=pictures.get("mask"),
        trimap=pictures.get("trimap"),
        box=request.box,
        points=request.points,
    )
