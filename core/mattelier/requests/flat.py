"""A request's fields side by side, with those of the requests inside it: as flags and keywords are.

`flat_fields` lists them, `from_flat` builds the request from values by their flat names, and
`keyword_parameters` is what a Python function that takes them has in its signature.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from mattelier.requests.fields import Field, Nested, Request, request_fields, without_none

AnyRequest = TypeVar("AnyRequest", bound=Request)


@dataclass(frozen=True)
class FlatField:
    """One value somewhere in a request.

    Attributes
    ----------
    path : str
        Where it lies, in the request and in its JSON: "depth.matte.edge_shift".
    name : str
        What flags, keywords and `from_flat` call it: "edge_shift".
    type, default, choices
        As of `RequestField`.
    field : Field
        With the help that the outer request gives it, if any, as its flag's.
    """

    path: str
    name: str
    type: Any
    default: Any
    choices: tuple[Any, ...]
    field: Field

    @property
    def required(self) -> bool:
        """Whether the request cannot be built without it."""
        return self.default is dataclasses.MISSING


def all_flat_fields(request_type: type[Request]) -> tuple[FlatField, ...]:
    """All values in a request of that class, in the order of the fields."""
    key: Any = request_type  # mypy takes no class for hashable
    return _all_flat_fields(key)


@functools.cache
def _all_flat_fields(request_type: Any) -> tuple[FlatField, ...]:
    found: list[FlatField] = []
    for own in request_fields(request_type):
        if own.request is None:
            name = own.field.name or own.name
            found.append(FlatField(own.name, name, own.type, own.default, own.choices, own.field))
            continue
        for inner in all_flat_fields(own.request):
            if not _lies_in(inner.path, own.nested.omit):
                path = f"{own.name}.{inner.path}"
                field = _with_help(inner, own.nested)
                found.append(dataclasses.replace(inner, path=path, field=field))
    return tuple(found)


def flat_fields(
    request_type: type[Request], *, only: Collection[str] = (), omit: Collection[str] = ()
) -> tuple[FlatField, ...]:
    """The values in a request, without those below the paths `omit`, or just those below `only`."""
    return tuple(
        leaf
        for leaf in all_flat_fields(request_type)
        if (not only or _lies_in(leaf.path, only)) and not _lies_in(leaf.path, omit)
    )


def from_flat(request_type: type[AnyRequest], values: Mapping[str, Any]) -> AnyRequest:
    """Build a request from values by their flat names.

    Parameters
    ----------
    values : mapping
        A name that is left out, or None, has the field's default; names of no field are passed
        over. A tuple stands for the point, box or size that it can build.

    Raises
    ------
    UsageError
        A value is out of range, or values do not fit together.
    """
    leaves = all_flat_fields(request_type)
    names = [leaf.name for leaf in leaves]
    chosen = {}
    for leaf in leaves:
        value = values.get(leaf.name)
        if value is None:
            continue
        value = _built(leaf.type, value)
        # Of fields that share a name, such as a focus that is a point or a distance, each takes
        # the values of its own type.
        if names.count(leaf.name) == 1 or _is_of_type(value, leaf.type):
            chosen[leaf.path] = value
    return _build(request_type, chosen, "")


def keyword_parameters(
    request_type: type[Request], *, only: Collection[str] = (), omit: Collection[str] = ()
) -> list[inspect.Parameter]:
    """The keyword-only parameters of a function that takes a request's values; as `flat_fields`."""
    parameters: dict[str, inspect.Parameter] = {}
    for leaf in flat_fields(request_type, only=only, omit=omit):
        annotation: Any = leaf.type
        default = inspect.Parameter.empty if leaf.required else leaf.default
        first = parameters.get(leaf.name)
        if first and first.annotation != annotation:
            annotation = first.annotation | annotation
        parameters[leaf.name] = inspect.Parameter(
            leaf.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=first.default if first else default,
            annotation=annotation,
        )
    return list(parameters.values())


def keyword_help(
    request_type: type[Request], *, only: Collection[str] = (), omit: Collection[str] = ()
) -> str:
    """The entries of such a function's docstring under "Parameters", in NumPy style."""
    entries = []
    leaves = flat_fields(request_type, only=only, omit=omit)
    for parameter in keyword_parameters(request_type, only=only, omit=omit):
        own = [leaf for leaf in leaves if leaf.name == parameter.name]
        type_text = " | ".join(map(repr, own[0].choices)) or _type_name(parameter.annotation)
        helps = dict.fromkeys(f"    {leaf.field.help}{_range(leaf.field)}" for leaf in own)
        entries.append("\n".join([f"{parameter.name} : {type_text}", *helps]))
    return "\n".join(entries)


def _lies_in(path: str, places: Collection[str]) -> bool:
    return any(path == place or path.startswith(f"{place}.") for place in places)


def _with_help(inner: FlatField, nested: Nested) -> Field:
    if inner.path not in nested.help or inner.field.flag is None:
        return inner.field
    flag = dataclasses.replace(inner.field.flag, help=nested.help[inner.path])
    return dataclasses.replace(inner.field, flag=flag)


def _build(request_type: type[AnyRequest], chosen: Mapping[str, Any], prefix: str) -> AnyRequest:
    values = {}
    for own in request_fields(request_type):
        path = f"{prefix}{own.name}"
        if own.request is not None:
            values[own.name] = _build(own.request, chosen, f"{path}.")
        elif path in chosen:
            values[own.name] = chosen[path]
    return request_type(**values)


def _built(annotation: Any, value: Any) -> Any:
    """The point, box or size that a tuple stands for; any other value as it is."""
    bare_type = without_none(annotation)
    if get_origin(bare_type) is tuple and isinstance(value, list | tuple):
        return tuple(_built(get_args(bare_type)[0], item) for item in value)
    if (
        dataclasses.is_dataclass(bare_type)
        and isinstance(bare_type, type)
        and isinstance(value, tuple)
    ):
        return bare_type(*value)
    return value


def _is_of_type(value: Any, annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_of_type(value, member) for member in get_args(annotation))
    if get_origin(annotation) is Literal:
        return value in get_args(annotation)
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, get_origin(annotation) or annotation)


def _type_name(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    return re.sub(r"(\w+\.)+(?=\w)", "", str(annotation))  # Box for mattelier.requests.hint.Box


def _range(field: Field) -> str:
    low, high = field.minimum, field.maximum
    unit = f" {field.unit}" if field.unit else ""
    if low is None and high is None:
        return f" In{unit}." if unit else ""
    ends = f"{low:g}…{high:g}" if high is not None else f"from {low:g}"
    return f" {ends}{unit}{', or 0' if field.or_zero else ''}."
