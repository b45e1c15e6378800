"""The one digest of plain values: what names cached results and tells whether files are fresh."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(*parts: Any, sort_names: bool = True) -> str:
    """First 16 hex digits of the SHA-256 of plain values as JSON, whose names are sorted."""
    return hashlib.sha256(json.dumps(parts, sort_keys=sort_names).encode()).hexdigest()[:16]
