"""Frame ranges as artists write them: `1001-1100x2,1150`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from mattelier.types.errors import UsageError

_MAX_FRAMES = 10_000_000
_PART_PATTERN = re.compile(r"\s*(-?\d{1,10})(?:\s*-\s*(-?\d{1,10})(?:\s*x\s*(\d{1,10}))?)?\s*")


@dataclass(frozen=True)
class FrameRange:
    """A set of whole frame numbers in rising order, each once.

    Written as numbers and `first-last` parts with commas, `x` giving the step of a part. The text
    of a range is canonical: parsing it gives an equal range, and equal ranges have equal texts.

    Examples
    --------
    >>> str(FrameRange.parse("1150, 1001-1006x2, 1003"))
    '1001-1005x2,1150'
    >>> FrameRange.parse("1-3,7").openjd()
    '1-3,7'
    """

    frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if any(a >= b for a, b in zip(self.frames, self.frames[1:], strict=False)):
            raise ValueError("frames rise strictly; use FrameRange.of")

    @classmethod
    def of(cls, frames: Iterable[int]) -> FrameRange:
        """The range that holds just these frames, given in any order and however often."""
        return cls(tuple(sorted(set(frames))))

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Read a range.

        Raises
        ------
        UsageError
            The text is none; the sentence points at the place.
        """
        frames: set[int] = set()
        at = 0
        while True:
            match = _PART_PATTERN.match(text, at)
            ended = match is not None and (match.end() == len(text) or text[match.end()] == ",")
            if match is None or not ended:
                wrong = at if match is None else match.end()
                raise UsageError(
                    "The frame range {text} is not clear at character {place} ({part}); write it "
                    "like 1001-1100x2,1150.",
                    text=repr(text),
                    place=wrong + 1,
                    part=repr(text[wrong : wrong + 10]),
                )
            first, last = int(match[1]), int(match[2] or match[1])
            step = int(match[3] or 1)
            if last < first or step < 1:
                why = "it runs backwards" if last < first else "its step is 0"
                raise UsageError(
                    "The frame range {text} has a part {part}: {why}.",
                    text=repr(text),
                    part=repr(match[0].strip()),
                    why=why,
                )
            if len(frames) + (last - first) // step + 1 > _MAX_FRAMES:
                raise UsageError(
                    "The frame range {text} has more than {max_frames} frames.",
                    text=repr(text),
                    max_frames=_MAX_FRAMES,
                )
            frames.update(range(first, last + 1, step))
            if match.end() == len(text):
                return cls.of(frames)
            at = match.end() + 1

    def __str__(self) -> str:
        return self._format("x")

    def openjd(self) -> str:
        """The range as Open Job Description writes it, where `:` sets off the step."""
        return self._format(":")

    def __iter__(self) -> Iterator[int]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    def __contains__(self, frame: object) -> bool:
        return frame in self._frame_set

    def __and__(self, other: Iterable[int]) -> FrameRange:
        return FrameRange.of(self._frame_set.intersection(other))

    def __or__(self, other: Iterable[int]) -> FrameRange:
        return FrameRange.of(self._frame_set.union(other))

    def __sub__(self, other: Iterable[int]) -> FrameRange:
        return FrameRange.of(self._frame_set.difference(other))

    def chunks(self, size: int) -> list[FrameRange]:
        """The frames in pieces of `size`, the last of what is left."""
        return [FrameRange(self.frames[i : i + size]) for i in range(0, len(self), size)]

    @cached_property
    def _frame_set(self) -> frozenset[int]:
        return frozenset(self.frames)

    def _format(self, sign: str) -> str:
        parts: list[str] = []
        frames, at = self.frames, 0
        while at < len(frames):
            end = at + 1
            step = frames[end] - frames[at] if end < len(frames) else 1
            while end < len(frames) and frames[end] - frames[end - 1] == step:
                end += 1
            if end - at < 3 and step > 1:  # two frames far apart are no range
                end = at + 1
            first, last = frames[at], frames[end - 1]
            if first == last:
                parts.append(str(first))
            else:
                parts.append(f"{first}-{last}" if step == 1 else f"{first}-{last}{sign}{step}")
            at = end
        return ",".join(parts)
