"""Where the engine lives, and the way to it."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import NamedTuple

from gi.repository import Gimp

from .failure import PluginError
from .i18n import _

PLUGIN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SANDBOX_INFO = "/.flatpak-info"  # in every flatpak, and nowhere else
_SPAWN = "flatpak-spawn"
_DEFAULT_TASK = "matte"  # of a card that names none


class Installed(NamedTuple):
    """What `mattelier install gimp` wrote beside the plug-in.

    Attributes
    ----------
    command : tuple of str
        Starts the worker; empty in a sandbox, where one that runs already is used.
    version : str
        Of the engine at that time.
    models : tuple of str
        Folders with one folder per model.
    flatpak : bool
    host_command : tuple of str
        Starts the worker where the sandbox is not.
    """

    command: tuple[str, ...]
    version: str
    models: tuple[str, ...]
    flatpak: bool
    host_command: tuple[str, ...] = ()


def installed() -> Installed:
    """Read `engine.json`.

    Raises
    ------
    PluginError
        It is absent or damaged.
    """
    try:
        with open(os.path.join(PLUGIN_FOLDER, "engine.json"), encoding="utf-8") as file:
            record = json.load(file)
        return Installed(
            tuple(map(str, record["command"])),
            str(record.get("version", "")),
            tuple(map(str, record.get("models", ()))),
            bool(record.get("flatpak", False)),
            tuple(map(str, record.get("host_command", record["command"]))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PluginError(
            _("The plug-in does not know where its engine is; run “mattelier install gimp”.")
        ) from error


def command(chosen: str) -> tuple[str, ...]:
    """Program and arguments that start the worker; none in a sandbox, which cannot start it.

    The installer cannot know which GIMP will open a profile: a flatpak shares that of a native
    GIMP where there is one.

    Parameters
    ----------
    chosen : str
        The settings' engine: a Python, a `mattelier` command, or "" for the installed one.

    Raises
    ------
    PluginError
        The program does not exist.
    """
    if "SNAP" in os.environ:
        return ()
    if os.path.exists(SANDBOX_INFO):
        # What is on the host is not seen from here, so nothing of it can be checked.
        program = _program(chosen) if chosen else installed().host_command
        return (_SPAWN, "--host", *program) if program and may_spawn() else ()
    if chosen:
        if not os.path.isfile(chosen):
            raise PluginError(
                _("The engine {path} does not exist; choose another in Filters → AI → AI Settings.")
                .format(path=chosen)
            )  # fmt: skip
        return _program(chosen)
    recorded = installed().command
    if recorded and not os.path.isfile(recorded[0]):
        raise PluginError(
            _("The Mattelier engine is gone ({path}); install it again, then run "
              "“mattelier install gimp”.").format(path=recorded[0])
        )  # fmt: skip
    return recorded


def _program(chosen: str) -> tuple[str, ...]:
    """What starts the worker of an engine that was chosen: a Python, or a `mattelier` command."""
    if os.path.basename(chosen).lower().startswith("python"):
        return (chosen, "-I", "-m", "mattelier", "worker")
    return (chosen, "worker")


def may_spawn() -> bool:
    """Whether this flatpak was allowed to start programs of the host: docs/gimp.md says how."""
    try:
        with open(SANDBOX_INFO, encoding="utf-8") as file:
            allowed = re.search(r"^org\.freedesktop\.Flatpak=talk$", file.read(), re.MULTILINE)
    except OSError:
        return False
    return allowed is not None and shutil.which(_SPAWN) is not None


def client():
    """The client module that the installer puts beside the plug-in.

    Raises
    ------
    PluginError
        It is not there.
    """
    try:
        from mattelier_worker import client as module
    except ImportError as error:
        raise PluginError(
            _("A part of the plug-in is missing; run “mattelier install gimp” again.")
        ) from error
    return module


def connect(settings):
    """A connection to the worker, started when none runs.

    Raises
    ------
    PluginError, WorkerError
    """
    module = client()
    engine = module.Engine(command(settings.engine), settings.keep_warm * 60)
    return module.connect(engine, f"GIMP {Gimp.version()}")


def models(task: str) -> list[str]:
    """The models for a task that are on this computer, by name.

    A model's card and its files may lie in different folders of the same name: cards come with
    Mattelier, and files are fetched into the user's folder.
    """
    try:
        folders = [folder for folder in installed().models if os.path.isdir(folder)]
    except PluginError:
        return []
    names = {entry.name for folder in folders for entry in os.scandir(folder) if entry.is_dir()}
    return sorted(name for name in names if _is_usable(folders, name, task))


def _is_usable(folders: list[str], name: str, task: str) -> bool:
    for folder in folders:
        try:
            with open(os.path.join(folder, name, "card.toml"), encoding="utf-8") as file:
                card = file.read()
        except (OSError, ValueError):
            continue
        # Cards have a value a line, and GIMP's Python may be too old to read TOML.
        tasks = re.findall(r'^task = "(.+)"$', card, re.MULTILINE) or [_DEFAULT_TASK]
        files = re.findall(r'^path = "(.+)"$', card, re.MULTILINE)
        if tasks != [task] or not files:
            return False
        return any(
            all(os.path.isfile(os.path.join(place, name, file)) for file in files)
            for place in folders
        )
    return False
