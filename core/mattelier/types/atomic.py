"""A result appears whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mattelier.types.errors import OutputError
from mattelier.types.sentence import Sentence

_NEARLY_FULL_BYTES = 1 << 20
_STEM_CHARACTERS = 40  # of the file's own name that its temporary one keeps
_TEMPORARY = re.compile(rf"\.(.{{1,{_STEM_CHARACTERS}}})\.[0-9a-f]{{8}}(\.\w+)")


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it onto `path` when the block ends well.

    The temporary name keeps the suffix, for writers that choose their format by it, and lies in
    the same folder, so the move is one atomic step. It is removed on any failure, also Ctrl-C.

    Raises
    ------
    OutputError
        When the system refuses: folder missing or read-only, disk full, `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError("{path} is a folder; name a file to write.", path=path)
    temporary = path.with_name(
        f".{path.stem[:_STEM_CHARACTERS]}.{secrets.token_hex(4)}{path.suffix}"
    )
    try:
        temporary.touch(exist_ok=False)  # the system's own refusal; libraries do not tell why
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None and shutil.disk_usage(path.parent).free < _NEARLY_FULL_BYTES:
            error.errno = errno.ENOSPC
        raise OutputError(_sentence(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Delete the half-written files that a killed `replacing` of these paths left behind."""
    names: dict[Path, set[tuple[str, str]]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add((path.stem[:_STEM_CHARACTERS], path.suffix))
    for folder, expected in names.items():
        try:
            present = os.listdir(folder)
        except OSError:
            continue
        for name in present:
            match = _TEMPORARY.fullmatch(name)
            if match and (match[1], match[2]) in expected:
                (folder / name).unlink(missing_ok=True)


def remove_leftovers_below(folder: Path) -> None:
    """Delete what killed `replacing`s left half-written in a folder and in those below it."""
    for place, _, names in os.walk(folder):
        for name in filter(_TEMPORARY.fullmatch, names):
            with suppress(OSError):
                Path(place, name).unlink()


def _sentence(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Sentence(
            "{path} was not written: the disk is full; free some space and try again.", path=path
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Sentence(
            "{path} was not written: no permission to write in that folder; choose another.",
            path=path,
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Sentence(
            "{path} was not written: the folder {parent} does not exist; make it first.",
            path=path,
            parent=path.parent,
        )
    return Sentence("{path} was not written: {reason}.", path=path, reason=error.strerror or error)
