"""What goes into a GIMP profile: the plug-in, the worker's client, and where the engine lives."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mattelier import __version__
from mattelier.hosts.engine import copy_client
from mattelier.hosts.folder import remove_folder, replace_folder
from mattelier.hosts.gimp_profiles import Profile, find_profiles
from mattelier.types.errors import OutputError
from mattelier.types.plain_files import read_json

_MARKER_FILE = "engine.json"  # what makes a folder ours
_COPIED_SUFFIXES = {".py", ".mo"}


@dataclass(frozen=True)
class Installation:
    """A plug-in that lies in a profile; `command` is empty where it may only connect."""

    version: str
    command: tuple[str, ...]

    @property
    def has_engine(self) -> bool:
        """Whether the program that it would start is there."""
        return not self.command or os.access(self.command[0], os.X_OK)


def plugin_folder() -> Path:
    """The plug-ins that come with Mattelier: inside an installed package, or beside `core/`."""
    installed = Path(__file__).parents[1] / "gimp_plugin"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "gimp_plugin"


def installation(profile: Profile) -> Installation | None:
    """What lies in a profile; None when nothing does.

    Raises
    ------
    OutputError
        Something lies there that is not ours.
    """
    place = profile.plugin
    if not os.path.lexists(place):
        return None
    try:
        manifest = read_json(place / _MARKER_FILE)
        found = Installation(str(manifest["version"]), tuple(map(str, manifest["command"])))
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found is None or place.is_symlink():
        raise OutputError(f"{place} is not Mattelier's own folder; move it away and try again.")
    return found


def install(profile: Profile, command: Sequence[str]) -> None:
    """Put the plug-in into a profile, in place of an older one.

    Parameters
    ----------
    profile : Profile
    command : sequence of str
        What `engine_command` found.

    Raises
    ------
    OutputError
        A folder of that name is not ours, or the system refuses; nothing was changed.
    """
    installation(profile)
    replace_folder(profile.plugin, lambda folder: _fill(folder, profile, command))


def uninstall(profile: Profile) -> None:
    """Take the plug-in out of a profile; its settings stay, for the next time.

    Raises
    ------
    OutputError
        The folder is not ours, or the system refuses; nothing was changed.
    """
    if installation(profile) is not None:
        remove_folder(profile.plugin)


def announce_models() -> None:
    """Have each GIMP ask its plug-in anew, when it next starts, what its menu shows.

    GIMP keeps the answer until the plug-in's file is newer than that.
    """
    for profile in find_profiles():
        with contextlib.suppress(OutputError, OSError):
            if installation(profile) is not None:
                (profile.plugin / "mattelier.py").touch()


def _fill(folder: Path, profile: Profile, command: Sequence[str]) -> None:
    old_api = profile.series == "2.10"
    source = plugin_folder() / ("gimp-2.10" if old_api else "mattelier")
    for file in source.rglob("*"):
        if file.is_file() and file.suffix in _COPIED_SUFFIXES:
            copy = folder / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)  # without the mode and age that a package gave it
    (folder / "mattelier.py").chmod(0o755)
    if not old_api:
        copy_client(folder)
    (folder / _MARKER_FILE).write_text(json.dumps(_engine(profile, command), indent=2), "utf-8")


def _engine(profile: Profile, command: Sequence[str]) -> dict[str, object]:
    from mattelier.catalogue.store import shipped_folder, user_folder
    from mattelier.log import log_path

    # The adapter for 2.10 runs the command line; the plug-in for 3 talks to the worker.
    started = [*command] if profile.series == "2.10" else [*command, "worker"]
    return {
        "version": __version__,
        "command": [] if profile.sandbox else started,
        "host_command": started,
        "flatpak": bool(profile.sandbox),
        "models": [str(shipped_folder()), str(user_folder())],
        "log": str(log_path()),
    }
