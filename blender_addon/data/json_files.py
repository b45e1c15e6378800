# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON values: written whole or not at all, read whatever lies there, and their digests."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def write_json(file: Path, value: object) -> None:
    """Write a value so that the file is never seen half."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(json.dumps(value), "utf-8")
    os.replace(part, file)


def read_json(file: Path) -> Any:
    """The value of a file; raises OSError where it cannot be read, and as `parse_json`."""
    return parse_json(file.read_text("utf-8"))


def parse_json(text: str) -> Any:
    """The value that a text stands for.

    Raises
    ------
    ValueError
        It is no JSON, or nested deeper than Python's parser goes.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def digest(value: object) -> str:
    """Sixteen hexadecimal digits of a JSON value."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
