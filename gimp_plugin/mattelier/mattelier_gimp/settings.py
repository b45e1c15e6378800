"""What holds for all procedures on this machine: which engine, which device, how long warm."""

from __future__ import annotations

import json
import os
import tempfile
from typing import NamedTuple

from gi.repository import Gimp

from .failure import PluginError
from .i18n import _


class Settings(NamedTuple):
    """What "AI Settings…" stores.

    Attributes
    ----------
    engine : str
        Path of the engine's Python or of its `mattelier` command; "" is what the installer wrote.
    device : "auto", "cpu", "cuda" or "mps"
    keep_warm : int
        Minutes that the worker stays after its last work.
    operation : "replace", "add", "subtract" or "intersect"
        How Select Subject combines with the selection when it is called from the menu.
    """

    engine: str = ""
    device: str = "auto"
    keep_warm: int = 15
    operation: str = "replace"


DEVICES = ("auto", "cpu", "cuda", "mps")
OPERATIONS = ("replace", "add", "subtract", "intersect")
MAX_KEEP_WARM_MINUTES = 24 * 60


def path() -> str:
    """The file of the settings, in GIMP's profile folder."""
    return os.path.join(Gimp.directory(), "mattelier-settings.json")


def load() -> Settings:
    """The stored settings; what is missing or makes no sense has its default."""
    try:
        with open(path(), encoding="utf-8") as file:
            stored = json.load(file)
    except (OSError, ValueError):
        return Settings()
    if not isinstance(stored, dict):
        return Settings()
    default = Settings()
    return Settings(
        engine=_validated(stored, "engine", default.engine, lambda v: isinstance(v, str)),
        device=_validated(stored, "device", default.device, lambda v: v in DEVICES),
        keep_warm=_validated(
            stored, "keep_warm", default.keep_warm, lambda v: type(v) is int and v > 0
        ),
        operation=_validated(stored, "operation", default.operation, lambda v: v in OPERATIONS),
    )


def save(settings: Settings) -> None:
    """Store the settings; the file appears whole or not at all.

    Raises
    ------
    PluginError
        The profile folder cannot be written.
    """
    final = path()
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(".json", ".mattelier-", os.path.dirname(final))
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(settings._asdict(), file, indent=2)
        os.replace(temporary, final)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.remove(temporary)
        raise PluginError(
            _("The settings were not stored in {path}: {reason}.").format(
                path=final, reason=error.strerror or error
            )
        ) from error


def _validated(stored, name, default, is_valid):
    value = stored.get(name, default)
    return value if is_valid(value) else default
