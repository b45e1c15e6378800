# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist pointed at, frame by frame: gestures, the question they ask, the key they make.

Plain values without Blender. Places are in pixels of the plate, from its top left corner.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ...data.failure import Failure
from ...data.json_files import parse_json

_DIGITS = 2


@dataclass(frozen=True)
class Click:
    """This, or where not `positive`, not this."""

    x: float
    y: float
    positive: bool = True


@dataclass(frozen=True)
class Box:
    """A rectangle that holds the subject."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def between(cls, start: tuple[float, float], end: tuple[float, float]) -> Box:
        """The rectangle of two corners, wherever they lie to each other."""
        (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(start, end, strict=True))
        return cls(x0, y0, x1 - x0, y1 - y0)


@dataclass(frozen=True)
class Gestures:
    """All that was said of one frame, in order; a later box replaces an earlier one."""

    made: tuple[Click | Box, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.made)

    @property
    def clicks(self) -> list[Click]:
        return [one for one in self.made if isinstance(one, Click)]

    @property
    def box(self) -> Box | None:
        return next((one for one in reversed(self.made) if isinstance(one, Box)), None)

    def clicked(self, x: float, y: float, positive: bool, reach: float) -> Gestures:
        """With a click more; or without the one that lies within `reach` of it."""
        near = min(self.clicks, key=lambda one: math.hypot(one.x - x, one.y - y), default=None)
        if near is not None and math.hypot(near.x - x, near.y - y) <= reach:
            return Gestures(tuple(one for one in self.made if one is not near))
        return Gestures((*self.made, Click(x, y, positive)))

    def boxed(self, start: tuple[float, float], end: tuple[float, float]) -> Gestures:
        """With a box in place of the one there was."""
        clicks = tuple(one for one in self.made if isinstance(one, Click))
        return Gestures((*clicks, Box.between(start, end)))

    def undone(self) -> Gestures:
        """Without the last one."""
        return Gestures(self.made[:-1])

    def key(self, scale: float = 1, others: Iterable[Click] = ()) -> dict[str, object]:
        """Clicks and box as the engine takes them for a key frame, and as the hint of a question.

        Parameters
        ----------
        scale : float
            Of the picture that is asked about, to the plate.
        others : iterable of Click
            On other subjects, which are not this one.
        """

        def scaled(one: Click | Box) -> dict[str, object]:
            return {
                name: value if isinstance(value, bool) else round(value * scale, _DIGITS)
                for name, value in vars(one).items()
            }

        box = self.box
        return {
            "points": [
                *(scaled(one) for one in self.clicks),
                *(scaled(replace(one, positive=False)) for one in others if one.positive),
            ],
            **({"box": scaled(box)} if box else {}),
        }


@dataclass(frozen=True)
class Pointed:
    """The gestures of all frames, by the plate's numbers."""

    frames: Mapping[int, Gestures]

    @classmethod
    def parse(cls, text: str) -> Pointed:
        """As `text` was made by `dump`; "" is nothing.

        Raises
        ------
        Failure
            It was not.
        """
        try:
            return cls(
                {
                    int(number): Gestures(
                        tuple(Click(**one) if "positive" in one else Box(**one) for one in made)
                    )
                    for number, made in parse_json(text or "{}").items()
                }
            )
        except (ValueError, TypeError, AttributeError):
            raise Failure(
                "What was pointed at is damaged in this file; Remove Key takes it away."
            ) from None

    def dump(self) -> str:
        """As a .blend file keeps it."""
        frames = {
            str(number): [vars(one) for one in gestures.made]
            for number, gestures in sorted(self.frames.items())
        }
        return json.dumps(frames) if frames else ""

    def on(self, number: int) -> Gestures:
        """What was said of a frame."""
        return self.frames.get(number, Gestures())

    def with_key(self, number: int, gestures: Gestures) -> Pointed:
        """With these gestures on a frame; none take its key away."""
        others = {frame: one for frame, one in self.frames.items() if frame != number}
        return replace(self, frames={**others, number: gestures} if gestures else others)
