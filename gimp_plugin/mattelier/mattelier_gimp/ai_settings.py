"""AI Settings: what holds for all procedures on this machine."""

from __future__ import annotations

from gi.repository import Gimp, Gio

from . import engine, settings
from .jobs import Call


def dialog(procedure: Gimp.Procedure, call: Call) -> bool:
    """Show what is stored, not what GIMP remembers of the last dialog."""
    from . import dialogs

    stored, config = call.settings, call.config
    config.set_property("engine", Gio.File.new_for_path(stored.engine) if stored.engine else None)
    config.set_property("device", stored.device)
    config.set_property("keep-warm", stored.keep_warm)
    config.set_property("operation", stored.operation)
    return dialogs.ask(procedure, config)


def run(call: Call) -> list:
    """Store the arguments; an engine that does not exist is refused."""
    chosen = call["engine"]
    path = (chosen.get_path() or "") if chosen else ""
    if path:
        engine.command(path)
    settings.save(settings.Settings(path, call["device"], call["keep-warm"], call["operation"]))
    return []
