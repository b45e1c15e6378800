"""Requests as plain JSON values, and their digests."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TypeVar

from mattelier.requests.fields import EffectRequest, effect_requests
from mattelier.types.digest import digest as digest_of
from mattelier.types.errors import UsageError
from mattelier.types.plain_values import PlainValueError, from_plain

AnyRequest = TypeVar("AnyRequest")


def to_json(request: Any) -> dict[str, Any]:
    """The request as plain JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(request)))
    return values


def from_json(request_type: type[AnyRequest], values: Any) -> AnyRequest:
    """The request that `to_json` made these values of; what is left out has its default.

    Raises
    ------
    UsageError
        A name is unknown, or a value is of the wrong type or out of range.
    """

    def read_effect(kind: type, options: Any) -> EffectRequest:
        """A `FramesRequest`'s options, whose class its task says."""
        task, requests = values.get("task"), effect_requests()
        for name, effect_type in requests.items():
            if name == task:
                return from_json(effect_type, options)
        raise UsageError(
            "The task is one of {known}, not {task}.", known=", ".join(requests), task=repr(task)
        )

    try:
        return from_plain(request_type, values, f"A {request_type.__name__}", read_effect)
    except PlainValueError as error:
        raise UsageError("{error}.", error=error) from None


def digest(request: Any) -> str:
    """A short digest of all that a request says.

    Equal requests have equal digests, also where one holds 2 and the other 2.0.
    """
    return digest_of(json.loads(json.dumps(to_json(request)), parse_int=float))
