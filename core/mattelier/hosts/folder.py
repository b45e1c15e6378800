"""A plug-in's folder in another program: it appears, changes and goes whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from mattelier.types.errors import OutputError


def replace_folder(target: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a new folder beside `target`, then put it in `target`'s place.

    Raises
    ------
    OutputError
        The system refuses; what was there before is there still.
    """
    fresh = old = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        fresh.chmod(0o755)
        fill(fresh)
        old = _move_aside(target) if target.exists() else None
        os.replace(fresh, target)
    except OSError as error:
        if old is not None and not target.exists():
            os.replace(old, target)
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
        raise _output_error(target, error) from error
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def remove_folder(target: Path) -> None:
    """Remove a folder; it is out of the way at once.

    Raises
    ------
    OutputError
        The system refuses; nothing was removed.
    """
    try:
        old = _move_aside(target)
    except OSError as error:
        raise _output_error(target, error) from error
    shutil.rmtree(old, ignore_errors=True)


def _move_aside(target: Path) -> Path:
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    aside.rmdir()
    os.replace(target, aside)
    return aside


def _output_error(target: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    where = Path(error.filename) if error.filename else target
    return OutputError(
        f"{target} was left as it was ({where.name}: {reason}); make {target.parent} writable, "
        "close the program that uses it, and try again."
    )
