"""What a field of a request says of itself: its help, range and unit, and how its flag is written.

It stands once, as `Annotated[type, Field(…)]`. The command line's flags, the Python door's keyword
arguments, the checks of every door and `schema.json` are made from it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class Flag:
    """How the command line writes a field, where that differs from the field itself.

    Attributes
    ----------
    names : tuple of str
        Such as ("-o", "--output"); a name without a dash is a positional argument. Empty: two
        dashes and the field's flat name.
    metavar : str
        What stands for the value in `--help`; "": click's own.
    help : str or None
        The text of `--help`; None: the field's.
    parse : callable or None
        The value that a text stands for; raises `UsageError`. None: by the field's type.
    default : object
        What the flag has when it is left out: `...` for the field's default, None for "not given".
    show_default, required, multiple : bool
        As in click.
    bounds : str
        Which of the field's bounds the flag itself checks and `--help` shows; those that only
        catch a slip of the keyboard are left to the request.
    """

    names: tuple[str, ...] = ()
    metavar: str = ""
    help: str | None = None
    parse: Callable[[str], Any] | None = None
    default: Any = ...
    show_default: bool = False
    required: bool = False
    multiple: bool = False
    bounds: Literal["both", "minimum", "above minimum", "none"] = "both"


@dataclass(frozen=True)
class Field:
    """What a field says of itself.

    Attributes
    ----------
    help : str
        One line for people.
    name : str
        Its flat name, as a flag's or keyword's, where all fields of a request tree lie side by
        side; "": the field's own. Fields with the same flat name are set together.
    minimum, maximum : float or None
        The range, both ends included.
    or_zero : bool
        0 is allowed as well, outside the range.
    choices : tuple
        Of a field whose type is no `Literal`.
    unit : str
        "px", "mm", "degrees", "s", "frames", "1/s"; "" for shares and counts.
    auto : float or None
        What it is where the picture shall simply be made good; None: its default.
    label : str
        What the sentence calls the field that refuses a value; "": its name.
    refusal : str
        That sentence, with `{value}` in it, where the usual one would not do.
    flag : Flag or None
        None: the command line sets it in another way, or not at all.
    """

    help: str = ""
    name: str = ""
    minimum: float | None = None
    maximum: float | None = None
    or_zero: bool = False
    choices: tuple[Any, ...] = ()
    unit: str = ""
    auto: float | None = None
    label: str = ""
    refusal: str = ""
    flag: Flag | None = Flag()


@dataclass(frozen=True)
class Nested:
    """What a request says of one that it holds.

    Attributes
    ----------
    omit : tuple of str
        Fields of the inner request that are of no use here.
    help : mapping
        Help of the flags of inner fields, where it differs here.
    """

    omit: tuple[str, ...] = ()
    help: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestField:
    """A field of a request class, with its type and default.

    Attributes
    ----------
    type : object
        Without `Annotated`, None included where the field may be None.
    default : object
        `dataclasses.MISSING` where the field must be given.
    """

    name: str
    type: Any
    default: Any
    field: Field
    nested: Nested

    @property
    def request(self) -> type[Request] | None:
        """The class of the request that this field holds; None where it holds a value."""
        is_request = isinstance(self.type, type) and issubclass(self.type, Request)
        return self.type if is_request and dataclasses.is_dataclass(self.type) else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that it may have, one or each; empty where they are not listed."""
        bare_type = without_none(self.type)
        if get_origin(bare_type) is tuple:
            bare_type = get_args(bare_type)[0]
        return get_args(bare_type) if get_origin(bare_type) is Literal else self.field.choices


class Request:
    """Base of all requests: a frozen dataclass that checks its fields when it is built.

    `class UpscaleRequest(Request, task="upscale")` is what the task of that name is asked; parts
    of requests name none.
    """

    task_name: ClassVar[str] = ""

    def __init_subclass__(cls, *, task: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.task_name = task
        if task:
            REQUESTS[task] = cls

    def __post_init__(self) -> None:
        for own in request_fields(type(self)):
            if own.request is None:
                _check(own, getattr(self, own.name))


class EffectRequest(Request):
    """Base of the requests of tasks that are done to a picture, or to each one of a shot."""


REQUESTS: dict[str, type[Request]] = {}
"""What each task is asked; a request's class puts itself in when it is defined."""


def effect_requests() -> dict[str, type[EffectRequest]]:
    """Those of tasks that make a picture of a picture."""
    return {
        name: request_type
        for name, request_type in REQUESTS.items()
        if issubclass(request_type, EffectRequest)
    }


def request_fields(request_type: type[Request]) -> tuple[RequestField, ...]:
    """The fields of a request class, in their order."""
    key: Any = request_type  # mypy takes no class for hashable
    return _request_fields(key)


@functools.cache
def _request_fields(request_type: Any) -> tuple[RequestField, ...]:
    hints = get_type_hints(request_type, include_extras=True)
    found = []
    for own in dataclasses.fields(request_type):
        annotation = hints[own.name]
        notes = getattr(annotation, "__metadata__", ())
        found.append(
            RequestField(
                own.name,
                getattr(annotation, "__origin__", annotation) if notes else annotation,
                own.default,
                next((note for note in notes if isinstance(note, Field)), Field()),
                next((note for note in notes if isinstance(note, Nested)), Nested()),
            )
        )
    return tuple(found)


def without_none(annotation: Any) -> Any:
    """`X` of `X | None`; any other type as it is."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    (bare_type,) = (bare_type for bare_type in get_args(annotation) if bare_type is not NoneType)
    return bare_type


def _check(own: RequestField, value: Any) -> None:
    if value is None:
        return
    spec, label = own.field, own.field.label or own.name
    if own.choices:
        for item in value if isinstance(value, tuple) else (value,):
            if item not in own.choices:
                raise UsageError(
                    spec.refusal or "{label} is one of {allowed}, not {value}.",
                    label=label,
                    allowed=", ".join(map(str, own.choices)),
                    value=item if spec.refusal else repr(item),
                )
    low, high = spec.minimum, spec.maximum
    if (low is not None or high is not None) and not isinstance(value, Real):
        raise UsageError("{label} is a number, not {value}.", label=label, value=repr(value))
    if (low is None and high is None) or (spec.or_zero and value == 0):
        return
    if (low is None or low <= value) and (high is None or value <= high):
        return
    if spec.refusal:
        raise UsageError(spec.refusal, value=value)
    if low is not None and high is not None:
        raise UsageError(
            "{label} lies between {low} and {high}, not at {value}.",
            label=label,
            low=f"{low:g}",
            high=f"{high:g}",
            value=f"{value:g}",
        )
    side = f"at least {low:g}" if low is not None else f"at most {high:g}"
    raise UsageError("{label} is {side}, not {value}.", label=label, side=side, value=f"{value:g}")
