# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that artists type and choose from."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def names_with(text: str, names: Iterable[str]) -> list[str]:
    """Those of some names that a typed text is part of, in small letters or capitals."""
    return [name for name in names if text.lower() in name.lower()]


def unused_name(name: str, others: Collection[str]) -> str:
    """The name, or the same with a number where others have it."""
    numbered = (f"{name} {number}" for number in range(2, len(others) + 3))
    return next(one for one in (name, *numbered) if one not in others)
