"""How large a picture may be, judged from its header, before any memory is taken for it.

A file of some hundred bytes may announce any size. What may be read is bounded by pixels, by the
longer side, and by what the decoder would need of the memory that this process may use.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from mattelier.types.errors import PictureError, PictureTooLarge

MAX_PIXELS = 300_000_000
MAX_SIDE_PX = 100_000
_MEMORY_SHARE = 0.5  # of this process's memory, for one picture as it is decoded

_max_pixels: ContextVar[int] = ContextVar("max_pixels", default=MAX_PIXELS)


@contextlib.contextmanager
def limited_to(pixels: int) -> Iterator[None]:
    """Within the block no picture of more pixels is read or made; never more than `MAX_PIXELS`."""
    token = _max_pixels.set(min(pixels, MAX_PIXELS))
    try:
        yield
    finally:
        _max_pixels.reset(token)


def max_result_pixels(own: int) -> int:
    """How many pixels a task may make: its own limit, or less within `limited_to`."""
    return own if _max_pixels.get() == MAX_PIXELS else min(own, _max_pixels.get())


def check_size(path: Path, width: int, height: int, bytes_per_pixel: float) -> None:
    """Refuse a size that no picture has, or that would not fit.

    Parameters
    ----------
    bytes_per_pixel : float
        What decoding takes at its peak, the picture itself included.

    Raises
    ------
    PictureError
    """
    most = _max_pixels.get()
    if width < 1 or height < 1:
        raise PictureError(f"{path} is damaged: it claims to be {width}×{height} pixels.")
    if width * height > most:
        raise PictureTooLarge(
            f"{path} has {width}×{height} = {width * height / 1e6:.0f} megapixels; "
            f"pictures up to {most / 1e6:g} megapixels can be read, so scale it down first."
        )
    if max(width, height) > MAX_SIDE_PX:
        raise PictureTooLarge(
            f"{path} is {width}×{height} pixels; sides up to {MAX_SIDE_PX} pixels can be read, so "
            "cut it into pieces first."
        )
    needed, there = width * height * bytes_per_pixel, usable_memory()
    if needed > there * _MEMORY_SHARE:
        raise PictureTooLarge(
            f"{path} has {width}×{height} pixels and takes about {needed / 1e9:.1f} GB to read, "
            f"more than half of the {there / 1e9:.1f} GB that may be used here; scale it down "
            "first, or use a larger machine."
        )


def usable_memory() -> float:
    """Bytes that this process may have: of the machine, its container, or a limit set for it."""
    return min(_machine_memory(), _container_memory(), _limit_of_process())


def _machine_memory() -> float:
    if sys.platform == "win32":
        import ctypes

        kilobytes = ctypes.c_ulonglong()
        known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return kilobytes.value * 1024 if known else float("inf")
    with contextlib.suppress(ValueError, OSError):
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    return float("inf")


def _container_memory() -> float:
    """The least limit of Linux control groups around this process: a container, a farm's slot."""
    root, least = Path("/sys/fs/cgroup"), float("inf")
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return least
    for line in lines:
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        if controllers not in ("", "memory"):
            continue
        top, name = (
            (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        )
        folder = top / group.lstrip("/")
        for place in (folder, *folder.parents):
            if not place.is_relative_to(top):
                break
            with contextlib.suppress(OSError, ValueError):  # "max", or none of its own
                least = min(least, float((place / name).read_text()))
    return least


def _limit_of_process() -> float:
    if sys.platform == "win32":
        return float("inf")
    import resource

    limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return min((float(limit) for limit in limits if limit >= 0), default=float("inf"))
