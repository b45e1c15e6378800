"""Which pictures are trained on and which are held back, by name: the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mattelier.data.pairs import Pair


def is_validation(name: str) -> bool:
    """Whether a file of this name is held back: its SHA-1 starts with 0 or 1 (one in eight)."""
    return hashlib.sha1(name.encode()).hexdigest()[0] in "01"


def split_pairs(pairs: Iterable[Pair]) -> tuple[list[Pair], list[Pair]]:
    """(train, validation) by `is_validation` of the picture's file name."""
    train: list[Pair] = []
    validation: list[Pair] = []
    for pair in pairs:
        (validation if is_validation(pair.picture.name) else train).append(pair)
    return train, validation
