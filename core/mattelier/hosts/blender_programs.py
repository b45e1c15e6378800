"""The Blenders that are installed here, of 4.2 and later."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mattelier.worker.client import clean_environment

MIN_VERSION = (4, 2)
_VERSION_LINE = re.compile(r"^Blender (\d+)\.(\d+)", re.MULTILINE)
_FLATPAK = "org.blender.Blender"
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Blender:
    """A Blender that can be started.

    Attributes
    ----------
    command : tuple of str
        Starts it.
    version : (int, int)
    sandbox : bool
        It may not start programs, so it uses a worker that runs already.
    """

    command: tuple[str, ...]
    version: tuple[int, int]
    sandbox: bool = False

    def __str__(self) -> str:
        major, minor = self.version
        return f"Blender {major}.{minor} ({' '.join(self.command)})"


def probe(*command: str, sandbox: bool = False) -> Blender | None:
    """The Blender that a command starts, or None where it starts none."""
    try:
        done = subprocess.run(
            [*command, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=clean_environment(os.environ),
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION_LINE.search(done.stdout)
    return Blender(command, (int(found[1]), int(found[2])), sandbox) if found else None


def find_blenders() -> list[Blender]:
    """Every Blender in the usual places, each once; also those too old for the add-on."""
    found: dict[str, Blender] = {}
    for program in _programs():
        place = os.path.realpath(program)
        if place not in found and (blender := probe(str(program))):
            found[place] = blender
    flatpak = shutil.which("flatpak")
    if flatpak and any((apps / _FLATPAK).is_dir() for apps in _flatpak_apps()):
        blender = probe(flatpak, "run", _FLATPAK, sandbox=True)
        if blender:
            found[_FLATPAK] = blender
    return list(found.values())


def _flatpak_apps() -> list[Path]:
    return [Path.home() / ".local/share/flatpak/app", Path("/var/lib/flatpak/app")]


def _programs() -> Iterator[Path]:
    system = {"Windows": _windows_programs, "Darwin": _mac_programs}
    for program in system.get(platform.system(), _unix_programs)():
        if program.is_file():
            yield program


def _unix_programs() -> Iterator[Path]:
    for folder in os.get_exec_path():
        yield Path(folder, "blender")
    yield Path("/snap/bin/blender")
    home = Path.home()
    for place in (home, home / "Applications", home / "Downloads", Path("/opt")):
        if place.is_dir():
            yield from sorted(place.glob("[bB]lender*/blender"))


def _mac_programs() -> Iterator[Path]:
    for apps in (Path("/Applications"), Path.home() / "Applications"):
        yield from sorted(apps.glob("Blender*.app/Contents/MacOS/Blender"))
        yield from sorted(apps.glob("Blender*/Blender.app/Contents/MacOS/Blender"))


def _windows_programs() -> Iterator[Path]:
    yield from (Path(folder, "blender.exe") for folder in os.get_exec_path())
    for name in ("PROGRAMFILES", "LOCALAPPDATA"):
        if folder := os.environ.get(name):
            base = Path(folder) / ("Programs" if name == "LOCALAPPDATA" else "")
            yield from sorted(base.glob("Blender Foundation/Blender*/blender.exe"))
    steam = os.environ.get("PROGRAMFILES(X86)")
    if steam:
        yield Path(steam, "Steam", "steamapps", "common", "Blender", "blender.exe")
