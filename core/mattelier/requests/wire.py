"""Requests as plain JSON values, and their digests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from mattelier.requests.effects import EFFECTS
from mattelier.requests.fields import EffectRequest
from mattelier.requests.shot import FramesRequest
from mattelier.types.errors import UsageError

Request = TypeVar("Request")


def to_json(request: Any) -> dict[str, Any]:
    """The request as plain JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(request)))
    return values


def from_json(kind: type[Request], values: Any) -> Request:
    """The request that `to_json` made these values of; what is left out has its default.

    Raises
    ------
    UsageError
        A name is unknown, or a value is of the wrong type or out of range.
    """
    if not isinstance(values, dict):
        raise UsageError(f"A {kind.__name__} is a JSON object, not {_shown(values)}.")
    types = get_type_hints(kind)
    if kind is FramesRequest:  # its task says what its options are
        types["options"] = _options_of(values.get("task"))
    if unknown := sorted(set(values) - set(types)):
        raise UsageError(f"A {kind.__name__} has no {', '.join(unknown)}.")
    try:
        return kind(**{name: _value(name, types[name], value) for name, value in values.items()})
    except TypeError:
        raise UsageError(f"A {kind.__name__} needs more than {sorted(values)}.") from None


def _options_of(task: Any) -> type[EffectRequest]:
    for name, options in EFFECTS.items():
        if name == task:
            return options
    raise UsageError(f"The task is one of {', '.join(EFFECTS)}, not {_shown(task)}.")


def _value(name: str, wanted: Any, value: Any) -> Any:
    """A JSON value as a field of that type wants it."""
    if get_origin(wanted) is UnionType:  # only `X | None` occurs
        if value is None:
            return None
        wanted = next(kind for kind in get_args(wanted) if kind is not NoneType)
    if dataclasses.is_dataclass(wanted):
        return from_json(cast(Any, wanted), value)
    if get_origin(wanted) is tuple and isinstance(value, list):
        return tuple(_value(name, get_args(wanted)[0], item) for item in value)
    if get_origin(wanted) is Literal and isinstance(value, str):
        return value  # the class itself knows which ones, and says so
    if wanted is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if type(value) is wanted:
        return value
    raise UsageError(f"{name} cannot be {_shown(value)}.")


def _shown(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}…"


def digest(request: Any) -> str:
    """First 16 hex digits of the SHA-256 of the request's canonical JSON.

    Equal requests have equal digests, also where one holds 2 and the other 2.0.
    """
    numbers = json.loads(json.dumps(to_json(request)), parse_int=float)
    canonical = json.dumps(numbers, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
