"""How a server's memory is held: what one picture needed is kept for the next."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_KEPT_BYTES = 512 << 20  # free memory at the heap's end that is not given back
_LARGE_BYTES = 256 << 20  # from here on a block is the system's own, and goes back at once


def keep_memory() -> None:
    """Let the allocator keep freed blocks of a picture's size, where it is glibc's.

    Else each array of some megabytes is fetched from the system and given back, page by page,
    which takes a sixth of a small picture's time.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
