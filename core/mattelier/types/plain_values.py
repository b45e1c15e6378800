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

_MAX_VALUE_CHARS = 40  # characters of a value that a sentence repeats
_MESSAGE = re.compile(r"(?P<problem>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)


class PlainValueError(Exception):
    """What is wrong, as a sentence without its full stop that begins with the value's place."""


def from_plain(
    value_type: type[Value],
    values: Any,
    name: str,
    convert_other: Callable[[type, Any], Any] | None = None,
) -> Value:
    """The dataclass that these values describe; what is left out has its default.

    Parameters
    ----------
    value_type : type
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
    for path, place_type, value in _places(value_type, values, ""):
        place = path[1:] or name
        names = get_type_hints(place_type) if dataclasses.is_dataclass(place_type) else None
        unknown = set(value) - names.keys() if names and isinstance(value, Mapping) else set()
        if unknown:
            raise PlainValueError(f"{place} has an unknown key {_shorten(min(unknown, key=str))}")
        places[path] = (place_type, value)
    try:
        result = msgspec.convert(values, value_type, dec_hook=convert_other)
    except msgspec.ValidationError as error:
        raise PlainValueError(_sentence(str(error), places, name)) from None
    except UnicodeEncodeError:  # lone surrogates, which JSON's escapes can say
        raise PlainValueError(f"{name} holds text that is no Unicode") from None
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
    value_type, value = places[path]
    if get_origin(value_type) is Literal:
        allowed = ", ".join(map(str, get_args(value_type)))
        return f"{place} is one of {allowed}, not {_shorten(value)}"
    if problem.startswith("Expected `object`"):
        return f"{place} is an object with names and values, not {_shorten(value)}"
    return f"{place} cannot be {_shorten(value)}"


def _places(value_type: Any, value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, type, value) of the whole and of all in it, as far as types and values agree."""
    if get_origin(value_type) in (Union, UnionType):
        options = [option for option in get_args(value_type) if option is not NoneType]
        value_type = options[0] if len(options) == 1 else value_type
    yield path, value_type, value
    if isinstance(value, Mapping):
        hints = get_type_hints(value_type) if dataclasses.is_dataclass(value_type) else {}
        for key, entry in value.items():
            yield from _places(hints.get(key), entry, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        item = get_args(value_type)[0] if get_args(value_type) else None
        for position, entry in enumerate(value):
            yield from _places(item, entry, f"{path}[{position}]")


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[:_MAX_VALUE_CHARS]}…"
