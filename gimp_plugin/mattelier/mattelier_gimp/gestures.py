"""What a user has pointed at and brushed, in pixels of the picture that is shown."""

from __future__ import annotations

from typing import NamedTuple, Union

BRUSHES = ("hair", "sure", "not")


class Click(NamedTuple):
    """This, or where not `positive`, not this."""

    x: float
    y: float
    positive: bool


class Box(NamedTuple):
    """A rectangle that holds the subject; a later one replaces an earlier one."""

    x: float
    y: float
    width: float
    height: float


class Stroke(NamedTuple):
    """A brush of a kind ("hair", "sure" or "not") through points."""

    kind: str
    points: tuple[tuple[float, float], ...]
    radius: float


Gesture = Union[Click, Box, Stroke]  # GIMP's Python may be too old for |


def hint(gestures: tuple) -> dict:
    """The request's hint."""
    boxes = [one for one in gestures if isinstance(one, Box)]
    points = [one._asdict() for one in gestures if isinstance(one, Click)]
    return {"points": points, **({"box": boxes[-1]._asdict()} if boxes else {})}


def strokes(gestures: tuple) -> list:
    """The request's strokes."""
    return [
        {
            "kind": one.kind,
            "points": [{"x": x, "y": y} for x, y in one.points],
            "radius": one.radius,
        }
        for one in gestures
        if isinstance(one, Stroke)
    ]
