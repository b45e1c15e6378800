# SPDX-License-Identifier: GPL-3.0-or-later
"""What files hold, told from others without reading them whole: freshness is content."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

_HEAD_BYTES = 1 << 16
_BLOCKS = 16  # of what follows the head, spread evenly
_BLOCK_BYTES = 1 << 12
_DIGITS = 16


def file_stamp(file: Path) -> str:
    """A digest of a file's size, its head and samples of the rest; "" where it is not there.

    It stays when the file is moved or copied, whatever time the copy gets.
    """
    try:
        status = os.stat(file)
        return _read_stamp(file, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=1 << 17)
def _read_stamp(file: Path, size: int, *times: int) -> str:
    """Of a file that is read once, unless its size or one of its times changes."""
    content = hashlib.sha256(b"%d:" % size)
    with file.open("rb") as samples:
        content.update(samples.read(_HEAD_BYTES))
        if size > _HEAD_BYTES:
            span = max(size - _HEAD_BYTES - _BLOCK_BYTES, 0)
            for block in range(_BLOCKS):
                samples.seek(_HEAD_BYTES + span * block // (_BLOCKS - 1))
                content.update(samples.read(_BLOCK_BYTES))
    return content.hexdigest()[:_DIGITS]
