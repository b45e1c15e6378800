"""What a user asks for, as frozen values: the same objects from every door.

The command line builds them from flags, a host from its dialog, the worker from JSON.
Equal requests have equal digests, which name cached results.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mattelier.errors import UsageError

Quality = Literal["fast", "balanced", "best"]
Device = Literal["auto", "cpu", "cuda", "mps"]


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is one of {', '.join(allowed)}, not {value!r}.")


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
    """picture + optional hint → alpha."""

    hint: HintRequest = HintRequest()
    model: str = "default"
    device: Device = "auto"
    quality: Quality = "balanced"
    refine: bool = True

    def __post_init__(self) -> None:
        _one_of("quality", self.quality, get_args(Quality))
        _one_of("device", self.device, get_args(Device))


@dataclass(frozen=True)
class CutoutRequest:
    """picture + optional hint → picture with alpha, or composited over a background.

    `background` is None (keep transparency), "blur", a colour, or a picture's path.
    `padding` is in pixels, around the subject's bounding box, when `crop` is set.
    """

    matte: MatteRequest = MatteRequest()
    foreground: bool = True
    background: str | None = None
    crop: bool = False
    padding: int = 0

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise UsageError(f"Padding cannot be negative ({self.padding}).")


def to_json(request: Any) -> dict[str, Any]:
    """The request as plain JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(request)))
    return values


def digest(request: Any) -> str:
    """First 16 hex digits of the SHA-256 of the request's canonical JSON."""
    canonical = json.dumps(to_json(request), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
