"""Where the subject is, as far as the user says."""

from __future__ import annotations

from dataclasses import dataclass

from mattelier.types.errors import UsageError


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
