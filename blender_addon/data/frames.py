# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of frames as artists write them: "1001-1100x2, 1150"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

_PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:x(\d+))?)?")
_MAX_RANGE_FRAMES = 1_000_000


def parse_frames(text: str) -> tuple[int, ...]:
    """The frames of a list, ascending and each once.

    Raises
    ------
    ValueError
        One sentence, with the part that is none.
    """
    frames: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _PART.fullmatch(part)
        first, last, step = match.groups() if match else ("", "", "")
        if not match or step == "0" or int(last or first) < int(first):
            raise ValueError(f"“{part}” is no frame or range; write frames like 1001-1100x2, 1150.")
        if int(last or first) - int(first) > _MAX_RANGE_FRAMES:
            raise ValueError(f"“{part}” has more than {_MAX_RANGE_FRAMES} frames.")
        frames.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return tuple(sorted(frames))


def runs(frames: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken run of these frames."""
    ordered = sorted(set(frames))
    starts = ordered[:1] + [b for a, b in pairwise(ordered) if b - a > 1]
    ends = [a for a, b in pairwise(ordered) if b - a > 1] + ordered[-1:]
    return list(zip(starts, ends, strict=True))


def format_frames(frames: Iterable[int]) -> str:
    """The shortest list of these frames that uses steps of one only."""
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs(frames))
