"""Check Installation: what is there, what is missing, and how to mend it."""

from __future__ import annotations

import platform

from gi.repository import Gimp

from . import VERSION, engine
from .failure import error_message, log_path, runnable
from .i18n import _
from .jobs import Call
from .settings import path as settings_path


def run(call: Call) -> list:
    """Give the findings as text, and show them in a window when there is one."""
    text = runnable("\n".join(_findings(call.settings)))
    if call.interactive:
        from . import dialogs

        dialogs.show_text(_("Check Installation"), text)
    return [text]


def _findings(settings):
    """Lines of text: first whether all is well, or what is missing; then what is there."""
    try:
        command = engine.command(settings.engine)
        with engine.connect(settings) as worker:
            status = worker.run("status", {}).report
    except Exception as error:
        yield _("Missing: {sentence}").format(sentence=error_message(error))
        command, status = None, None
    else:
        yield _verdict(status)
    yield ""
    yield _("Plug-in: Mattelier {version} in {folder}").format(
        version=VERSION, folder=engine.PLUGIN_FOLDER
    )
    yield f"GIMP {Gimp.version()}, Python {platform.python_version()}"
    yield _("Settings: {path}").format(path=settings_path())
    yield _("Log of the plug-in: {path}").format(path=log_path())
    if status is not None:
        yield from _engine_findings(command, status)


def _verdict(status):
    if status.get("version") != VERSION:
        return _(
            "The plug-in ({plugin}) and the engine ({engine}) are of different versions; run "
            "“mattelier install gimp”."
        ).format(plugin=VERSION, engine=status.get("version"))
    if not any(model["state"] == "ready" for model in status.get("models", ())):
        return _("Missing: no model is ready; install Mattelier again.")
    return _("All is well.")


def _engine_findings(command, status):
    yield ""
    yield _("Engine: Mattelier {version}, Python {python}, process {pid}").format(
        version=status.get("version"), python=status.get("python"), pid=status.get("pid")
    )
    if command:
        yield _("Started with: {command}").format(command=" ".join(command))
    else:
        yield _("This GIMP is in a sandbox and uses a worker that you start.")
    yield _("Log of the engine: {path}").format(path=status.get("log"))
    for device, state in status.get("devices", {}).items():
        yield _("Device {name}: {state}").format(name=device, state=state)
    by_state: dict[str, list[str]] = {}
    for model in status.get("models", ()):
        by_state.setdefault(model["state"], []).append(model["name"])
    optional = by_state.pop("absent", [])
    for state, names in by_state.items():
        yield _("Models {state}: {names}").format(state=state, names=", ".join(names))
    if optional:
        yield _("Optional models, to be fetched with “mattelier models get”: {names}").format(
            names=", ".join(optional)
        )
