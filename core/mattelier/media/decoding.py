"""Where files are decoded: here, or, while somebody says so, by another process.

Decoders are large programs in C and C++. A server that takes files from strangers lets others run
them; see `service.decoders`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

Decoded = TypeVar("Decoded")
Decode = Callable[[str, Path, dict[str, Any]], Any]
"""A function of the decoding function's name, the file and its options."""

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""Functions that decode, by their names."""

_elsewhere: ContextVar[Decode | None] = ContextVar("decode", default=None)


@contextlib.contextmanager
def decoded_by(decode: Decode) -> Iterator[None]:
    """Within the block, `decode` does what functions do that `decodes` marks."""
    token = _elsewhere.set(decode)
    try:
        yield
    finally:
        _elsewhere.reset(token)


def decodes(name: str) -> Callable[[Callable[..., Decoded]], Callable[..., Decoded]]:
    """Mark a function `(path, **options)` as one that decodes a file, by a name of its own."""

    def mark(function: Callable[..., Decoded]) -> Callable[..., Decoded]:
        FUNCTIONS[name] = function

        @wraps(function)
        def marked(path: Path, **options: Any) -> Decoded:
            decode = _elsewhere.get()
            if decode is None:
                return function(path, **options)
            decoded: Decoded = decode(name, path, options)
            return decoded

        return marked

    return mark
