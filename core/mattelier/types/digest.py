"""The one digest of plain values: what names cached results and tells whether files are fresh."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(*parts: Any) -> str:
    """First 16 hex digits of the SHA-256 of plain values, as JSON with sorted names."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
