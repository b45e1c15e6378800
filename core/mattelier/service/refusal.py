"""Why a request is not done: a status and a sentence."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from pathlib import Path

from starlette.exceptions import HTTPException

from mattelier.types.errors import (
    EngineError,
    MattelierError,
    OutputError,
    PictureTooLarge,
    UsageError,
)

LATER = {"Retry-After": "5"}  # headers of what may be asked again
FULL_DISK = {errno.ENOSPC, errno.EDQUOT}


class Refusal(HTTPException):
    """The answer to a request that is not done: `{"detail": sentence}` with its status."""

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, sentence, dict(headers or {}))


class Away(Refusal):
    """503: another machine that is needed does not answer; it may be asked again."""

    def __init__(self, what: str) -> None:
        super().__init__(503, f"{what} does not answer; try again in a moment.", LATER)


def refusal(error: BaseException, names: Mapping[Path, str]) -> Refusal:
    """What a client hears of an error.

    Parameters
    ----------
    names : files of this server → what the client calls them; their paths are nobody's business
    """
    if isinstance(error, Refusal):
        return error
    for cause in (error, error.__cause__):
        if isinstance(cause, OSError) and cause.errno in FULL_DISK:
            return Refusal(507, "The server's disk is full; try again later.")
    if isinstance(error, MemoryError):
        return Refusal(503, "There is not enough memory for this picture; send a smaller one.")
    if isinstance(error, MattelierError):
        return Refusal(_status(error), without_paths(str(error), names))
    return Refusal(500, f"Something unexpected went wrong in the engine: {type(error).__name__}.")


def without_paths(sentence: str, names: Mapping[Path, str]) -> str:
    """A sentence with the client's words for this server's files."""
    for path, name in names.items():
        sentence = sentence.replace(str(path), name).replace(path.name, name)
        # One that was derived from it, or shortened.
        sentence = re.sub(rf"{re.escape(str(path.parents[1]))}[^\s\"'),;]*", "a file", sentence)
    return sentence[:1].upper() + sentence[1:]


def _status(error: MattelierError) -> int:
    if isinstance(error, PictureTooLarge):
        return 413
    if isinstance(error, EngineError):
        return 503
    if isinstance(error, OutputError) and isinstance(error.__cause__, OSError):
        return 500
    return 400 if isinstance(error, UsageError) else 422
