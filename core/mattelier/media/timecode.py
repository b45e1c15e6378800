"""SMPTE timecode (ST 12-1): text, frame arithmetic, and the packed form in an EXR's header.

By hand, because `timecode` and `opentimelineio` have no packed form, and the one takes frame 29 of
24, the other hour 25, for good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_TEXT = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.])(\d\d)")


@dataclass(frozen=True)
class Timecode:
    """A frame's label `hh:mm:ss:ff`; `;` before the frames marks drop-frame counting.

    Attributes
    ----------
    count : int
        Frames since 00:00:00:00.
    base : int
        Labels a second: 24, 25, 30 … (the frame rate, rounded).
    drop : bool
        Two labels (four at 60) are left out each minute but the tenth, so that labels of 29.97
        frames a second keep the time of day.
    """

    count: int
    base: int
    drop: bool = False

    @classmethod
    def parse(cls, text: str, fps: Fraction) -> Timecode | None:
        """The timecode that a file says; None where it makes no sense."""
        match = _TEXT.fullmatch(text.strip())
        base = round(fps)
        if match is None or base < 1:
            return None
        hours, minutes, seconds, frames = (int(match[i]) for i in (1, 2, 3, 5))
        drop = match[4] != ":" and base % 30 == 0
        if hours > 23 or frames >= base:
            return None
        minutes += 60 * hours
        count = (60 * minutes + seconds) * base + frames
        if drop:
            count -= base // 15 * (minutes - minutes // 10)
        return cls(count, base, drop)

    @classmethod
    def unpack(cls, bits: int, fps: Fraction) -> Timecode | None:
        """The timecode of an EXR's `timeCode` attribute (its first word, TV60 packing)."""
        pairs = [(bits >> shift & 0xF, bits >> shift + 4 & mask) for shift, mask in _FIELDS]
        frames, seconds, minutes, hours = (f"{tens}{units}" for units, tens in pairs)
        sign = ";" if bits >> 6 & 1 else ":"
        return cls.parse(f"{hours}:{minutes}:{seconds}{sign}{frames}", fps)

    def pack(self) -> int:
        """The first word of an EXR's `timeCode` attribute."""
        numbers = reversed(re.findall(r"\d\d", str(self)))
        bits = 1 << 6 if self.drop else 0
        for (shift, _), number in zip(_FIELDS, numbers, strict=True):
            bits |= int(number[1]) << shift | int(number[0]) << shift + 4
        return bits

    def __add__(self, frames: int) -> Timecode:
        return Timecode(self.count + frames, self.base, self.drop)

    def __str__(self) -> str:
        count = self.count
        if self.drop:
            dropped = self.base // 15
            minute = 60 * self.base - dropped
            tens, rest = divmod(count, 10 * minute + dropped)
            # The first minute of ten keeps all its labels.
            count += dropped * (9 * tens + max(0, (rest - dropped) // minute))
        seconds, frames = divmod(count, self.base)
        hours = seconds // 3600 % 24
        sign = ";" if self.drop else ":"
        return f"{hours:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{sign}{frames:02d}"


# Bit of the units and mask of the tens: frames, seconds, minutes, hours (OpenEXR, ImfTimeCode.h).
_FIELDS = ((0, 0x3), (8, 0x7), (16, 0x7), (24, 0x3))
