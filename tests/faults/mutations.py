"""Sound bytes made unsound, by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

_NUMBERS = (0, 1, 300, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
_HEAD_BYTES = 300  # where formats keep their sizes


def mutate(data: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    """Cut off, overwrite, remove, insert, repeat, or go on as another file does."""
    block = bytearray(data)
    at, length = rng.randrange(len(block)), rng.choice((1, 2, 8, 100))
    kind = rng.choice(("cut", "bytes", "head", "number", "remove", "insert", "repeat", "splice"))
    if kind == "cut":
        del block[at:]
    elif kind in ("bytes", "head"):
        reach = len(block) if kind == "bytes" else min(len(block), _HEAD_BYTES)
        for _ in range(rng.choice((1, 2, 4, 16))):
            block[rng.randrange(reach)] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    elif kind == "number":
        size = rng.choice((2, 4, 8))
        value = rng.choice(_NUMBERS) & (2 ** (8 * size) - 1)
        block[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))
    elif kind == "remove":
        del block[at : at + length]
    elif kind == "insert":
        block[at:at] = rng.randbytes(length)
    elif kind == "repeat":
        start = rng.randrange(len(block))
        block[at:at] = block[start : start + rng.randrange(5000)]
    else:
        other = rng.choice(others)
        block[at:] = other[rng.randrange(len(other)) :]
    return bytes(block)
