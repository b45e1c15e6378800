# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a moment ago: a panel is drawn more often than folders need be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_MAX_AGE_SECONDS = 1.0
_values: dict[str, tuple[float, object]] = {}


def recent(key: str, compute: Callable[[], T]) -> T:
    """What `compute()` gave a moment ago, or gives now."""
    entry = _values.get(key)
    if entry is None or time.monotonic() - entry[0] > _MAX_AGE_SECONDS:
        entry = _values[key] = (time.monotonic(), compute())
    return entry[1]


def forget() -> None:
    """Compute anew at the next `recent`."""
    _values.clear()
