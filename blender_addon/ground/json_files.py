# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON values: written whole or not at all, and their digests."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path


def write_json(file: Path, value: object) -> None:
    """Write a value so that the file is never seen half."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(json.dumps(value), "utf-8")
    os.replace(part, file)


def digest(value: object) -> str:
    """Sixteen hexadecimal digits of a JSON value."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
