"""AI Settings: what holds for all procedures on this machine."""

from __future__ import annotations

from gi.repository import Gio

from . import engine, settings
from .jobs import Call


def show_stored(call: Call) -> None:
    """Have the dialog show what is stored, not what GIMP remembers of the last one."""
    stored, config = call.settings, call.config
    config.set_property("engine", Gio.File.new_for_path(stored.engine) if stored.engine else None)
    config.set_property("device", stored.device)
    config.set_property("keep-warm", stored.keep_warm)
    config.set_property("operation", stored.operation)


def run(call: Call) -> list:
    """Store the arguments; an engine that does not exist is refused."""
    file = call["engine"]
    path = (file.get_path() or "") if file else ""
    if path:
        engine.command(path)
    settings.save(settings.Settings(path, call["device"], call["keep-warm"], call["operation"]))
    return []
