"""The log file: what went wrong, with the traceback that people are spared on the terminal."""

from __future__ import annotations

import logging
from functools import cache
from logging.handlers import RotatingFileHandler
from pathlib import Path

_MAX_BYTES = 1_000_000
_BACKUP_COUNT = 2


def log_path() -> Path:
    """Where the log of this user lies: `mattelier.log` in the platform's log folder."""
    from platformdirs import user_log_path

    return user_log_path("mattelier", appauthor=False) / "mattelier.log"


@cache
def logger() -> logging.Logger:
    """The package's logger; it writes to `log_path()`, and nowhere when that cannot be written."""
    log = logging.getLogger("mattelier")
    log.addHandler(_file_handler())
    log.setLevel(logging.INFO)
    log.propagate = False
    return log


def log_unexpected(error: BaseException) -> Path:
    """Write an unexpected exception with its traceback; returns the log's path for the message."""
    logger().error("unexpected %s", type(error).__name__, exc_info=error)
    return log_path()


def _file_handler() -> logging.Handler:
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path, maxBytes=_MAX_BYTES, backupCount=_BACKUP_COUNT, encoding="utf-8"
        )
    except OSError:
        return logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    return handler
