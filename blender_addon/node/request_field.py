# SPDX-License-Identifier: GPL-3.0-or-later
"""One field of the engine's request beside the property of a node that sets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .settings import NodeSettings


class RequestField(NamedTuple):
    """What the artist sets, and what the engine calls it.

    Attributes
    ----------
    field : str
        Of the engine's request.
    property : str
        Of the node's settings, as the .blend file keeps it.
    encode : callable
        From the property's value to the field's, as JSON.
    is_set : callable
        Whether settings use the property; where they do not, the field is None.
    """

    field: str
    property: str
    encode: Callable[[Any], object] = lambda value: value
    is_set: Callable[[NodeSettings], bool] = lambda settings: True


MODEL = RequestField("model", "model", lambda name: name or "default")


def rounded(digits: int) -> Callable[[float], float]:
    """Of a float32 property, without the digits that it never had."""
    return lambda value: round(value, digits)


def encode_request(fields: Iterable[RequestField], settings: NodeSettings) -> dict[str, object]:
    """These fields of the engine's request, as JSON."""
    return {
        entry.field: entry.encode(getattr(settings, entry.property))
        if entry.is_set(settings)
        else None
        for entry in fields
    }
