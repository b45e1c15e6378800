# SPDX-License-Identifier: GPL-3.0-or-later
"""What an OpenEXR file says of itself, without its pixels."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"\x76\x2f\x31\x01"
_MOST_BYTES = 1 << 16  # of a header


def header_text(file: Path, name: str) -> str:
    """A text in a file's header; "" where there is none, or no such file.

    The header is a list of name, type, size and value (OpenEXR File Layout).
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES)
    except OSError:
        return ""
    if not content.startswith(_MAGIC):
        return ""
    at = 8  # after the magic number and the version
    while at < len(content) and content[at]:
        try:
            found, kind, after = content[at:].split(b"\0", 2)
            (size,) = struct.unpack_from("<i", after)
        except (ValueError, struct.error):
            return ""
        start = at + len(found) + len(kind) + 6  # two zeros, and the size
        if found == name.encode() and kind == b"string":
            return content[start : start + size].decode("utf-8", "replace")
        at = start + max(size, 0)
    return ""
