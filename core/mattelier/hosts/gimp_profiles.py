"""Where GIMP keeps what belongs to a user, and which GIMPs have not made that folder yet.

Each series of GIMP has its own profile folder, such as ~/.config/GIMP/3.0. GIMP makes it at its
first start, taking over what an older series left; a folder that is there already keeps it from
doing so. Therefore a missing profile is made by GIMP itself, never by us.
"""

from __future__ import annotations

import os
import platform
import plistlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from mattelier.worker.client import clean_environment

Sandbox = Literal["", "flatpak", "snap"]

_SERIES_PATTERN = re.compile(r"(?:gimp-)?(2\.10|3\.\d+)(?:\.exe)?")
_FIRST_START_TIMEOUT_SECONDS = 120
_FLATPAK = "org.gimp.GIMP"


@dataclass(frozen=True)
class Profile:
    """A user's folder of one series of GIMP."""

    folder: Path

    @property
    def series(self) -> str:
        """The folder's name, such as "3.0" or "2.10"; "3" where that does not tell."""
        return _series(self.folder.name) or "3"

    @property
    def sandbox(self) -> Sandbox:
        """What keeps the GIMP of this profile from starting programs, "" where nothing does.

        A flatpak uses ~/.config/GIMP where that exists, so "" says that one GIMP can.
        """
        steps = list(pairwise(self.folder.absolute().parts))
        if ("snap", "gimp") in steps:
            return "snap"
        return "flatpak" if (".var", "app") in steps else ""

    @property
    def plugin(self) -> Path:
        """The plug-in's place; GIMP runs the file in it that has the folder's name."""
        return self.folder / "plug-ins" / "mattelier"

    def __str__(self) -> str:
        return f"GIMP {self.series}{self.sandbox and f' ({self.sandbox})'}"


@dataclass(frozen=True)
class Unstarted:
    """A GIMP that is installed but has not made its profile; `console` starts it windowless."""

    profile: Profile
    console: Path | None

    def start(self) -> bool:
        """Let GIMP make its profile, which takes some seconds; False when it did not."""
        command = [str(self.console), "--no-interface", "--no-data", "--no-fonts", "--quit"]
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=clean_environment(os.environ),
                timeout=_FIRST_START_TIMEOUT_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return self.profile.folder.is_dir()


def find_profiles() -> list[Profile]:
    """The profiles of this user, of GIMP 3 and 2.10: also those of flatpak, snap and AppImages."""
    found = {
        folder.resolve(): Profile(folder)
        for home in _homes()
        for folder in sorted(home.glob("[23].*"))
        if folder.is_dir() and _series(folder.name)
    }
    return list(found.values())


def find_unstarted() -> list[Unstarted]:
    """GIMPs that are installed but have no profile yet; an AppImage cannot be found so."""
    system = {"Windows": _windows_programs, "Darwin": _mac_programs}
    programs = system.get(platform.system(), _unix_programs)()
    found: dict[Profile, Unstarted] = {}
    for profile, console in programs:
        if not profile.folder.exists():
            console = None if profile.series == "2.10" else console  # which knows no --quit
            found.setdefault(profile, Unstarted(profile, console))
    return list(found.values())


def has_flatpak() -> bool:
    """Whether GIMP is installed as a flatpak, for this user or for all."""
    return any((folder / _FLATPAK).is_dir() for folder in _flatpak_apps())


def _series(name: str) -> str | None:
    found = _SERIES_PATTERN.fullmatch(name)
    return found[1] if found else None


def _homes() -> list[Path]:
    """Folders that hold one profile per series; the first is that of an ordinary GIMP."""
    home = Path.home()
    if platform.system() == "Windows":
        return [Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming") / "GIMP"]
    if platform.system() == "Darwin":
        return [home / "Library" / "Application Support" / "GIMP"]
    return [
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "GIMP",
        *sorted(home.glob(f".var/app/{_FLATPAK}*/config/GIMP")),
        home / "snap" / "gimp" / "current" / ".config" / "GIMP",
    ]


def _flatpak_apps() -> list[Path]:
    return [Path.home() / ".local/share/flatpak/app", Path("/var/lib/flatpak/app")]


def _in_folder(folder: Path, home: Path) -> Iterator[tuple[Profile, Path | None]]:
    """The profiles, below `home`, of the GIMPs whose programs lie in a folder."""
    for program in sorted(folder.glob("gimp-[23].*")):
        if series := _series(program.name):
            console = program.with_name(program.name.replace("gimp-", "gimp-console-"))
            yield Profile(home / series), console if console.is_file() else None


def _unix_programs() -> Iterator[tuple[Profile, Path | None]]:
    home = _homes()[0]
    for folder in os.get_exec_path():
        yield from _in_folder(Path(folder), home)
    # A flatpak is given ~/.config/GIMP in place of its own folder, where there is one.
    own = Path.home() / ".var" / "app" / _FLATPAK / "config" / "GIMP"
    for apps in _flatpak_apps():
        programs = apps / _FLATPAK / "current" / "active" / "files" / "bin"
        for profile, _ in _in_folder(programs, home if home.is_dir() else own):
            yield profile, None


def _mac_programs() -> Iterator[tuple[Profile, Path | None]]:
    for apps in (Path("/Applications"), Path.home() / "Applications"):
        for contents in sorted(apps.glob("GIMP*.app/Contents")):
            try:
                info = plistlib.loads((contents / "Info.plist").read_bytes())
                version = str(info["CFBundleShortVersionString"])
            except (OSError, KeyError, plistlib.InvalidFileException):
                continue
            if series := _series(".".join(version.split(".")[:2])):
                console = next(contents.glob("MacOS/gimp-console*"), None)
                yield Profile(_homes()[0] / series), console


def _windows_programs() -> Iterator[tuple[Profile, Path | None]]:
    local = os.environ.get("LOCALAPPDATA")
    places = [os.environ.get("PROGRAMFILES"), local and f"{local}/Programs"]
    for place in filter(None, places):
        for folder in sorted(Path(place).glob("GIMP */bin")):
            yield from _in_folder(folder, _homes()[0])
