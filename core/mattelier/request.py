"""What a user asks for, as frozen values: the same objects from every door.

The command line builds them from flags, a host from its dialog, the worker from JSON.
Equal requests have equal digests, which name cached results.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from mattelier.errors import UsageError

_MOST_PIXELS = 500  # of any edge control; beyond it a wish is a slip of the keyboard

Request = TypeVar("Request")
Quality = Literal["fast", "balanced", "best"]
Device = Literal["auto", "cpu", "cuda", "mps"]


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is one of {', '.join(allowed)}, not {value!r}.")


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} lies between {least:g} and {most:g}, not at {value:g}.")


@dataclass(frozen=True)
class Point:
    """A click at pixel (x, y) of the upright picture: on the subject, or on what is not it."""

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright picture that holds the whole subject."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not (0 < self.width < float("inf") and 0 < self.height < float("inf")):
            raise UsageError(
                f"A box needs a positive width and height, not {self.width}×{self.height}."
            )


@dataclass(frozen=True)
class HintRequest:
    """Where the subject is, as far as the user says; all None/empty means: find it yourself.

    `mask` and `trimap` are file paths; the Python door takes arrays beside this request.
    """

    mask: str | None = None
    trimap: str | None = None
    box: Box | None = None
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class MatteRequest:
    """picture + optional hint → alpha.

    `edge_shift` moves the finished edge by so many pixels, outwards where positive; `feather`
    softens it over about so many. Both are in pixels of the picture.
    """

    hint: HintRequest = HintRequest()
    model: str = "default"
    device: Device = "auto"
    quality: Quality = "balanced"
    refine: bool = True
    edge_shift: float = 0
    feather: float = 0

    def __post_init__(self) -> None:
        _one_of("quality", self.quality, get_args(Quality))
        _one_of("device", self.device, get_args(Device))
        _within("The edge shift", self.edge_shift, -_MOST_PIXELS, _MOST_PIXELS)
        _within("The feather", self.feather, 0, _MOST_PIXELS)


@dataclass(frozen=True)
class RefineRequest:
    """picture + mask → alpha: the mask's soft band solved again, along the picture's edges.

    `mask` is a file path; the worker and the Python door take pixels beside this request. The
    band reaches `width` pixels to each side of the mask's edge, and over all that is soft in it.
    """

    mask: str | None = None
    width: float = 12
    quality: Quality = "balanced"
    edge_shift: float = 0
    feather: float = 0

    def __post_init__(self) -> None:
        _one_of("quality", self.quality, get_args(Quality))
        _within("The width", self.width, 1, _MOST_PIXELS)
        _within("The edge shift", self.edge_shift, -_MOST_PIXELS, _MOST_PIXELS)
        _within("The feather", self.feather, 0, _MOST_PIXELS)


@dataclass(frozen=True)
class CutoutRequest:
    """picture + optional hint → picture with alpha, or composited over a background.

    `background` is None (keep transparency), "blur", a colour, or a picture's path.
    `padding` is in pixels, around the subject's bounding box, when `crop` is set. `match_light`
    (0…1) is how far the subject takes on the light of a background picture.
    """

    matte: MatteRequest = MatteRequest()
    foreground: bool = True
    background: str | None = None
    crop: bool = False
    padding: int = 0
    match_light: float = 0

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise UsageError(f"Padding cannot be negative ({self.padding}).")
        _within("Matched light", self.match_light, 0, 1)


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
    if unknown := sorted(set(values) - set(types)):
        raise UsageError(f"A {kind.__name__} has no {', '.join(unknown)}.")
    try:
        return kind(**{name: _value(name, types[name], value) for name, value in values.items()})
    except TypeError:
        raise UsageError(f"A {kind.__name__} needs more than {sorted(values)}.") from None


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
