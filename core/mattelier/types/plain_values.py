"""Frozen dataclasses from the plain values of JSON and TOML, with every name and type checked.

`msgspec` converts; what is added here is what it does not do for dataclasses: unknown names and
numbers that are not finite are refused, and what is wrong is one sentence for people.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Value = TypeVar("Value")

_LONGEST_SHOWN = 40  # characters of a value that a sentence repeats
_MESSAGE = re.compile(r"(?P<problem>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)


class PlainValueError(Exception):
    """What is wrong, as a sentence without its full stop that begins with the value's place."""


def from_plain(
    kind: type[Value],
    values: Any,
    name: str,
    convert_other: Callable[[type, Any], Any] | None = None,
) -> Value:
    """The dataclass that these values describe; what is left out has its default.

    Parameters
    ----------
    kind : type
        A dataclass, which may hold others, tuples and mappings.
    values : object
        As `json` or `tomllib` give it.
    name : str
        What a sentence calls the whole.
    convert_other : callable of (type, value), optional
        Converts values for types that are neither plain nor dataclasses.

    Raises
    ------
    PlainValueError
        A name is unknown or missing, or a value is of the wrong type: a bool or 4.0 is no int,
        and what is not finite is no number.
    """
    import msgspec

    places: dict[str, tuple[Any, Any]] = {}
    for path, place_kind, value in _places(kind, values, ""):
        place = path[1:] or name
        names = get_type_hints(place_kind) if dataclasses.is_dataclass(place_kind) else None
        unknown = set(value) - names.keys() if names and isinstance(value, Mapping) else set()
        if unknown:
            raise PlainValueError(f"{place} has an unknown key {_shown(min(unknown, key=str))}")
        places[path] = (place_kind, value)
    try:
        result = msgspec.convert(values, kind, dec_hook=convert_other)
    except msgspec.ValidationError as error:
        raise PlainValueError(_sentence(str(error), places, name)) from None
    for path, (_, value) in places.items():  # last, as a range says more
        if isinstance(value, float) and not math.isfinite(value):
            raise PlainValueError(f"{path[1:] or name} cannot be {value}")
    return result


def _sentence(message: str, places: Mapping[str, tuple[Any, Any]], name: str) -> str:
    match = _MESSAGE.fullmatch(message)
    assert match is not None
    problem, path = match["problem"], match["path"] or ""
    place = path[1:] or name
    if missing := re.fullmatch(r"Object missing required field `(.*)`", problem):
        return f"{place} lacks {missing[1]!r}"
    if length := re.match(r"Expected `array` of length (\d+)", problem):
        return f"{place} needs {length[1]} values"
    if path not in places:  # inside a mapping, whose keys msgspec does not name
        return f"{place}: {problem[0].lower()}{problem[1:]}"
    kind, value = places[path]
    if get_origin(kind) is Literal:
        allowed = ", ".join(map(str, get_args(kind)))
        return f"{place} is one of {allowed}, not {_shown(value)}"
    if problem.startswith("Expected `object`"):
        return f"{place} is an object with names and values, not {_shown(value)}"
    return f"{place} cannot be {_shown(value)}"


def _places(kind: Any, value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, type, value) of the whole and of all in it, as far as types and values agree."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [option for option in get_args(kind) if option is not NoneType]
        kind = kinds[0] if len(kinds) == 1 else kind
    yield path, kind, value
    if isinstance(value, Mapping):
        hints = get_type_hints(kind) if dataclasses.is_dataclass(kind) else {}
        for key, inner in value.items():
            yield from _places(hints.get(key), inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        item = get_args(kind)[0] if get_args(kind) else None
        for position, inner in enumerate(value):
            yield from _places(item, inner, f"{path}[{position}]")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
