"""What goes wrong, in one sentence; the rest goes into a log file."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
import traceback

from gi.repository import Gimp

from .engine_sentences import translated_error
from .i18n import _

_MAX_LOG_BYTES = 1_000_000


class PluginError(Exception):
    """Something a user can act on; `str(failure)` is one translated sentence."""


def log_path() -> str:
    """The plug-in's own log, in GIMP's profile folder."""
    return os.path.join(Gimp.directory(), "mattelier.log")


def error_message(error: Exception) -> str:
    """What to tell the user about an error; an unexpected one goes into the log.

    Parameters
    ----------
    error : Exception
        A `PluginError`, the client's `WorkerError` (which names the worker's log), or any other.
    """
    if isinstance(error, PluginError):
        return runnable(str(error))
    if hasattr(error, "log"):
        return _with_details(runnable(translated_error(error)), error.log)
    return _with_details(
        _("Mattelier stumbled ({error}); the image was not changed.").format(
            error=type(error).__name__
        ),
        _write_log(error),
    )


def runnable(text: str) -> str:
    """A sentence whose commands can be run as they stand, also where `mattelier` is not on PATH."""
    if shutil.which("mattelier"):
        return text
    try:
        program = installed_program()
    except PluginError:
        return text
    return re.sub(r"([`“])mattelier (?=[a-z])", lambda found: f"{found[1]}{program} ", text)


def installed_program() -> str:
    """What starts `mattelier` in a terminal, from the record that the installer wrote.

    Raises
    ------
    PluginError
    """
    from . import engine

    command = engine.installed().command
    if not command:
        raise PluginError
    return " ".join(shlex.quote(word) for word in command[:-1])  # without "worker"


def _with_details(text: str, log: str) -> str:
    return _("{sentence} Details: {log}").format(sentence=text, log=log) if log else text


def _write_log(error: Exception) -> str:
    path = log_path()
    try:
        full = os.path.exists(path) and os.path.getsize(path) > _MAX_LOG_BYTES
        with open(path, "w" if full else "a", encoding="utf-8") as log:
            print(time.strftime("%Y-%m-%d %H:%M:%S"), file=log)
            traceback.print_exception(type(error), error, error.__traceback__, file=log)
    except OSError:
        return ""
    return path
