"""Whether a network can fit into this computer's memory at all, asked before it is read."""

from __future__ import annotations

import os
from pathlib import Path

from mattelier.types.errors import ModelError


def physical_memory() -> int | None:
    """Bytes of memory that the computer has; None where it does not say so (Windows)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def refuse_too_large(source: Path) -> None:
    """Refuse weights that have more bytes than the computer has memory.

    What is smaller may still not fit beside a picture; that is told when it happens.

    Parameters
    ----------
    source : Path
        A file, or a folder whose files are all read.

    Raises
    ------
    ModelError
    """
    memory = physical_memory()
    files = [source] if source.is_file() else [p for p in source.rglob("*") if p.is_file()]
    needed = sum(file.stat().st_size for file in files)
    if memory is not None and needed > memory:
        raise ModelError(
            "{name} needs at least {needed} GB of memory, and this computer has {memory}; "
            "choose a smaller network.",
            name=source.name,
            needed=f"{needed / 1e9:.1f}",
            memory=f"{memory / 1e9:.1f}",
        )
