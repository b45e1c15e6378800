"""A lock on an open file that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_PAUSE_SECONDS = 0.2
_FAR_BYTE = 1 << 30  # Windows keeps others from reading what is locked, so it is no byte of ours


def try_lock(file: IO[bytes]) -> bool:
    """Lock a file, for as long as it is open; False when another process or thread has it.

    Holds between machines too, where the share's file system carries locks.

    Raises
    ------
    OSError
        The file system has no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(_FAR_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0, os.SEEK_END)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


@contextlib.contextmanager
def one_at_a_time(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Let one process or thread at a time into the block; `path` is a file that is there meanwhile.

    Where the file system has no locks, all are let in.

    Parameters
    ----------
    waiting : callable
        Called once, when another is in.

    Raises
    ------
    OSError
        The file cannot be made.
    """
    told = False
    while True:
        file = path.open("a+b")
        try:
            locked = try_lock(file)
        except OSError:
            break
        # Who was in before removes the file, of which a new one may have been made since.
        if locked and path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            break
        file.close()
        if not locked:
            if not told:
                told = True
                waiting()
            time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        if os.name != "nt":  # where an open file cannot be removed
            path.unlink(missing_ok=True)
        file.close()
        with contextlib.suppress(OSError):
            if os.name == "nt":
                path.unlink(missing_ok=True)
